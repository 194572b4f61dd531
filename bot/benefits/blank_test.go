package benefits

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBlank(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"write to jean-luc.o'brien+x@ville.example.fr please", "write to […] please"},
		{"Größe: jürgen@städte.example.", "Größe: […]."},
		{"anna (at) stadt.example", "[…]"},
		{"anna [arobase] ville.example", "[…]"},
		{"<mailto:a@b.example|a@b.example>", "<mailto:[…]|[…]>"},
		{"call +32 2 123 45 67 today", "call […] today"},
		{"(+49) 30 1234567", "[…]"},
		{"+49 (0)30 1234567, danke", "[…], danke"},
		{"0049 30 1234567", "[…]"},
		{"mon numéro : 01 23 45 67 89", "mon numéro : […]"},
		{"01.23.45.67.89", "[…]"},
		{"Tel. 030/1234567", "Tel. […]"},
		{"0151 23456789", "[…]"},
		{"044 668 18 00", "[…]"},
		{"tél : 26 12 34 56", "tél : […]"},
		{"mein Handy ist 171 2345678", "mein Handy ist […]"},
		{"DE89 3704 0044 0532 0130 00 merci", "[…] merci"},
		{"BE68539007547034.", "[…]."},
		{"fr14 2004 1010 0505 0001 3M02 606", "[…]"},
		{"two: a@b.example, 0123456789", "two: […], […]"},

		{"in 2026 and 2027", ""},
		{"2 000 habitants", ""},
		{"612 345 678 inhabitants", ""},
		{"300 000 000 €", ""},
		{"+30 000 000 Euro", ""},
		{"CHF 1 200 000.00", ""},
		{"am 01.02.2026 14 Uhr", ""},
		{"le 05/11/2026 15/11/2026", ""},
		{"2026-03-06 16:00", ""},
		{"from 01-02-2026 to 03-04-2026", ""},
		{"article 32 of directive 2014/24/EU", ""},
		{"EN 301 549 and ISO 20400", ""},
		{"CPV 03100000-2 and 45233140-2", ""},
		{"notice 2014/S 045-075912", ""},
		{"article 4006381333931", ""},
		{"art. 12345678", ""},
		{"25 % de remise", ""},
		{"@bot can we join", ""},
		{"7@9", ""},
		{"0,5 or 0.005", ""},
		{"call 2 000 people", ""},
		{"DE89 is not an account", ""},
		{"(2026)", ""},
		{"+", ""},
		{"", ""},
	} {
		want := c.want
		if want == "" {
			want = c.text
		}
		got, any := blank(c.text)
		if got != want || any != (c.want != "") {
			t.Errorf("blank(%q) = %q, %v; want %q", c.text, got, any, want)
		}
	}
}

func FuzzBlank(f *testing.F) {
	for _, s := range []string{"a@b.example", "+32 2 123 45 67", "DE89 3704 0044 0532 0130 00", "01.02.2026 14", "(((+", "\xff0123456789", "é0123456789", "a (at) b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, any := blank(s)
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Fatalf("blank(%q) = %q", s, got)
		}
		if any != (got != s) || any && !strings.Contains(got, blanked) {
			t.Fatalf("blank(%q) = %q, %v", s, got, any)
		}
		if mail.MatchString(got) {
			t.Fatalf("an address is left: blank(%q) = %q", s, got)
		}
	})
}
