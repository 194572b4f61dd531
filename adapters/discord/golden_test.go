package discord_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"procurabot/bot"
	"procurabot/internal/markup"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestRenderedRequests compares all that is sent to Discord with what was
// looked at once and found good.
func TestRenderedRequests(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(s *scene)
	}{
		{"commands", func(*scene) {}},
		{"answer", func(s *scene) {
			s.must(s.Say(s.ctx, "luc", "lobby", "@bot bonjour"))
			in := s.hears()
			to := s.lobby()
			to.Account, to.Answering = in.From, in.What.(bot.Said).Message
			e := s.envelope(to, "*Non* : voir [le guide](https://example.org/a_b).\n- un\n- deux")
			e.Body.Note = "Réponse automatique"
			e.Body.Buttons = []bot.Button{
				{ID: "benefits.helpful", Value: "a1", Label: "Utile", Style: bot.Primary},
				{ID: "benefits.unhelpful", Label: "Pas utile"},
				{ID: "benefits.delete", Value: "a|1", Label: "Supprimer", Style: bot.Danger},
			}
			id, err := s.adapter.Send(s.ctx, e)
			s.must(err)
			edit := s.envelope(to, "Corrigé")
			edit.Replaces = id
			_, err = s.adapter.Send(s.ctx, edit)
			s.must(err)
		}},
		{"private", func(s *scene) {
			in := s.commands("/procura ask combien ?")
			_, err := s.adapter.Send(s.ctx, s.envelope(privately(in), "first"))
			s.must(err)
			more := privately(in)
			more.FollowUp = true
			_, err = s.adapter.Send(s.ctx, s.envelope(more, "second @everyone"))
			s.must(err)
			_, err = s.adapter.Send(s.ctx, s.envelope(bot.Target{Account: s.Account("greta")}, "third"))
			s.must(err)
		}},
		{"form", func(s *scene) {
			s.engine.will(true, func(bot.Incoming) (bot.Immediate, error) {
				return bot.Immediate{Form: &bot.ShownForm{Draft: "0draftdraftdraftdraf", Title: "Answer", Fields: []bot.ShownField{
					{Name: "text", Kind: bot.Paragraph, Label: "Your answer", Hint: "In their language", Value: "Already", Required: true, Max: 1500},
					{Name: "source", Kind: bot.Line, Label: "Source", Value: strings.Repeat("x", 30), Max: 20},
				}}}, nil
			})
			s.commands("/procura language")
		}},
		{"notice", func(s *scene) {
			s.engine.will(true, func(bot.Incoming) (bot.Immediate, error) {
				return bot.Immediate{Notice: "Please *try* later."}, os.ErrClosed
			})
			s.commands("/procura language")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t).run()
			before := len(s.Requests())
			if test.name == "commands" {
				before = 0
			}
			test.do(s)
			var got bytes.Buffer
			for _, r := range s.Requests()[before:] {
				if r.Body == "" {
					continue
				}
				got.WriteString(r.Route + " -> " + r.Outcome + "\n")
				if err := json.Indent(&got, []byte(r.Body), "", "  "); err != nil {
					t.Fatal(err)
				}
				got.WriteString("\n\n")
			}
			// Ids differ where things happen at the same time.
			text := regexp.MustCompile(`"\d{15,20}"`).ReplaceAllString(got.String(), `"ID"`)
			path := filepath.Join("testdata", test.name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if text != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s", path, text, want)
			}
		})
	}
}

// TestPeopleReadWhatPlainSays sends the marks of package markup's own golden
// files: what a person then reads is what Plain gives.
func TestPeopleReadWhatPlainSays(t *testing.T) {
	files, err := filepath.Glob("../../internal/markup/testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files of package markup", err)
	}
	s := newScene(t).run()
	texts := []markup.Text{
		"*a*_b_ `c*d` [e *f*](https://example.org/x_y?a=@b)", "_see https://example.org/a_b_c_ and (https://a.b/c_d)",
		"[https://a.example](https://b.example)", "[mail](mailto:a@b.example)", "> q\n> r\n\nend", markup.Escape("1. x\n- y\n> z\n# h\n-# s"),
		markup.Escape(":smile: <:a:1> <@1> <#2> ||spoiler|| ~~x~~ @here"),
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(string(b), "-- input --\n")
		input, _, ok2 := strings.Cut(rest, "\n-- ")
		if !ok || !ok2 {
			t.Fatalf("%s has no input", f)
		}
		texts = append(texts, markup.Text(input))
	}
	for _, text := range texts {
		e := s.envelope(s.lobby(), string(text))
		e.Body.Note = "Note with *marks*"
		_, err := s.adapter.Send(s.ctx, e)
		s.must(err)
		seen := s.Seen()
		if len(seen) != 1 || seen[0].Text != strings.TrimSpace(markup.Plain(text)) || seen[0].Note != "Note with marks" {
			t.Errorf("people read\n%+v\nwant\n%q", seen, markup.Plain(text))
		}
	}
}
