package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"procurabot/bot"
	"procurabot/internal/outbox"
)

// metrics are figures for Prometheus. No label can be anything that somebody
// wrote, or name anybody.
type metrics struct {
	registry *prometheus.Registry
	turns    *prometheus.HistogramVec
	sends    *prometheus.HistogramVec
	answers  *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		turns: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "procurabot_turn_seconds",
			Help:    "What happened on the platforms, by what became of it, and how long until its effect was stored. A platform waits 3 seconds.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3, 10},
		}, []string{"platform", "kind", "outcome"}),
		sends: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "procurabot_send_seconds",
			Help:    "Attempts to send, by what came of them (pending is to be tried again), and how long the platform took.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"platform", "class", "attempt", "outcome"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "procurabot_questions_total",
			Help: "Questions, by what they were told (answer, choices, unknown) and in which language.",
		}, []string{"outcome", "language"}),
	}
	m.registry.MustRegister(m.turns, m.sends, m.answers,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) turn(o bot.Observation) {
	m.turns.WithLabelValues(string(o.Platform), o.Kind, string(o.Outcome)).Observe(o.Took.Seconds())
}

func (m *metrics) sent(o outbox.Observation) {
	attempt := "send"
	if o.Asked {
		attempt = "ask"
	}
	m.sends.WithLabelValues(o.Route, class(o.Class), attempt, string(o.State)).Observe(o.Took.Seconds())
}

func (m *metrics) answered(outcome string, l bot.Language) {
	m.answers.WithLabelValues(outcome, string(l)).Inc()
}

func class(c outbox.Class) string {
	switch c {
	case outbox.Interactive:
		return "interactive"
	case outbox.Personal:
		return "personal"
	}
	return "broadcast"
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// watch adds what is looked at when Prometheus asks.
func (m *metrics) watch(s situation) { m.registry.MustRegister(newGauges(s)) }

// situation is what can be asked of a running bot at any time.
type situation struct {
	engine    *bot.Engine
	now       func() time.Time
	platforms []platform
	backup    func() (at time.Time, size int64) // the last good one, the zero time when there is none; nil: none are made
}

// gauges is a Collector of what stands in the tables and on the platforms.
type gauges struct {
	situation
	messages, oldest, ready, met, made, size *prometheus.Desc
}

func newGauges(s situation) gauges {
	return gauges{
		situation: s,
		messages: prometheus.NewDesc("procurabot_outbox_messages",
			"Messages, by state. Those that are held or dead wait for a person: /procura-admin outbox.", []string{"state"}, nil),
		oldest: prometheus.NewDesc("procurabot_outbox_oldest_seconds",
			"For how long the oldest message that is not sent yet could have been.", nil, nil),
		ready: prometheus.NewDesc("procurabot_platform_ready", "1 while the platform is received from.", []string{"platform"}, nil),
		met: prometheus.NewDesc("procurabot_platform_events_total",
			"What was met on a platform since the start: reconnected, unreadable, overflow, forged, replayed, too_large.",
			[]string{"platform", "event"}, nil),
		made: prometheus.NewDesc("procurabot_backup_timestamp_seconds", "When the last good backup was made; 0: never.", nil, nil),
		size: prometheus.NewDesc("procurabot_backup_bytes", "How large the last good backup is.", nil, nil),
	}
}

func (l gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.messages, l.oldest, l.ready, l.met, l.made, l.size} {
		out <- d
	}
}

// Collect leaves out what cannot be read just now, such as from a database that
// is being rewritten.
func (l gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, p := range l.platforms {
		ready := 0.
		if p.Ready() {
			ready = 1
		}
		gauge(l.ready, ready, string(p.Platform()))
		for event, n := range p.Counts() {
			out <- prometheus.MustNewConstMetric(l.met, prometheus.CounterValue, float64(n), string(p.Platform()), event)
		}
	}
	if l.backup != nil {
		made := 0.
		at, size := l.backup()
		if !at.IsZero() {
			made = float64(at.Unix())
		}
		gauge(l.made, made)
		gauge(l.size, float64(size))
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	counts, err := l.engine.Backlog(ctx)
	if err != nil {
		return
	}
	for _, s := range []outbox.State{outbox.Pending, outbox.Sending, outbox.UncertainSent, outbox.Asking, outbox.Held, outbox.Dead} {
		gauge(l.messages, float64(counts[s].Messages), string(s))
	}
	gauge(l.oldest, age(counts, l.now()).Seconds())
}

// lookTime bounds one look at the database for figures.
const lookTime = 5 * time.Second

// age is for how long the oldest open message could have been sent.
func age(counts map[outbox.State]outbox.Count, now time.Time) time.Duration {
	var oldest time.Duration
	for state, c := range counts {
		if state.Open() && !c.Oldest.IsZero() {
			oldest = max(oldest, now.Sub(c.Oldest))
		}
	}
	return oldest
}
