package fakediscord

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Discord does not publish the size of a bucket; five in five seconds is what
// sending to a channel had for years. The global limit and the exemption of
// interactions are documented.
// https://discord.com/developers/docs/topics/rate-limits
const (
	bucketSize   = 5
	bucketPeriod = 5 * time.Second
	globalSize   = 50
	globalPeriod = time.Second
)

type bucket struct {
	used  int
	reset time.Time
}

func (b *bucket) take(now time.Time, size int, period time.Duration) bool {
	if !now.Before(b.reset) {
		b.used, b.reset = 0, now.Add(period)
	}
	if b.used >= size {
		return false
	}
	b.used++
	return true
}

func (s *Server) bucket(key string) *bucket {
	b := s.buckets[key]
	if b == nil {
		b = &bucket{}
		s.buckets[key] = b
	}
	return b
}

// SetLimits changes Options.Limits.
func (s *Server) SetLimits(scale float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Limits = scale
	s.buckets = map[string]*bucket{}
}

// limit counts the request and returns the headers of its bucket, or a refusal.
func (s *Server) limit(c *call) (map[string]string, *answer) {
	if s.options.Limits <= 0 {
		return nil, nil
	}
	now := s.options.Now()
	interaction := strings.Contains(c.route, "{token}")
	if !interaction {
		g := s.bucket("global")
		if !g.take(now, max(int(globalSize*s.options.Limits), 1), globalPeriod) {
			return nil, tooMany(g.reset.Sub(now), "global", true)
		}
	}
	// A bucket is a route and its top-level resource: channel, guild or webhook.
	key := c.route + " " + c.param("channel") + c.param("guild") + c.param("token")
	size := max(int(bucketSize*s.options.Limits), 1)
	b := s.bucket(key)
	ok := b.take(now, size, bucketPeriod)
	sum := sha256.Sum256([]byte(c.route))
	headers := map[string]string{
		"X-RateLimit-Limit":       strconv.Itoa(size),
		"X-RateLimit-Remaining":   strconv.Itoa(size - b.used),
		"X-RateLimit-Reset":       strconv.FormatFloat(float64(b.reset.UnixMilli())/1000, 'f', 3, 64),
		"X-RateLimit-Reset-After": strconv.FormatFloat(b.reset.Sub(now).Seconds(), 'f', 3, 64),
		"X-RateLimit-Bucket":      hex.EncodeToString(sum[:16]),
	}
	if ok {
		return headers, nil
	}
	a := tooMany(b.reset.Sub(now), "user", false)
	for k, v := range headers {
		a.header[k] = v
	}
	return nil, a
}

// count keeps the invalid requests of the last ten minutes.
// https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
func (s *Server) count(a *answer) {
	if a.status == 401 || a.status == 403 || a.status == 429 && !a.shared {
		s.invalid = append(s.invalid, s.options.Now())
	}
}

// Invalid is how many invalid requests were made in the last ten minutes.
func (s *Server) Invalid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.invalidCount()
}

func (s *Server) invalidCount() int {
	since := s.options.Now().Add(-10 * time.Minute)
	for len(s.invalid) > 0 && s.invalid[0].Before(since) {
		s.invalid = s.invalid[1:]
	}
	return len(s.invalid)
}

func (s *Server) cloudflare() *answer {
	if s.invalidCount() < s.options.Invalid {
		return nil
	}
	return htmlAnswer(429)
}
