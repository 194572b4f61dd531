package main

import (
	"bytes"
	"os"
	"testing"
)

// TestReference: docs/commands.md says what the program knows.
func TestReference(t *testing.T) {
	var got bytes.Buffer
	if err := writeReference(&got, testApp(t, parts{}).engine); err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/commands.md"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s is out of date: make golden writes it anew", file)
	}
}
