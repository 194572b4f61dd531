package fakeslack

import (
	"math"
	"time"
)

// Limits are the rates of the Web API (https://docs.slack.dev/apis/web-api/rate-limits). Slack publishes "at least N a
// minute" for each tier and tolerates "occasional bursts"; the fake takes N as the limit, in any window of a minute.
type Limits struct {
	// Scale multiplies all rates; 1 when zero. Ten lets a test send ten times as much.
	Scale float64
	// PerChannel is how many messages a channel takes in a second; 1 when zero.
	PerChannel int
	// PerWorkspace is how many messages the workspace takes in a minute: "several hundred", here 300 when zero.
	PerWorkspace int
}

// SetLimits changes the rates from now on; nil switches them off.
func (s *Server) SetLimits(l *Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.Limits = l
	s.usage = map[string][]time.Time{}
}

// tierRate is a tier's calls a minute.
func tierRate(tier int) int {
	return map[int]int{1: 1, 2: 20, 3: 50, 4: 100}[tier]
}

// limit refuses a call beyond its rate, or counts it. The caller holds s.mu.
func (s *Server) limit(name string, a args) answer {
	l := s.o.Limits
	if l == nil {
		return nil
	}
	scale := l.Scale
	if scale == 0 {
		scale = 1
	}
	type rule struct {
		key    string
		count  int
		window time.Duration
	}
	var rules []rule
	m := methods()[name]
	switch {
	case name == "chat.postMessage":
		rules = []rule{
			{"channel " + a.text("channel"), orElse(l.PerChannel, 1), time.Second},
			{"workspace", orElse(l.PerWorkspace, 300), time.Minute},
		}
	case m.tier > 0:
		rules = []rule{{name, tierRate(m.tier), time.Minute}}
	}
	now := s.o.Now()
	for _, r := range rules {
		allowed := max(1, int(float64(r.count)*scale))
		var within []time.Time
		for _, t := range s.usage[r.key] {
			if now.Sub(t) < r.window {
				within = append(within, t)
			}
		}
		s.usage[r.key] = within
		if len(within) >= allowed {
			left := r.window - now.Sub(within[0])
			return rateLimited(int(math.Ceil(left.Seconds())))
		}
	}
	for _, r := range rules {
		s.usage[r.key] = append(s.usage[r.key], now)
	}
	return nil
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
