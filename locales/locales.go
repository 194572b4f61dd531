// Package locales embeds what the bot says: its messages and its knowledge, in
// English, French and German. They are the source; the database holds them as
// they are edited.
//
//	active.{en,fr,de}.toml        messages by id, go-i18n's form
//	benefits/{en,fr,de}/<topic>.md   knowledge: front matter, then the answer
//	glossary.md                    which word is used for what
//	readings.tsv                   which French and German texts were read a second time
package locales

import (
	"embed"
	"io/fs"
)

//go:embed active.*.toml benefits/*/*.md
var files embed.FS

// Files gives the message files and, below "benefits", the knowledge pages.
func Files() fs.FS { return files }
