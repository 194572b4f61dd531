package messages

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// textsForLookup has one message of each sort.
var textsForLookup = texts{
	bot.English: `"test.greeting" = "Hello {{.Name}}"
"test.seats" = { one = "One seat", other = "{{.Count}} seats" }
"test.only" = "Only English"`,
	bot.French: `"test.greeting" = "Bonjour {{.Name}}"
"test.seats" = { one = "{{.Count}} place", many = "{{.Count}} de places", other = "{{.Count}} places" }`,
	bot.German: `"test.greeting" = "Guten Tag {{.Name}} {{.Vorname}}"
"test.seats" = { one = "Ein Platz", other = "{{.Count}} Plätze" }`,
}

func TestLookup(t *testing.T) {
	m, err := New(filesWith(t, textsForLookup), Tightest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	count := func(n int) *int { return &n }
	name := bot.Values{"Name": bot.Data("*Ada*")}
	for _, c := range []struct {
		l         bot.Language
		phrase    bot.Phrase
		want      string
		fallbacks uint64
	}{
		{bot.French, bot.P("test.greeting", name), `Bonjour \*Ada\*`, 0},
		{bot.German, bot.P("test.greeting", name), `Hello \*Ada\*`, 1}, // a value is missing there
		{bot.French, bot.P("test.only", nil), "Only English", 1},
		{"it", bot.P("test.greeting", name), `Hello \*Ada\*`, 1},
		{"", bot.P("test.greeting", name), `Hello \*Ada\*`, 1},
		{bot.German, bot.P("test.not_there", nil), `test.not\_there`, 1},
		{bot.English, bot.P("test.greeting", nil), "test.greeting", 1},
		{bot.English, bot.Phrase{ID: "test.seats", Count: count(0)}, "0 seats", 0},
		{bot.English, bot.Phrase{ID: "test.seats", Count: count(1)}, "One seat", 0},
		{bot.French, bot.Phrase{ID: "test.seats", Count: count(0)}, "0 place", 0},
		{bot.French, bot.Phrase{ID: "test.seats", Count: count(1)}, "1 place", 0},
		{bot.French, bot.Phrase{ID: "test.seats", Count: count(2)}, "2 places", 0},
		{bot.French, bot.Phrase{ID: "test.seats", Count: count(3000000)}, "3000000 de places", 0},
		{bot.German, bot.Phrase{ID: "test.seats", Count: count(1)}, "Ein Platz", 0},
		// A number in a text without plural is a value like another.
		{bot.English, bot.Phrase{ID: "test.only", Count: count(1)}, "Only English", 0},
	} {
		before := m.Fallbacks()
		if got := c.phrase.Render(m.Committed(), c.l); got != markup.Text(c.want) {
			t.Errorf("%s in %q: %q, want %q", c.phrase.ID, c.l, got, c.want)
		}
		if n := m.Fallbacks() - before; n != c.fallbacks {
			t.Errorf("%s in %q: %d fallbacks, want %d", c.phrase.ID, c.l, n, c.fallbacks)
		}
	}
	if m.Committed().Has("test.not_there") || !m.Committed().Has("test.only") {
		t.Error("Has is wrong")
	}
}

// write changes a text as another feature's transaction would.
func write(tx *database.Tx, k key, over int, text string) error {
	err := replaceText(tx, over, row{key: k, Version: over + 1, State: Edited, Text: Forms{Other: text}, Shipped: Forms{Other: "?"}}, author{Member: "m-ada"}, whyEdited)
	if err != nil {
		return err
	}
	return tx.Bump()
}

func TestOnlyWhatIsCommittedIsPublished(t *testing.T) {
	s := newStage(t, textsForLookup)
	k := key{"test.only", bot.English}
	seen := func(tx *database.Tx) string {
		b, err := s.messages.At(tx)
		if err != nil {
			t.Fatal(err)
		}
		return string(b.Text(bot.English, "test.only", nil, nil))
	}
	committed := func() string {
		return string(s.messages.Committed().Text(bot.English, "test.only", nil, nil))
	}
	changeOfMind := errors.New("no")
	err := s.db.Update(t.Context(), func(tx *database.Tx) error {
		if err := write(tx, k, 1, "Taken back"); err != nil {
			return err
		}
		if got := seen(tx); got != "Taken back" {
			t.Errorf("inside: %q", got)
		}
		return changeOfMind
	})
	if !errors.Is(err, changeOfMind) || committed() != "Only English" {
		t.Errorf("after a rollback: %v, %q", err, committed())
	}
	err = s.db.Update(t.Context(), func(tx *database.Tx) error {
		if err := write(tx, k, 1, "Kept"); err != nil {
			return err
		}
		if got := seen(tx); got != "Kept" {
			t.Errorf("inside: %q", got)
		}
		if committed() != "Only English" {
			t.Error("published before the commit")
		}
		return nil
	})
	if err != nil || committed() != "Kept" {
		t.Errorf("after the commit: %v, %q", err, committed())
	}
}

// The texts are read once for each revision, whatever number of turns ask.
func TestBookIsReadOnceForEachRevision(t *testing.T) {
	s := newStage(t, textsForLookup)
	if err := s.db.Update(t.Context(), func(tx *database.Tx) error { return tx.Bump() }); err != nil {
		t.Fatal(err)
	}
	var books []*book
	for range 3 {
		if err := s.db.View(t.Context(), func(tx *database.Tx) error {
			b, err := s.messages.at(tx)
			books = append(books, b)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Update(t.Context(), func(tx *database.Tx) error {
		b, err := s.messages.at(tx)
		books = append(books, b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, b := range books {
		if b != books[0] {
			t.Error("the same revision was read twice")
		}
	}
	if s.messages.Committed() != bot.Book(books[0]) {
		t.Error("what the writer saw is not published")
	}
}

// What another process wrote is seen by the next transaction.
func TestForeignEdit(t *testing.T) {
	s := newStage(t, textsForLookup)
	other, err := database.Open(t.Context(), s.path, database.Options{Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Update(t.Context(), func(tx *database.Tx) error {
		return write(tx, key{"test.only", bot.English}, 1, "From elsewhere")
	}); err != nil {
		t.Fatal(err)
	}
	if got := s.says(bot.English, "test.only", nil); got != "From elsewhere" {
		t.Errorf("%q", got)
	}
	// What needs no transaction, such as the names of commands, follows as soon as the write is noticed.
	if changed, err := s.db.Foreign(t.Context()); err != nil || !changed {
		t.Errorf("%v, %v", changed, err)
	}
	if got := string(s.messages.Committed().Text(bot.English, "test.only", nil, nil)); got != "From elsewhere" {
		t.Errorf("%q", got)
	}
}

// 32 readers say a text while it is edited: each sees one of the saved texts, never
// an older one after a newer, and at the end the last.
func TestReadersWhileEditing(t *testing.T) {
	s := newStage(t, textsForLookup)
	const edits = 20
	texts := []string{"Only English"}
	for i := range edits {
		texts = append(texts, "Only English, for the time being"+strings.Repeat("!", i))
	}
	number := map[string]int{}
	for i, text := range texts {
		number[text] = i
	}
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 32 {
		readers.Go(func() {
			last := 0
			for {
				text := string(s.messages.Committed().Text(bot.English, "test.only", nil, nil))
				n, known := number[text]
				if !known || n < last {
					t.Errorf("%q after number %d", text, last)
					return
				}
				last = n
				err := s.db.View(t.Context(), func(tx *database.Tx) error {
					b, err := s.messages.At(tx)
					if err != nil {
						return err
					}
					if text := string(b.Text(bot.French, "test.only", nil, nil)); number[text] < last {
						t.Errorf("%q in a snapshot after number %d", text, last)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for _, text := range texts[1:] {
		s.change("ada", "test.only", bot.English, text)
	}
	close(stop)
	readers.Wait()
	if got := string(s.messages.Committed().Text(bot.English, "test.only", nil, nil)); got != texts[edits] {
		t.Errorf("at the end: %q", got)
	}
}

func BenchmarkText(b *testing.B) {
	m, err := New(filesWith(b, textsForLookup), Tightest(), nil)
	if err != nil {
		b.Fatal(err)
	}
	book, values, n := m.Committed(), map[string]markup.Text{"Name": "Ada", "Count": "3"}, 3
	for _, c := range []struct {
		name  string
		id    string
		l     bot.Language
		count *int
	}{
		{"values", "test.greeting", bot.French, nil},
		{"plural", "test.seats", bot.French, &n},
		{"fallback", "test.only", bot.French, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				book.Text(c.l, c.id, values, c.count)
			}
		})
	}
}

func BenchmarkReload(b *testing.B) {
	db, err := database.Open(b.Context(), filepath.Join(b.TempDir(), "bot.db"), database.Options{Synchronous: "OFF"})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(b.Context(), "messages", Schema()); err != nil {
		b.Fatal(err)
	}
	m, err := New(filesWith(b, nil), Tightest(), nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := m.Load(b.Context(), db); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := db.Update(b.Context(), func(tx *database.Tx) error {
			if err := tx.Bump(); err != nil {
				return err
			}
			_, err := m.At(tx)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}
