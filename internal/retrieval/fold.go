package retrieval

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxRead is how many bytes of a text are looked at.
const maxRead = 4000

// Fold brings a text into the form in which texts are compared: lower case,
// without accents and marks, German letters written out, words separated by
// one space, greetings and thanks at either end left out. It is empty when the
// text has no letters and digits. Fold(Fold(s)) == Fold(s).
func Fold(s string) string { return strings.Join(words(s), " ") }

// words are the words of a folded text.
func words(s string) []string { return strip(fields(s)) }

func fields(s string) []string {
	if len(s) > maxRead {
		s = s[:maxRead]
		for i := 0; i < utf8.UTFMax && !utf8.ValidString(s[max(0, len(s)-utf8.UTFMax):]); i++ {
			s = s[:len(s)-1]
		}
	}
	var b strings.Builder
	for _, r := range contractions.Replace(strings.ReplaceAll(strings.ToLower(norm.NFC.String(strings.ToValidUTF8(s, " "))), "’", "'")) {
		switch r {
		case 'ä', 'æ':
			b.WriteString("ae")
		case 'ö', 'œ':
			b.WriteString("oe")
		case 'ü':
			b.WriteString("ue")
		case 'ß':
			b.WriteString("ss")
		default:
			for _, d := range norm.NFKD.String(string(r)) {
				switch {
				case unicode.Is(unicode.Mn, d):
				case unicode.IsLetter(d), unicode.IsDigit(d):
					b.WriteRune(unicode.ToLower(d))
				default:
					b.WriteByte(' ')
				}
			}
		}
	}
	return strings.Fields(b.String())
}

// contractions of English say the same as the words in full. What an apostrophe
// divides in French and German stays divided.
var contractions = strings.NewReplacer(
	"can't", "can not", "cannot", "can not", "won't", "will not", "n't", " not",
	"'m ", " am ", "'ve ", " have ", "'re ", " are ", "'ll ", " will ", "'d ", " would ",
)

// courtesies are greetings, thanks and pleas, folded: they say nothing about
// what is asked.
var courtesies = func() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(`
hello
hi
hey
hiya
hello there
hi there
hey there
hi all
hello all
hi everyone
hello everyone
dear all
good morning
good afternoon
good evening
thanks
thank you
thank you very much
thank you so much
thanks so much
thanks a lot
many thanks
thanks in advance
thank you in advance
please
pls
cheers
kind regards
best regards
bonjour
bonjour a tous
bonjour a toutes et a tous
bonjour le bot
bonsoir
salut
coucou
hello a tous
madame monsieur
merci
merci bien
merci beaucoup
merci infiniment
merci d avance
merci par avance
un grand merci
s il vous plait
s il te plait
svp
stp
cordialement
bien a vous
bonne journee
hallo
hallo zusammen
hallo ihr lieben
hi zusammen
servus zusammen
moin zusammen
guten tag
guten morgen
guten abend
gruezi
gruess gott
servus
moin
liebe alle
liebes team
danke
danke schoen
vielen dank
herzlichen dank
besten dank
danke im voraus
vielen dank im voraus
danke vorab
bitte
mfg
viele gruesse
beste gruesse
mit freundlichen gruessen
liebe gruesse
`) {
		if line = strings.TrimSpace(line); line != "" {
			m[line] = true
		}
	}
	return m
}()

// longestCourtesy is the number of words of the longest one.
const longestCourtesy = 5

// strip leaves courtesies at either end out, unless nothing else is left.
func strip(all []string) []string {
	rest := all
	for {
		cut := false
		for n := min(longestCourtesy, len(rest)); n > 0; n-- {
			if courtesies[strings.Join(rest[:n], " ")] {
				rest, cut = rest[n:], true
				break
			}
		}
		for n := min(longestCourtesy, len(rest)); n > 0; n-- {
			if courtesies[strings.Join(rest[len(rest)-n:], " ")] {
				rest, cut = rest[:len(rest)-n], true
				break
			}
		}
		if len(rest) == 0 {
			return all
		}
		if !cut {
			return rest
		}
	}
}
