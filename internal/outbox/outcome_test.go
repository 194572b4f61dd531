package outbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestBackoff(t *testing.T) {
	for attempt, want := range map[int]time.Duration{
		-1: time.Second, 0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 10: 512 * time.Second,
		11: 15 * time.Minute, 1_000_000_000: 15 * time.Minute,
	} {
		if got := backoff(attempt, 0); got != want {
			t.Errorf("attempt %d: %s, want %s", attempt, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		attempt, jitter := rapid.Int().Draw(t, "attempt"), rapid.Float64Range(0, 1).Draw(t, "jitter")
		if got, most := backoff(attempt, jitter), backoff(attempt, 0); got < most/2 || got > most {
			t.Errorf("%s, not from half of %s up to it", got, most)
		}
	})
}

func TestDecide(t *testing.T) {
	now := time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC)
	broken := errors.New("broken")
	most := limits{attempts: 5, asks: 3}
	for name, test := range map[string]struct {
		row  row
		err  error
		want change
	}{
		"accepted":             {row{state: Sending, attempts: 1}, nil, change{state: Sent, attempts: 1, receipt: "receipt"}},
		"found":                {row{state: Asking, attempts: 1, asks: 1, unsure: true}, nil, change{state: Sent, attempts: 1, asks: 1, unsure: true, receipt: "receipt"}},
		"permanent":            {row{state: Sending, attempts: 1}, &Permanent{broken}, change{state: Dead, attempts: 1, reason: "permanent: broken"}},
		"retry":                {row{state: Sending, attempts: 3}, &Retry{Err: broken}, change{state: Pending, attempts: 3, wait: 4 * time.Second}},
		"retry after":          {row{state: Sending, attempts: 1}, &Retry{After: time.Minute, Err: broken}, change{state: Pending, attempts: 1, wait: time.Minute}},
		"last retry":           {row{state: Sending, attempts: 5}, &Retry{Err: broken}, change{state: Dead, attempts: 5, reason: "retry: broken"}},
		"gate":                 {row{state: Sending, attempts: 5}, &Retry{Gate: "g", After: time.Minute, Err: broken}, change{state: Pending, attempts: 4, gate: "g", wait: time.Minute}},
		"gate, no time":        {row{state: Sending, attempts: 5}, &Retry{Gate: "g", Err: broken}, change{state: Pending, attempts: 4, gate: "g", wait: time.Second}},
		"uncertain":            {row{state: Sending, attempts: 2, asks: 2}, &Uncertain{broken}, change{state: UncertainSent, attempts: 2, unsure: true, wait: 2 * time.Second}},
		"anything":             {row{state: Sending, attempts: 1}, broken, change{state: UncertainSent, attempts: 1, unsure: true, wait: time.Second}},
		"wrapped":              {row{state: Sending, attempts: 1}, fmt.Errorf("send: %w", &Permanent{broken}), change{state: Dead, attempts: 1, reason: "send: permanent: broken"}},
		"absent":               {row{state: Asking, attempts: 1, asks: 1, unsure: true}, ErrAbsent, change{state: Pending, attempts: 1}},
		"absent, last":         {row{state: Asking, attempts: 5, asks: 1, unsure: true}, ErrAbsent, change{state: Dead, attempts: 5, reason: "attempts used up: did not arrive"}},
		"absent, to be held":   {row{state: Asking, attempts: 1, asks: 1, unknown: Hold}, ErrAbsent, change{state: Pending, attempts: 1}},
		"absent, too late":     {row{state: Asking, attempts: 1, asks: 1, expires: now}, ErrAbsent, change{state: Expired, attempts: 1, reason: "expired after an attempt: did not arrive"}},
		"absent, in time":      {row{state: Asking, attempts: 1, asks: 1, expires: now.Add(1)}, ErrAbsent, change{state: Pending, attempts: 1}},
		"unknowable, resend":   {row{state: Asking, attempts: 1, asks: 1}, ErrUnknowable, change{state: Pending, attempts: 1, unsure: true}},
		"unknowable, hold":     {row{state: Asking, attempts: 1, asks: 1, unknown: Hold}, ErrUnknowable, change{state: Held, attempts: 1, unsure: true, reason: "cannot be known"}},
		"no answer":            {row{state: Asking, attempts: 1, asks: 2, unsure: true}, broken, change{state: UncertainSent, attempts: 1, asks: 2, unsure: true, wait: 2 * time.Second}},
		"never an answer":      {row{state: Asking, attempts: 1, asks: 3}, broken, change{state: Pending, attempts: 1, unsure: true}},
		"never, to be held":    {row{state: Asking, attempts: 1, asks: 3, unknown: Hold}, broken, change{state: Held, attempts: 1, unsure: true, reason: "broken"}},
		"question held up":     {row{state: Asking, attempts: 1, asks: 3, unsure: true}, &Retry{Gate: "g", After: time.Minute, Err: broken}, change{state: UncertainSent, attempts: 1, asks: 2, unsure: true, gate: "g", wait: time.Minute}},
		"question, retry soon": {row{state: Asking, attempts: 1, asks: 1, unsure: true}, &Retry{After: 9 * time.Second, Err: broken}, change{state: UncertainSent, attempts: 1, asks: 1, unsure: true, wait: 9 * time.Second}},
	} {
		receipt := ""
		if test.err == nil {
			receipt = "receipt"
		}
		if got := decide(test.row, receipt, test.err, now, 0, most); got != test.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, test.want)
		}
	}
}

func TestReasonIsShortText(t *testing.T) {
	if got := reason(errors.New("")); got == "" {
		t.Error("no reason")
	}
	if got := reason(errors.New(strings.Repeat("a", 499) + "é")); got != strings.Repeat("a", 499) || !utf8.ValidString(got) {
		t.Errorf("%q", got)
	}
}
