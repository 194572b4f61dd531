package markup

import (
	"bytes"
	"os"
	"regexp"
)

// archive is a txtar file: a comment, then sections that "-- name --" lines start.
type archive struct {
	Comment []byte
	Files   []section
}

type section struct {
	Name string
	Data []byte
}

var marker = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

func parseArchive(file string) (*archive, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	a := &archive{Comment: data}
	at := marker.FindAllSubmatchIndex(data, -1)
	for i, m := range at {
		end := len(data)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if i == 0 {
			a.Comment = data[:m[0]]
		}
		a.Files = append(a.Files, section{string(data[m[2]:m[3]]), data[m[1]:end]})
	}
	return a, nil
}

func (a *archive) format() []byte {
	b := bytes.NewBuffer(bytes.Clone(a.Comment))
	for _, f := range a.Files {
		b.WriteString("-- " + f.Name + " --\n")
		b.Write(f.Data)
	}
	return b.Bytes()
}
