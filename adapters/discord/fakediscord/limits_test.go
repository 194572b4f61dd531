package fakediscord_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"procurabot/adapters/discord/fakediscord"
)

type object = map[string]any

func list(n int, make func(int) any) []any {
	all := []any{}
	for i := range n {
		all = append(all, make(i))
	}
	return all
}

func a(n int) string { return strings.Repeat("é", n) }

func button(i int) any {
	return object{"type": 2, "style": 1, "label": "x", "custom_id": fmt.Sprint("b", i)}
}

func row(inner ...any) any { return object{"type": 1, "components": inner} }

func choose(n int) any {
	return object{"type": 3, "custom_id": "s", "options": list(n, func(i int) any { return object{"label": fmt.Sprint(i), "value": fmt.Sprint(i)} })}
}

func embed(title, description int) any {
	return object{"title": a(title), "description": a(description)}
}

// do sends JSON and returns the status and code of the answer.
func (w *world) do(t *testing.T, method, path string, body any) (int, int) {
	t.Helper()
	data := must[[]byte](t)(json.Marshal(body))
	r := must[*http.Request](t)(http.NewRequest(method, w.URL()+"/api/v9"+path, strings.NewReader(string(data))))
	r.Header.Set("Authorization", "Bot "+w.Token())
	r.Header.Set("Content-Type", "application/json")
	resp := must[*http.Response](t)(w.HTTPClient().Do(r))
	defer resp.Body.Close()
	var e struct{ Code int }
	answer := must[[]byte](t)(io.ReadAll(resp.Body))
	_ = json.Unmarshal(answer, &e) // an answer that is a list has no code
	return resp.StatusCode, e.Code
}

type limit struct {
	name      string
	fits, not any
	code      int
}

func (l limit) check(t *testing.T, do func(body any) (int, int)) {
	t.Helper()
	if status, code := do(l.fits); status >= 300 {
		t.Errorf("%s: what fits is refused with status %d, code %d", l.name, status, code)
	}
	want := l.code
	if want == 0 {
		want = 50035
	}
	if status, code := do(l.not); status < 400 || code != want {
		t.Errorf("%s: what is too much gets status %d, code %d, want code %d", l.name, status, code, want)
	}
}

