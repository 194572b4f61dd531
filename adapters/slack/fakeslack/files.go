package fakeslack

import (
	"io"
	"net/http"
	"slices"
)

// file is an upload in its three steps (https://docs.slack.dev/messaging/working-with-files#upload): an address, the
// bytes, and the sharing, before which nobody sees it.
type file struct {
	id, name, title string
	length          int
	data            []byte
	shared          bool
}

// FileData is the content of an uploaded file and whether it has been shared.
func (s *Server) FileData(id string) (name string, data []byte, shared bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[id]
	if f == nil {
		return "", nil, false
	}
	return f.name, slices.Clone(f.data), f.shared
}

func (s *Server) filesGetURL(a args) answer {
	length := a.number("length", 0)
	if length <= 0 {
		return fail("invalid_arguments", "length must be above zero")
	}
	f := &file{id: s.id("F"), name: a.text("filename"), length: length}
	s.files[f.id] = f
	return answer{"upload_url": s.base + "/upload/" + f.id, "file_id": f.id}
}

func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	var data []byte
	r.Body = http.MaxBytesReader(w, r.Body, 16<<20)
	body, _, err := r.FormFile("file")
	if err == nil {
		data, err = io.ReadAll(body)
	}
	s.handle(w, r, "upload", args{"file": r.PathValue("file")}, func() answer {
		f := s.files[r.PathValue("file")]
		switch {
		case f == nil:
			return fail("file_not_found")
		case err != nil || len(data) != f.length:
			return answer{"ok": false, "error": "upload_length", "http_status": http.StatusBadRequest}
		}
		f.data = data
		return answer{"ok": true}
	})
}

func (s *Server) filesComplete(a args) answer {
	v, _, err := a.value("files")
	var list []struct{ ID, Title string }
	if err != nil || decode(v, &list) != nil || len(list) == 0 {
		return fail("invalid_arguments", "files must be a list of objects with an id")
	}
	var c *channel
	if id := a.text("channel_id"); id != "" {
		var refused answer
		if c, refused = s.writable(id); refused != nil {
			return refused
		}
	}
	var ids []string
	files := []any{}
	for _, entry := range list {
		f := s.files[entry.ID]
		if f == nil || f.data == nil {
			return fail("file_not_found")
		}
		f.title, f.shared = entry.Title, c != nil
		ids = append(ids, f.id)
		files = append(files, s.fileJSON(f))
	}
	if c != nil {
		m := &Message{Channel: c.ID, User: s.bot.ID, byBot: true, Files: ids, Text: a.text("initial_comment")}
		if thread := a.text("thread_ts"); thread != "" {
			root, refused := c.thread(thread)
			if refused != nil {
				return refused
			}
			m.ThreadTS = root
		}
		s.parse(m, false, false)
		s.add(c, m)
	}
	return answer{"files": files}
}

func (s *Server) fileJSON(f *file) map[string]any {
	return map[string]any{"id": f.id, "name": f.name, "title": f.title, "size": len(f.data), "user": s.bot.ID}
}
