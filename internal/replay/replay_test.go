package replay_test

import (
	"testing"
	"time"

	"procurabot/internal/replay"
)

func TestCache(t *testing.T) {
	const window = 5 * time.Minute
	start := time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC)
	c := replay.New(window)
	for _, step := range []struct {
		after time.Duration
		what  byte
		want  bool
	}{
		{0, 1, true}, {0, 1, false}, {time.Minute, 2, true},
		{window + time.Second, 3, true}, // the older half begins
		{window + 2*time.Second, 2, false}, {window + time.Minute, 1, false},
		{2*window + 2*time.Second, 4, true}, // and goes
		{2*window + 3*time.Second, 3, false}, {2*window + 3*time.Second, 2, true},
	} {
		if got := c.Admit(replay.Digest{step.what}, start.Add(step.after)); got != step.want {
			t.Errorf("after %s, %d: %v", step.after, step.what, got)
		}
	}
	c.Forget(replay.Digest{4})
	if !c.Admit(replay.Digest{4}, start.Add(2*window+4*time.Second)) {
		t.Error("what was forgotten does not come again")
	}
}
