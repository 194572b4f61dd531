package bottest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// script is a parsed conversation.
type script struct {
	name  string
	steps []step
}

// step is one line that does something, with the lines that state what people
// then see.
type step struct {
	line   int
	text   string // as written, also of comments and empty lines
	act    act
	only   string   // the one platform on which it is played, "" all
	expect []string // without the leading "| "
}

// act is what a line does; nil for comments.
type act interface{}

type (
	setTime   struct{ at time.Time }
	addPerson struct {
		name, platform, locale string
		roles                  []string
	}
	addChannel struct {
		name, platform, locale string
		editors                bool
	}
	say struct {
		person, place, text string
	}
	press  struct{ person, label string }
	submit struct {
		person string
		values map[string]string
	}
	complete struct{ person, place, line string }
	pass     struct{ d time.Duration }
	deliver  struct{ times int }
	restart  struct{ kill bool }
	fault    struct{ kind string }
	giveUp   struct{ why string }
)

var (
	sayLine      = regexp.MustCompile(`^(\S+) (?:in #(\S+)|to bot): (.*)$`)
	completeLine = regexp.MustCompile(`^(\S+) (?:in #(\S+)|to bot) types: (.*)$`)
	pressLine    = regexp.MustCompile(`^(\S+) presses \[(.+)\]$`)
	submitLine   = regexp.MustCompile(`^(\S+) submits ([\w-]+): (.*)$`)
	fieldLine    = regexp.MustCompile(`^\s+([\w-]+): (.*)$`)
	passLine     = regexp.MustCompile(`^pass (\d+) (minute|hour|day|week)s?$`)
)

// parse reads a script. docs/scripts.md describes the form.
func parse(name, text string) (script, error) {
	s := script{name: name}
	only := ""
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		at := func(format string, a ...any) error {
			return fmt.Errorf("%s:%d: %s", name, i+1, fmt.Sprintf(format, a...))
		}
		if rest, ok := strings.CutPrefix(line, "|"); ok {
			if len(s.steps) == 0 {
				return script{}, at("something is expected before anything happens")
			}
			last := &s.steps[len(s.steps)-1]
			last.expect = append(last.expect, strings.TrimPrefix(rest, " "))
			continue
		}
		if m := fieldLine.FindStringSubmatch(line); m != nil && len(s.steps) > 0 {
			last := &s.steps[len(s.steps)-1]
			if sub, ok := last.act.(submit); ok {
				sub.values[m[1]] = unquote(m[2])
				last.text += "\n" + line
				continue
			}
		}
		a, err := parseAct(strings.TrimSpace(line))
		if err != nil {
			return script{}, at("%s", err)
		}
		if o, ok := a.(onlyOn); ok {
			only = string(o)
			s.steps = append(s.steps, step{line: i + 1, text: line})
			continue
		}
		s.steps = append(s.steps, step{line: i + 1, text: line, act: a, only: only})
		if a != nil {
			only = ""
		}
	}
	return s, nil
}

// onlyOn is "only slack": the next line is played on that platform alone.
type onlyOn string

func parseAct(line string) (act, error) {
	if line == "" || strings.HasPrefix(line, "#") {
		return nil, nil
	}
	if m := completeLine.FindStringSubmatch(line); m != nil {
		return complete{m[1], m[2], m[3]}, nil
	}
	if m := sayLine.FindStringSubmatch(line); m != nil {
		return say{m[1], m[2], unquote(m[3])}, nil
	}
	if m := pressLine.FindStringSubmatch(line); m != nil {
		return press{m[1], m[2]}, nil
	}
	if m := submitLine.FindStringSubmatch(line); m != nil {
		return submit{m[1], map[string]string{m[2]: unquote(m[3])}}, nil
	}
	if m := passLine.FindStringSubmatch(line); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, err
		}
		unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour}[m[2]]
		return pass{time.Duration(n) * unit}, nil
	}
	f := strings.Fields(line)
	switch {
	case f[0] == "time" && len(f) == 4:
		zone, err := time.LoadLocation(f[3])
		if err != nil {
			return nil, fmt.Errorf("the time zone %q is not known", f[3])
		}
		t, err := time.ParseInLocation("2006-01-02 15:04", f[1]+" "+f[2], zone)
		if err != nil {
			return nil, fmt.Errorf("the time must look like 2026-03-06 16:00 Europe/Brussels")
		}
		return setTime{t}, nil
	case f[0] == "person" && len(f) >= 4:
		return addPerson{f[1], f[2], f[3], f[4:]}, nil
	case f[0] == "channel" && len(f) >= 4 && strings.HasPrefix(f[1], "#"):
		return addChannel{strings.TrimPrefix(f[1], "#"), f[2], f[3], len(f) > 4 && f[4] == "editors"}, nil
	case line == "deliver twice":
		return deliver{2}, nil
	case line == "deliver once":
		return deliver{1}, nil
	case line == "kill":
		return restart{kill: true}, nil
	case line == "restart":
		return restart{}, nil
	case f[0] == "fault" && len(f) == 2:
		return fault{f[1]}, nil
	case line == "give up unknown", line == "give up restored", line == "give up tries":
		return giveUp{f[2]}, nil
	case f[0] == "only" && len(f) == 2:
		return onlyOn(f[1]), nil
	}
	return nil, fmt.Errorf("not understood: %q; docs/scripts.md lists what a line may be", line)
}

// unquote lets a script write a long or strange text as a Go string:
// "a" * 5000 repeats it.
func unquote(s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	q, times, repeated := strings.Cut(s, `" * `)
	if repeated {
		q += `"`
	}
	text, err := strconv.Unquote(q)
	if err != nil {
		return s
	}
	if n, err := strconv.Atoi(strings.TrimSpace(times)); repeated && err == nil && n > 0 && n*len(text) <= 1<<20 {
		text = strings.Repeat(text, n)
	}
	return text
}
