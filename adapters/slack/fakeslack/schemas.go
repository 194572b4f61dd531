package fakeslack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Specs are published descriptions of Slack's requests: the types of the package @slack/types as JSON Schema, and the
// OpenAPI file of 2020 as a list of methods and arguments. They know structure and no lengths. A Specs is read once and
// may be shared by any number of servers.
type Specs struct {
	block, modal, home *jsonschema.Schema
	methods            map[string]map[string]string // method -> argument -> type
}

// ErrNoSpecs is what [LoadSpecs] returns where the files are not there.
var ErrNoSpecs = errors.New("the published schemas are not beside the repository")

// LoadSpecs reads the files from ../shared/specs, relative to the repository's root.
func LoadSpecs() (*Specs, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			return nil, ErrNoSpecs
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(filepath.Dir(dir), "shared", "specs")
	if _, err := os.Stat(dir); err != nil {
		return nil, ErrNoSpecs
	}
	p := &Specs{methods: map[string]map[string]string{}}
	for name, into := range map[string]**jsonschema.Schema{"KnownBlock": &p.block, "ModalView": &p.modal, "HomeView": &p.home} {
		if *into, err = compile(filepath.Join(dir, "slack_types_"+name+".schema.json")); err != nil {
			return nil, err
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, "slack_web_openapi_v2.json"))
	if err != nil {
		return nil, fmt.Errorf("read the list of methods: %w", err)
	}
	var spec struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, Type string }
		}
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, fmt.Errorf("read the list of methods: %w", err)
	}
	for path, verbs := range spec.Paths {
		known := map[string]string{}
		for _, verb := range verbs {
			for _, param := range verb.Parameters {
				known[param.Name] = param.Type
			}
		}
		p.methods[strings.TrimPrefix(path, "/")] = known
	}
	return p, nil
}

func compile(path string) (*jsonschema.Schema, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a schema: %w", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("slack.json", doc); err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	schema, err := c.Compile("slack.json")
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", filepath.Base(path), err)
	}
	return schema, nil
}

// request checks the types of a call's arguments, as far as the list knows them.
func (p *Specs) request(name string, a args) []string {
	if p == nil {
		return nil
	}
	var messages []string
	for _, arg := range sortedKeys(a) {
		text := a.text(arg)
		switch p.methods[name][arg] {
		case "boolean":
			if !slices.Contains([]string{"true", "false", "1", "0", ""}, text) {
				messages = append(messages, "must be a boolean: "+arg)
			}
		case "integer", "number":
			if _, err := strconv.ParseFloat(text, 64); err != nil {
				messages = append(messages, "must be a number: "+arg)
			}
		}
	}
	return messages
}

// newArguments came after the list was frozen (https://docs.slack.dev/reference/methods).
func newArguments() []string {
	return []string{
		"metadata", "markdown_text", "include_all_metadata", "include_locale", "include_num_members", "prevent_creation",
		"team_id", "external_id", "hash", "view_id", "interactivity_pointer", "file_ids", "blocks",
	}
}

// unknown lists arguments that no list knows, which Slack would ignore.
func (p *Specs) unknown(name string, a args) []string {
	if p == nil || p.methods[name] == nil {
		return nil
	}
	var list []string
	for _, arg := range sortedKeys(a) {
		if _, known := p.methods[name][arg]; !known && !slices.Contains(newArguments(), arg) {
			list = append(list, arg)
		}
	}
	return list
}

func (p *Specs) blocks(v any) []string {
	if p == nil {
		return nil
	}
	var messages []string
	list, _ := v.([]any)
	for i, b := range list {
		messages = append(messages, violations(p.block, b, "/blocks/"+strconv.Itoa(i))...)
	}
	return messages
}

func (p *Specs) view(kind string, v any) []string {
	if p == nil {
		return nil
	}
	if kind == "home" {
		return violations(p.home, v, "/view")
	}
	return violations(p.modal, v, "/view")
}

// violations tells where a value departs from its schema. The branches of a union all complain, so that only the
// deepest places are of use.
func violations(schema *jsonschema.Schema, v any, pointer string) []string {
	err := schema.Validate(v)
	var problem *jsonschema.ValidationError
	if !errors.As(err, &problem) {
		return nil
	}
	deepest := problem
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.InstanceLocation) > len(deepest.InstanceLocation) {
			deepest = e
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(problem)
	at := pointer
	for _, step := range deepest.InstanceLocation {
		at += "/" + step
	}
	return []string{"does not match the published schema [json-pointer:" + at + "]"}
}
