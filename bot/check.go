package bot

// Check is one thing about the bot's own set-up on a platform that was looked
// at, in plain words for whoever runs it. Adapters give them to be printed.
type Check struct {
	Name     string // what was looked at: "bot token", "scopes"
	Problem  string // what is wrong; "" is right
	Mend     string // what to do about it, with the page where it is done
	Optional bool   // the bot runs without it, less well: Problem says how
}

// Named is a space, and where User is given somebody in it, that a setting names.
type Named struct {
	Setting string
	Space   SpaceID
	User    UserID
}
