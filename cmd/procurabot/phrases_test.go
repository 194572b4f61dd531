package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"procurabot/internal/database"
)

// TestContradictingPhrases: an editor who gives one phrase to two topics is told which.
func TestContradictingPhrases(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bot.db")
	db, err := database.Open(t.Context(), path, database.Options{Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(t.Context(), parts{db: db, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	look := func() (string, error) {
		var out bytes.Buffer
		err := phrasesCommand{}.Run(&program{ctx: t.Context(), out: &out, err: &out, env: map[string]string{"PROCURABOT_DATABASE": path}})
		return out.String(), err
	}
	if said, err := look(); err != nil || strings.Contains(said, "neither is ever certain") {
		t.Errorf("what ships contradicts itself: %v\n%s", err, said)
	}
	err = db.Update(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(`INSERT INTO benefits_phrase (topic, language, text) VALUES ('logo', 'en', 'Who pays for the Train?'), ('travel-grants', 'en', 'who pays for the train')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	said, err := look()
	if err != errDiffers || !strings.Contains(said, `travel-grants (en): "who pays for the train" is also a phrase of logo ("Who pays for the Train?")`) {
		t.Errorf("%v\n%s", err, said)
	}
	if err := a.close(); err != nil {
		t.Error(err)
	}
}
