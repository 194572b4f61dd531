package retrieval

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// magic begins a stored model.
const magic = "procurabot model 1\n"

// ErrModel says that bytes are no model of this version: fit one anew.
var ErrModel = errors.New("no model of this version")

// stored is a model as it is written. Features stand in the order of their numbers.
type stored struct {
	Labels     []string
	Features   [kinds][]string
	IDF        []byte // float32, little endian, as all numbers here
	Classes    int
	Weight     []byte
	Bias       []byte
	Confidence confidence
	Thresholds thresholds
	Report     Report
}

// MarshalBinary gives the same bytes for the same model.
func (m *Model) MarshalBinary() ([]byte, error) {
	s := stored{
		Labels: m.labels, IDF: floats(m.vocabulary.idf), Classes: m.classifier.labels,
		Weight: floats(m.classifier.weight), Bias: floats(m.classifier.bias),
		Confidence: m.confidence, Thresholds: m.thresholds, Report: m.report,
	}
	first := 0
	for k, ids := range m.vocabulary.ids {
		s.Features[k] = make([]string, len(ids))
		for feature, id := range ids {
			s.Features[k][int(id)-first] = feature
		}
		first += len(ids)
	}
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(s); err != nil {
		return nil, fmt.Errorf("encode the model: %w", err)
	}
	b := append([]byte(magic), binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(body.Bytes()))...)
	return append(b, body.Bytes()...), nil
}

// Decode reads a model. The error is ErrModel where the bytes are damaged or of
// another version.
func Decode(b []byte) (*Model, error) {
	b, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok || len(b) < 4 {
		return nil, ErrModel
	}
	sum, body := binary.LittleEndian.Uint32(b), b[4:]
	if crc32.ChecksumIEEE(body) != sum {
		return nil, fmt.Errorf("%w: it is damaged", ErrModel)
	}
	var s stored
	if err := gob.NewDecoder(bytes.NewReader(body)).Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	v := &vocabulary{idf: numbers(s.IDF)}
	var n int32
	for k := range kinds {
		v.ids[k] = make(map[string]int32, len(s.Features[k]))
		for _, feature := range s.Features[k] {
			v.ids[k][feature] = n
			n++
		}
	}
	m := &Model{
		labels: s.Labels, vocabulary: v, confidence: s.Confidence, thresholds: s.Thresholds, report: s.Report,
		classifier: &classifier{labels: s.Classes, weight: numbers(s.Weight), bias: numbers(s.Bias)},
	}
	if int(n) != len(v.idf) || len(m.classifier.weight) != len(v.idf)*s.Classes || len(m.classifier.bias) != s.Classes || s.Classes < len(s.Labels) {
		return nil, fmt.Errorf("%w: its parts do not fit", ErrModel)
	}
	return m, nil
}

func floats(all []float32) []byte {
	b := make([]byte, 0, 4*len(all))
	for _, v := range all {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func numbers(b []byte) []float32 {
	all := make([]float32, len(b)/4)
	for i := range all {
		all[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return all
}
