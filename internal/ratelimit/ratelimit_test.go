package ratelimit_test

import (
	"testing"
	"time"

	"procurabot/internal/ratelimit"
)

func TestMemory(t *testing.T) {
	now := time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC)
	m := ratelimit.New(func() time.Time { return now })
	if left := m.Left("a"); left > 0 {
		t.Errorf("what nobody asked for is %s", left)
	}
	m.Hold("a", time.Hour)
	m.Hold("a", time.Second)
	m.Hold("b", time.Minute)
	now = now.Add(30 * time.Minute)
	if left := m.Left("a"); left != 30*time.Minute {
		t.Errorf("the longer of two leaves %s", left)
	}
	if left := m.Left("b"); left > 0 {
		t.Errorf("what has passed leaves %s", left)
	}
	m.Hold("b", time.Minute)
	now = now.Add(30 * time.Minute)
	if left := m.Left("a"); left > 0 {
		t.Errorf("at its end %s are left", left)
	}
}