// TestMessageLimits has at each limit a message that just fits and one that just does not.
func TestMessageLimits(t *testing.T) {
	components := func(rows ...any) object { return object{"content": "x", "components": rows} }
	allowed := func(m object) object { return object{"content": "x", "allowed_mentions": m} }
	fields := func(n int) any {
		return object{"fields": list(n, func(i int) any { return object{"name": "n", "value": "v"} })}
	}
	w := newWorld(t, fakediscord.Options{})
	for _, l := range []limit{
		{"content", object{"content": a(2000)}, object{"content": a(2001)}, 0},
		{"an empty message", object{"content": "x"}, object{"content": " "}, 50006},
		{"embeds", object{"embeds": list(10, func(int) any { return embed(1, 1) })}, object{"embeds": list(11, func(int) any { return embed(1, 1) })}, 0},
		{"a title", object{"embeds": []any{embed(256, 1)}}, object{"embeds": []any{embed(257, 1)}}, 0},
		{"a description", object{"embeds": []any{embed(1, 4096)}}, object{"embeds": []any{embed(1, 4097)}}, 0},
		{"all embeds", object{"embeds": []any{embed(0, 4000), embed(0, 2000)}}, object{"embeds": []any{embed(0, 4000), embed(1, 2000)}}, 0},
		{"fields", object{"embeds": []any{fields(25)}}, object{"embeds": []any{fields(26)}}, 0},
		{"rows", components(list(5, func(i int) any { return row(button(i)) })...), components(list(6, func(i int) any { return row(button(i)) })...), 0},
		{"buttons in a row", components(row(list(5, button)...)), components(row(list(6, button)...)), 0},
		{"a label", components(row(object{"type": 2, "style": 1, "label": a(80), "custom_id": "x"})), components(row(object{"type": 2, "style": 1, "label": a(81), "custom_id": "x"})), 0},
		{"a custom id", components(row(object{"type": 2, "style": 1, "label": "x", "custom_id": a(100)})), components(row(object{"type": 2, "style": 1, "label": "x", "custom_id": a(101)})), 0},
		{"custom ids differ", components(row(button(1)), row(button(2))), components(row(button(1)), row(button(1))), 0},
		{"options", components(row(choose(25))), components(row(choose(26))), 0},
		{"a select has its row alone", components(row(choose(1)), row(button(1))), components(row(choose(1), button(1))), 0},
		{"mentioned users", allowed(object{"users": list(100, func(i int) any { return fmt.Sprint(i) })}), allowed(object{"users": list(101, func(i int) any { return fmt.Sprint(i) })}), 0},
		{"users parsed or listed", allowed(object{"parse": []any{}, "users": []any{"1"}}), allowed(object{"parse": []any{"users"}, "users": []any{"1"}}), 0},
		{"new components", object{"flags": 1 << 15, "components": list(40, func(int) any { return object{"type": 10, "content": "x"} })},
			object{"flags": 1 << 15, "components": list(41, func(int) any { return object{"type": 10, "content": "x"} })}, 0},
		{"new components stand alone", object{"flags": 1 << 15, "components": []any{object{"type": 10, "content": "x"}}},
			object{"flags": 1 << 15, "content": "x", "components": []any{object{"type": 10, "content": "x"}}}, 0},
	} {
		l.check(t, func(body any) (int, int) { return w.do(t, "POST", "/channels/"+w.channel.ID+"/messages", body) })
	}
}

func TestCommandLimits(t *testing.T) {
	command := func(change object) []any {
		c := object{"name": "ask", "description": "Ask"}
		for k, v := range change {
			c[k] = v
		}
		return []any{c}
	}
	opt := func(kind int, change object) object {
		o := object{"type": kind, "name": "o", "description": "o"}
		for k, v := range change {
			o[k] = v
		}
		return o
	}
	options := func(all ...any) []any { return command(object{"options": all}) }
	choices := func(n int) any {
		return opt(3, object{"choices": list(n, func(i int) any { return object{"name": fmt.Sprint(i), "value": fmt.Sprint(i)} })})
	}
	many := func(n int) []any {
		return options(list(n, func(i int) any { return opt(3, object{"name": fmt.Sprint("o", i)}) })...)
	}
	size := func(description int) []any {
		// 3 + 3 of the command, then options of 3 + 97 with 25 choices of 1 + 99 or so.
		return options(list(3, func(i int) any {
			return opt(3, object{"name": fmt.Sprint("o", i), "choices": list(25, func(j int) any {
				return object{"name": fmt.Sprint(j), "value": strings.Repeat("x", description)}
			})})
		})...)
	}
	group := func(inner ...any) any { return opt(2, object{"name": "g", "options": inner}) }
	w := newWorld(t, fakediscord.Options{})
	for _, l := range []limit{
		{"a name", command(object{"name": a(32)}), command(object{"name": a(33)}), 0},
		{"lower case", command(object{"name": "größe"}), command(object{"name": "Größe"}), 0},
		{"no space", command(object{"name": "a-b"}), command(object{"name": "a b"}), 0},
		{"a description", command(object{"description": a(100)}), command(object{"description": a(101)}), 0},
		{"a description is needed", command(nil), command(object{"description": ""}), 0},
		{"locales", command(object{"name_localizations": object{"fr": "x"}}), command(object{"name_localizations": object{"fr-FR": "x"}}), 0},
		{"localized names", command(object{"name_localizations": object{"de": "frage"}}), command(object{"name_localizations": object{"de": "Frage"}}), 0},
		{"options", many(25), many(26), 0},
		{"choices", options(choices(25)), options(choices(26)), 0},
		{"required first", options(opt(3, object{"required": true}), opt(3, object{"name": "p"})), options(opt(3, nil), opt(3, object{"name": "p", "required": true})), 0},
		{"option names differ", options(opt(3, nil), opt(3, object{"name": "p"})), options(opt(3, nil), opt(3, nil)), 0},
		{"groups do not nest", options(group(opt(1, nil))), options(group(group(opt(1, nil)))), 0},
		{"sub-commands stand alone", options(opt(1, nil)), options(opt(1, nil), opt(3, object{"name": "p"})), 0},
		{"8,000 characters", size(100), size(107), 0},
		{"names differ", []any{object{"name": "a", "description": "a"}, object{"name": "b", "description": "b"}}, []any{object{"name": "a", "description": "a"}, object{"name": "a", "description": "b"}}, 0},
	} {
		l.check(t, func(body any) (int, int) { return w.do(t, "PUT", "/applications/"+w.ApplicationID()+"/commands", body) })
	}
}

