package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/playground"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/locales"
)

var (
	update = flag.Bool("update", false, "write what was seen into the scripts")
	seeds  = flag.Int("seeds", 100, "how many ways of delivering badly are tried")
)

// patience is how long one script may take on a busy machine.
const patience = 2 * time.Minute

// learned is shared by all scripts: learning is most of what opening an engine costs.
var learned = learnOnce(fitCached)

func allScripts(t *testing.T) []scriptFile {
	t.Helper()
	all, err := readScripts("testdata/scripts")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func play(t *testing.T, s scriptFile, o bottest.Options) bottest.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if o.Build == nil {
		o.Build = building(learned)
	}
	r, err := bottest.Play(ctx, s.name, s.text, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestScripts plays every script in the playground's rooms. Together they must
// have shown everything that the bot can say, in each language.
func TestScripts(t *testing.T) {
	t.Parallel()
	coverage := &bottest.Coverage{}
	for _, s := range allScripts(t) {
		t.Run(s.name, func(t *testing.T) {
			r := play(t, s, bottest.Options{Stage: rooms, Coverage: coverage})
			if *update && len(r.Differs) > 0 {
				if err := os.WriteFile(s.path, []byte(r.Text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, d := range r.Differs {
				t.Error(d)
			}
		})
	}
	t.Run("everything is shown", func(t *testing.T) {
		for _, l := range bot.Languages() {
			for _, id := range messageIDs(t) {
				if _, other := shownElsewhere[id]; spoken(id) && !other && !coverage.Said(l, id) {
					t.Errorf("no script shows %s in %s", id, l)
				}
			}
		}
	})
}

// ways are how the platforms deliver. Messages of Discord come through the
// Gateway either way.
func ways() map[string]bool { return map[string]bool{"sockets": false, "signed HTTP": true} }

// TestScriptsOnFakes plays the same scripts through the real client libraries
// on a fake Slack and a fake Discord: people read the same words, whichever way
// the platforms deliver.
func TestScriptsOnFakes(t *testing.T) {
	for way, signed := range ways() {
		for _, s := range allScripts(t) {
			t.Run(way+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				for _, d := range play(t, s, bottest.Options{Stage: fakes(t, signed)}).Differs {
					t.Error(d)
				}
			})
		}
	}
}

// fakes makes platforms that the real client libraries talk to.
func fakes(t *testing.T, signed bool) func(context.Context, string, func() time.Time) (bottest.Stage, error) {
	return func(_ context.Context, platform string, now func() time.Time) (bottest.Stage, error) {
		switch platform {
		case "slack":
			s, err := fakeslack.NewStage(fakeslack.Options{Now: now, SignedHTTP: signed})
			if err == nil {
				t.Cleanup(s.Close)
			}
			return s, err
		case "discord":
			open := fakediscord.NewStage
			if signed {
				open = fakediscord.NewSignedStage
			}
			s := open(now)
			t.Cleanup(s.Close)
			return s, nil
		}
		return nil, fmt.Errorf("there is no fake %s", platform)
	}
}

// messageIDs lists what the bot can say.
func messageIDs(t *testing.T) []string {
	t.Helper()
	var ids map[string]any
	if _, err := toml.DecodeFS(locales.Files(), "active.en.toml", &ids); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(ids))
}

// shownElsewhere are the few messages that nobody can bring about in a script,
// with the test that shows them.
var shownElsewhere = map[string]string{
	"bot.button-gone":             "a button of an earlier release: TestButtonOfAnEarlierRelease",
	"bot.form-not-opened":         "a modal that Slack does not open: TestAModalThatCannotBeOpenedIsSaid in adapters/slack",
	"benefits.contact-fallback":   "scripts have a contact: bot/benefits",
	"benefits.person-nobody":      "a button of a time when editors were connected: bot/benefits",
	"benefits.topic-gone":         "a topic that a release took away: bot/benefits",
	"alerts.backup":               "the program raises it: TestABackupThatFailsIsTold",
	"alerts.disk":                 "the webhook alone tells it: TestAFullDiskIsTold",
	"alerts.outbox":               "the program raises it: TestMessagesThatWaitAreTold",
	"alerts.platform":             "the program raises it: TestARevokedTokenIsTold",
	"alerts.undelivered":          "the program raises it: TestMessagesThatWaitAreTold",
	"messages.by-import":          "the command line imports: bot/messages",
	"messages.by-somebody":        "an editor without a name: bot/messages",
	"messages.revert-unfit":       "an earlier text that a release made invalid: bot/messages",
	"messages.show-set-aside":     "an edited text that a release made invalid: bot/messages",
	"messages.problem-empty":      "forms refuse an empty field first: bot/messages",
	"messages.problem-extra-form": "forms have a language's plural forms and no others: bot/messages",
	"messages.problem-missing":    "files only: bot/messages",
	"messages.problem-surplus":    "files only: bot/messages",
	"messages.problem-unreadable": "files only: bot/messages",
	"messages.why-imported":       "the command line imports: bot/messages",
	"messages.why-set-aside":      "an edited text that a release made invalid: bot/messages",
	"messages.why-updated":        "a release that has another text: bot/messages",
	"messages.why-withdrawn":      "a text that a release took away and another brought back: bot/messages",
}

// TestButtonOfAnEarlierRelease: whoever presses a button that no feature knows
// any more is told so, in their language.
func TestButtonOfAnEarlierRelease(t *testing.T) {
	coverage := &bottest.Coverage{}
	platform := playground.New(playground.Options{})
	adapter, err := platform.Adapter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := testApp(t, parts{adapters: []bot.Adapter{adapter}, phrasebook: coverage.Phrasebook})
	for _, l := range bot.Languages() {
		in := bot.Incoming{
			ID: bot.IncomingID("old-" + l), From: bot.Account{Platform: adapter.Platform(), User: bot.UserID(l)}, Locale: string(l),
			In: bot.Place{Conversation: "lobby"}, Reply: &bot.ReplyHandle{Token: "x", Expires: time.Now().Add(time.Minute)},
			What: bot.Pressed{Button: "of.long.ago"},
		}
		if _, err := a.engine.Receive(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if !coverage.Said(l, "bot.button-gone") {
			t.Errorf("nobody is told in %s", l)
		}
	}
}

// spoken reports whether a message is said by itself. The others are shown by
// the platforms (names and descriptions of commands and their options, which
// TestCommandTable holds), or are what people say (phrases).
func spoken(id string) bool {
	slot := id[strings.LastIndexByte(id, '.')+1:]
	return !slices.Contains([]string{"name", "description", "option", "phrases"}, slot) || strings.HasPrefix(id, "bot.role-")
}

// TestDeliveredBadly: whatever is delivered twice, four times, or once more
// after later things, has the effect of one.
func TestDeliveredBadly(t *testing.T) {
	scripts := allScripts(t)
	type outcome struct{ tables, said string }
	run := func(t *testing.T, s scriptFile, d *bottest.Delivery) outcome {
		var o outcome
		var stages []*playground.Rooms
		r := play(t, s, bottest.Options{
			Delivery: d,
			Stage: func(ctx context.Context, platform string, now func() time.Time) (bottest.Stage, error) {
				p := playground.New(playground.Options{Platform: bot.Platform(platform), Now: now})
				stages = append(stages, p)
				return p, nil
			},
			Build: func(ctx context.Context, h bottest.House) (*bottest.Tenant, error) {
				h.Random = rand.New(rand.NewPCG(1, 2)).Uint64
				return build(ctx, h, learned)
			},
			After: func(ctx context.Context, tenant *bottest.Tenant) (err error) {
				o.tables, err = bottest.Dump(ctx, tenant.DB)
				return err
			},
		})
		o.said = r.Text
		return o
	}
	once := make([]outcome, len(scripts))
	for i, s := range scripts {
		once[i] = run(t, s, nil)
	}
	for seed := range *seeds {
		i := seed % len(scripts)
		t.Run(fmt.Sprintf("%s/seed %d", scripts[i].name, seed), func(t *testing.T) {
			t.Parallel()
			got := run(t, scripts[i], &bottest.Delivery{Random: rand.New(rand.NewPCG(uint64(seed), 7))})
			if got.said != once[i].said {
				t.Errorf("people see something else than when all is delivered once:\n%s", difference(once[i].said, got.said))
			}
			if got.tables != once[i].tables {
				t.Errorf("the tables hold something else than when all is delivered once:\n%s", difference(once[i].tables, got.tables))
			}
		})
	}
}

// difference gives the first lines that differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "", ""
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\nonce:  %s\nbadly: %s", i+1, a, b)
		}
	}
	return "nothing"
}
