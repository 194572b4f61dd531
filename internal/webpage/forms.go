package webpage

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
)

// Posted reads the form of a request. False is that it could not be, and that the
// request has been answered.
func Posted(w http.ResponseWriter, q *http.Request) bool {
	err := q.ParseForm()
	if err == nil {
		return true
	}
	status := http.StatusBadRequest
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		status = http.StatusRequestEntityTooLarge
	}
	http.Error(w, http.StatusText(status), status)
	return false
}

// Render answers with a template, whole or not at all.
func Render(w http.ResponseWriter, status int, t *template.Template, name string, v any) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, v); err != nil {
		http.Error(w, "the page could not be drawn", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // whoever asked has gone
}
