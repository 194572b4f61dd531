// Package webpage is what the program's own pages have in common: who may open
// them, how they hear of what is new, and what they say in which language.
//
// Such a page asks nobody who they are and is for one machine. The server draws
// it whole; live.js fetches it anew whenever its stream says that something has
// changed, and puts what differs into its place. Without JavaScript forms post
// and links lead on.
package webpage
