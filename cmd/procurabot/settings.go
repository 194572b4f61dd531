package main

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

const prefix = "PROCURABOT_"

// withFile adds the settings of a file to the environment, which goes before: a
// setting can be tried without changing the file. Wrong are the file's settings
// that cannot be used.
func withFile(environment map[string]string, path string) (all map[string]string, wrong []string, err error) {
	var file map[string]any
	if _, err := toml.DecodeFile(path, &file); err != nil {
		if os.IsNotExist(err) || os.IsPermission(err) {
			return nil, nil, fmt.Errorf("the file of settings cannot be read: %w", err)
		}
		// The parser may quote the line, and with it a token.
		var where string
		if e, ok := err.(toml.ParseError); ok {
			where = fmt.Sprintf(" in line %d", e.Position.Line)
		}
		return nil, nil, fmt.Errorf("%s is no TOML%s: each line must read name = \"value\"", path, where)
	}
	all = maps.Clone(environment)
	known := settingNames()
	for _, key := range slices.Sorted(maps.Keys(file)) {
		name := prefix + strings.ToUpper(key)
		if !slices.Contains(known, name) || key != strings.ToLower(key) {
			wrong = append(wrong, fmt.Sprintf("%s: there is no setting %q; the settings are those of procurabot run --help in lower case, without %s", path, key, prefix))
			continue
		}
		value, ok := plain(file[key])
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s: %s must be a text or a list of texts", path, key))
			continue
		}
		if _, set := environment[name]; !set {
			all[name] = value
		}
	}
	return all, wrong, nil
}

// plain is a value of the file as the environment would have it.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case []any:
		var parts []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return "", false
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ","), true
	}
	return "", false
}

// settingNames are all that config reads.
func settingNames() []string {
	var names []string
	t := reflect.TypeFor[config]()
	for i := range t.NumField() {
		if name, ok := t.Field(i).Tag.Lookup("env"); ok {
			names = append(names, prefix+name)
		}
	}
	return names
}

// strangers are variables of the environment that look like settings and are
// none: mistyped, or put there by a container platform for a service of our name.
func strangers(environment map[string]string) []string {
	known := settingNames()
	var all []string
	for name := range environment {
		if strings.HasPrefix(name, prefix) && name != prefix+"CONFIG" && !slices.Contains(known, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}
