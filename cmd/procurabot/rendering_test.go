package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/database"
	"procurabot/internal/outbox"
	"procurabot/locales"
)

// long is what people may write at most, with what platforms take for marks,
// and letters of two units, which count twice where units are counted.
var long = strings.Repeat("Beschaffungsstelle der Großstadt <@U1> *a_ `b` & 𝔊𝔯𝔬ß\n- c [d](https://e.example/f) ", bot.MaxText)[:bot.MaxText]

// placeholder is one of a text.
var placeholder = regexp.MustCompile(`{{\.([A-Za-z]+)}}`)

// catalogue gives every message with all its placeholders, filled with long data.
func catalogue(t *testing.T) map[string]bot.Phrase {
	t.Helper()
	var texts map[string]any
	if _, err := toml.DecodeFS(locales.Files(), "active.en.toml", &texts); err != nil {
		t.Fatal(err)
	}
	all := map[string]bot.Phrase{}
	for id, text := range texts {
		p := bot.Phrase{ID: id, Values: bot.Values{}}
		for _, found := range placeholder.FindAllStringSubmatch(fmt.Sprint(text), -1) {
			p.Values[found[1]] = bot.Data(long)
		}
		if _, plural := text.(map[string]any); plural {
			many := 1234567
			p.Count = &many
		}
		all[id] = p
	}
	return all
}

// TestEverythingFits says every message, with every button, and opens every form,
// in three languages and with long data, to fakes that refuse what the platforms
// would: nothing is refused.
func TestEverythingFits(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC) }
	for platform, open := range map[string]func(*testing.T) bottest.Stage{
		"slack": func(t *testing.T) bottest.Stage {
			s, err := fakeslack.NewStage(fakeslack.Options{Now: now, AckTimeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			return s
		},
		"discord": func(t *testing.T) bottest.Stage {
			s := fakediscord.NewStageOn(fakediscord.Options{Now: now, ResponseDue: time.Minute})
			t.Cleanup(s.Close)
			return s
		},
	} {
		for _, l := range bot.Languages() {
			t.Run(platform+" "+string(l), func(t *testing.T) {
				t.Parallel()
				everythingFits(t, open(t), l)
			})
		}
	}
}

func everythingFits(t *testing.T, s bottest.Stage, l bot.Language) {
	phrases := catalogue(t)
	ids := slices.Sorted(maps.Keys(phrases))
	buttons := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !strings.HasSuffix(id, ".button") })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.AddPerson(t.Context(), bottest.Person{Name: "luc", Locale: string(l)}))
	must(s.AddChannel(t.Context(), bottest.Channel{Name: "lobby", Locale: string(l)}))
	adapter, err := s.Adapter(t.Context())
	must(err)
	a := testApp(t, parts{adapters: []bot.Adapter{adapter}, fit: little})
	var forms []bot.Form
	for _, f := range a.features {
		forms = append(forms, f.Forms...)
	}
	log := &logbook{}
	engine, err := bot.New(bot.Config{
		DB: a.db, Features: append(a.features, speaker(phrases, ids, buttons, forms)), Adapters: []bot.Adapter{adapter},
		Directory: a.members, Phrasebook: a.texts, Log: slog.New(slog.NewJSONHandler(log, nil)), Outbox: outbox.Options{Sole: true},
	})
	must(err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- adapter.Run(ctx, engine) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	typed := func(line string) {
		t.Helper()
		if err := s.Command(t.Context(), "luc", "#lobby", line); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, log.tail())
		}
	}
	for from := 0; from < len(ids); from += atOnce {
		typed("/procura sample " + strconv.Itoa(from))
		_, err := engine.Step(t.Context())
		must(err)
	}
	for i, f := range forms {
		s.Seen()
		typed("/procura form " + strconv.Itoa(i))
		if !slices.ContainsFunc(s.Seen(), func(seen bottest.Seen) bool { return seen.Form != nil }) {
			t.Errorf("the form %s was not opened\n%s", f.ID, log.tail())
		}
	}
	sent := 0
	must(a.db.View(t.Context(), func(tx *database.Tx) error {
		rows, err := rowsOf(tx)
		for _, r := range rows {
			if r.state != string(outbox.Sent) {
				t.Errorf("%s is %s: %s", r.key, r.state, r.reason)
			}
			sent++
		}
		return err
	}))
	if sent < len(ids) {
		t.Errorf("%d messages were sent, at least %d were to be", sent, len(ids))
	}
	t.Logf("%d texts, %d buttons and %d forms: %d messages", len(ids), len(buttons), len(forms), sent)
}

// atOnce is how many texts one command has said.
const atOnce = 40

// speaker says whatever it is asked to.
func speaker(phrases map[string]bot.Phrase, ids, buttons []string, forms []bot.Form) bot.Feature {
	number := []bot.Option{{Name: "number", Required: true}}
	return bot.Feature{Name: "sample", Commands: []bot.Command{
		{ID: "sample.say", Path: []string{"procura", "sample"}, Options: number, Run: func(t *bot.Turn) error {
			from, err := strconv.Atoi(t.Args["number"])
			if err != nil {
				return err
			}
			for i, id := range ids[from:min(from+atOnce, len(ids))] {
				say := bot.Say{Phrase: phrases[id]}
				if id == "benefits.answer-note" || i%2 == 0 {
					note := phrases["bot.fault"]
					say.Note = &note
				}
				for j := range 5 {
					label := phrases[buttons[(from+i+j)%len(buttons)]]
					say.Buttons = append(say.Buttons, bot.Press{Button: strings.TrimSuffix(label.ID, ".button"), Value: strings.Repeat("v", 64), Label: &label})
				}
				// A response URL of Slack has five answers, and Discord's messages are spread over time.
				var err error
				if t.In.From.Platform == "slack" {
					_, err = t.SendAccount(t.In.From, t.Lang, say)
				} else {
					_, err = t.Reply(say)
				}
				if err != nil {
					return err
				}
			}
			_, err = t.Reply(bot.Say{Phrase: bot.P("help.thanks", nil)})
			return err
		}},
		{ID: "sample.form", Path: []string{"procura", "form"}, Options: number, Opens: true, Run: func(t *bot.Turn) error {
			i, err := strconv.Atoi(t.Args["number"])
			if err != nil {
				return err
			}
			filled := map[string]string{}
			for _, f := range forms[i].Fields {
				most := 3000
				if f.Max > 0 {
					most = f.Max
				}
				filled[f.Name] = strings.Repeat("Ä", most)
			}
			return t.Open(forms[i].ID, "", filled)
		}},
	}}
}
