package bottest

import (
	"path/filepath"
	"strings"
	"testing"

	"procurabot/internal/database"
)

// TestDump: text is there to be read, with its ids in order; of what is no text,
// any other bytes give another dump.
func TestDump(t *testing.T) {
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "bot.db"), database.Options{Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	dump := func(bytes string) string {
		t.Helper()
		err := db.Update(t.Context(), func(tx *database.Tx) error {
			for _, query := range []string{`DROP TABLE IF EXISTS thing`, `CREATE TABLE thing (name TEXT, bytes BLOB)`} {
				if _, err := tx.Exec(query); err != nil {
					return err
				}
			}
			_, err := tx.Exec(`INSERT INTO thing VALUES (?, ?)`, tx.NewID(), []byte(bytes))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Dump(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := dump("hello"); !strings.Contains(s, `"id1"`) || !strings.Contains(s, `"hello"`) {
		t.Errorf("text is dumped as\n%s", s)
	}
	long := strings.Repeat("\xff", 1<<20)
	one, same, other := dump(long), dump(long), dump(long[1:]+"\xfe")
	if one != same {
		t.Errorf("the same bytes are dumped as\n%s\n%s", one, same)
	}
	if one == other || len(one) > 1000 {
		t.Errorf("other bytes are dumped as\n%s", other)
	}
}
