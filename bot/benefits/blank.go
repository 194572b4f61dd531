package benefits

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// blanked stands where personal data was.
const blanked = "[…]"

// blank takes e-mail addresses, IBANs and telephone numbers out of a text and
// reports whether there were any. It would rather leave an odd number than
// blank a year, an amount, a date or the number of a notice or an article.
func blank(s string) (string, bool) {
	out := mail.ReplaceAllString(s, blanked)
	out = numbers(out)
	return out, out != s
}

// mail finds addresses, also with the sign written out to keep machines away.
var mail = regexp.MustCompile(`(?i)[\p{L}\p{N}._%+'-]*[\p{L}\p{N}_%+-](?:@|\s?[\[({](?:at|à|arobase|ät)[\])}]\s?)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+`)

// numbers blanks IBANs and telephone numbers.
func numbers(s string) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(s); {
		if !boundary(s, i) {
			_, n := utf8.DecodeRuneInString(s[i:])
			i += n
			continue
		}
		end := iban(s, i)
		if end == 0 {
			var skip int
			if end, skip = phone(s, i); end == 0 && skip > i {
				i = skip
				continue
			}
		}
		if end == 0 {
			_, n := utf8.DecodeRuneInString(s[i:])
			i += n
			continue
		}
		b.WriteString(s[done:i])
		b.WriteString(blanked)
		done, i = end, end
	}
	b.WriteString(s[done:])
	return b.String()
}

// boundary reports whether a word can begin at s[i].
func boundary(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	return i == 0 || !unicode.IsLetter(before) && !unicode.IsDigit(before)
}

// ibanLengths of the countries around, https://www.swift.com/standards/data-standards/iban-international-bank-account-number
var ibanLengths = map[string]int{
	"AD": 24, "AL": 28, "AT": 20, "BA": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
	"ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20,
	"LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24,
	"RS": 22, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29, "XK": 20,
}

// iban gives the end of an IBAN that begins at s[i], 0 when there is none. Its
// check digits are not asked: one that was mistyped is personal too.
func iban(s string, i int) int {
	if i+4 > len(s) {
		return 0
	}
	want := ibanLengths[strings.ToUpper(s[i:i+2])]
	if want == 0 || !digit(s[i+2]) || !digit(s[i+3]) {
		return 0
	}
	n, gap := 0, false
	for at, r := range s[i:] {
		switch {
		case r < utf8.RuneSelf && (digit(byte(r)) || letter(byte(r))):
			if n == want {
				return 0
			}
			n, gap = n+1, false
		case (r == ' ' || r == '\u00a0' || r == '\u202f' || r == '-' || r == '.') && !gap && n < want:
			gap = true
		default:
			if n == want {
				return i + at
			}
			return 0
		}
		if n == want && !joined(s[i+at+utf8.RuneLen(r):]) {
			return i + at + utf8.RuneLen(r)
		}
	}
	return 0
}

// joined reports whether a word goes on.
func joined(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return rest != "" && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// named finds the words after which even a short number is a telephone's.
var named = regexp.MustCompile(`(?i)(?:^|[^\p{L}])(?:tel|tél|telephone|téléphone|telefon|telefonnummer|phone|mobile|mobil|handy|handynummer|gsm|portable|fax|natel|whatsapp|portable est le|phone number|phone is|rufnummer|durchwahl)\s?[.:]?(?:\s(?:is|est|ist|le|au|nr|no)[.:]?)?\s?$`)

// counted finds what makes a number an amount.
var counted = regexp.MustCompile(`(?i)^[\s\x{a0}\x{202f}]?(?:€|%|\$|£|eur\b|euros?\b|chf\b|francs?\b|franken\b|million|mio\b|mrd\b|milliard|habitants?\b|inhabitants?\b|residents?\b|einwohner|people\b|personnes?\b|personen\b|bürger|kg\b|km\b|m²|tonnes?\b|tonnen\b)`)

// day is a date in digits; commonProcurement a number of the vocabulary for
// contracts, https://simap.ted.europa.eu/cpv; both may begin with a zero.
var (
	day               = regexp.MustCompile(`^(?:(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|20)\d\d|(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))`)
	commonProcurement = regexp.MustCompile(`^\d{8}-\d`)
)

// phone gives the end of a telephone number that begins at s[i], 0 when there
// is none; skip is where to go on behind digits that are something else.
func phone(s string, i int) (end, skip int) {
	c := s[i]
	if !digit(c) && c != '+' && c != '(' {
		return 0, 0
	}
	for _, other := range []*regexp.Regexp{day, commonProcurement} {
		if m := other.FindString(s[i:]); m != "" && !joined(s[i+len(m):]) {
			return 0, i + len(m)
		}
	}
	var digits []byte
	last, gap := i, 0
scan:
	for at, r := range s[i:] {
		switch {
		case r < utf8.RuneSelf && digit(byte(r)):
			if gap > 0 && day.MatchString(s[i+at:]) {
				break scan
			}
			digits, gap = append(digits, byte(r)), 0
			last = i + at + 1
		case at == 0 && (r == '+' || r == '('):
		case at == 1 && c == '(' && r == '+':
		case strings.ContainsRune(" .-/()\u00a0\u202f", r) && gap < 3 && len(digits) > 0:
			gap++
		default:
			break scan
		}
	}
	if len(digits) == 0 {
		return 0, 0
	}
	if joined(s[last:]) || counted.MatchString(s[last:]) {
		return 0, last
	}
	n := len(digits)
	before := s[max(0, i-40):i]
	plus := strings.HasPrefix(strings.TrimLeft(s[i:], "("), "+")
	switch {
	case plus:
		if n >= 8 && n <= 15 {
			return last, 0
		}
	case strings.HasPrefix(string(digits), "00"):
		if n >= 10 && n <= 17 {
			return last, 0
		}
	case digits[0] == '0':
		// "2014/S 045-075912" is a notice of the Official Journal.
		if n >= 9 && n <= 12 && !strings.HasSuffix(before, "/S ") {
			return last, 0
		}
	}
	if n >= 6 && n <= 15 && named.MatchString(before) {
		return last, 0
	}
	return 0, last
}

func digit(c byte) bool  { return '0' <= c && c <= '9' }
func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