// TestModalLimits presses a button for each modal, and answers as the program would.
func TestModalLimits(t *testing.T) {
	input := func(change object) object {
		in := object{"type": 4, "custom_id": "i", "style": 1, "label": "Label"}
		for k, v := range change {
			in[k] = v
		}
		return in
	}
	modal := func(title string, rows ...any) object {
		return object{"type": 9, "data": object{"custom_id": "m", "title": title, "components": rows}}
	}
	label := func(change object) any {
		l := object{"type": 18, "label": "Label", "component": object{"type": 4, "custom_id": "i", "style": 2}}
		for k, v := range change {
			l[k] = v
		}
		return l
	}
	rows := func(n int) []any {
		return list(n, func(i int) any { return row(input(object{"custom_id": fmt.Sprint(i)})) })
	}
	labels := func(n int) []any {
		return list(n, func(i int) any {
			return label(object{"component": object{"type": 4, "custom_id": fmt.Sprint(i), "style": 1}})
		})
	}
	long := func(n int) object { return object{"type": 4, "custom_id": "i", "style": 2, "max_length": n} }
	w := newWorld(t, fakediscord.Options{})
	ask := newAsker(t, w)
	for _, l := range []limit{
		{"a title", modal(a(45), row(input(nil))), modal(a(46), row(input(nil))), 0},
		{"inputs", modal("x", rows(5)...), modal("x", rows(6)...), 0},
		{"one input at least", modal("x", rows(1)...), modal("x"), 0},
		{"one input a row", modal("x", row(input(nil))), modal("x", row(input(nil), input(object{"custom_id": "j"}))), 0},
		{"a label", modal("x", row(input(object{"label": a(45)}))), modal("x", row(input(object{"label": a(46)}))), 0},
		{"max_length", modal("x", row(input(object{"max_length": 4000}))), modal("x", row(input(object{"max_length": 4001}))), 0},
		{"a value", modal("x", row(input(object{"max_length": 5, "value": a(5)}))), modal("x", row(input(object{"max_length": 5, "value": a(6)}))), 0},
		{"the new label", modal("x", label(nil)), modal("x", label(object{"label": a(46)})), 0},
		{"what a label says", modal("x", label(object{"description": a(100)})), modal("x", label(object{"description": a(101)})), 0},
		{"a label has its own words", modal("x", label(nil)), modal("x", label(object{"component": input(nil)})), 0},
		{"labels", modal("x", labels(5)...), modal("x", labels(6)...), 0},
		{"an input in a label", modal("x", label(object{"component": long(4000)})), modal("x", label(object{"component": long(4001)})), 0},
		{"a select in a label", modal("x", label(object{"component": choose(25)})), modal("x", label(object{"component": choose(26)})), 0},
		{"a button in a modal", modal("x", label(nil)), modal("x", row(button(1))), 0},
	} {
		l.check(t, func(body any) (int, int) { return ask.answer(t, body) })
	}
}
