// Package apischema checks requests against the description of its API that
// Discord publishes, for fakediscord.Options.Check. It is apart from the fake
// so that what needs no description needs no OpenAPI library either.
package apischema

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Schema is Discord's own description of its API, of version 10.
// https://github.com/discord/discord-api-spec
type Schema struct {
	router routers.Router
}

// Find loads specs/discord_openapi.json from the folder "shared" beside
// the repository's root, which is found from the working directory upwards. The
// error is fs.ErrNotExist where that folder is absent.
func Find() (*Schema, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find discord's schema: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return Load(filepath.Join(dir, "..", "shared", "specs", "discord_openapi.json"))
		}
		if dir == filepath.Dir(dir) {
			return nil, fmt.Errorf("find discord's schema: no go.mod: %w", os.ErrNotExist)
		}
		dir = filepath.Dir(dir)
	}
}

// Load reads the description from a file. One Schema may serve many
// servers at once.
func Load(path string) (*Schema, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load discord's schema: %w", err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("load discord's schema: %w", err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("load discord's schema: %w", err)
	}
	return &Schema{router: router}, nil
}

// Check returns an error for a request that the description does not allow.
// The body is the request's JSON, of a multipart request its payload_json.
// Version 9 is checked as version 10. The description knows nothing of lengths
// of content, the case of names, or which fields go together: those rules are
// the fake's own.
func (s *Schema) Check(r *http.Request, body []byte) error {
	to := &url.URL{
		Scheme: "https", Host: "discord.com", RawQuery: r.URL.RawQuery,
		Path: regexp.MustCompile(`^/api/v\d+`).ReplaceAllString(r.URL.Path, "/api/v10"),
	}
	copied, err := http.NewRequestWithContext(context.Background(), r.Method, to.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("check a request: %w", err)
	}
	copied.Header = r.Header.Clone()
	copied.Header.Set("Content-Type", "application/json")
	if len(body) == 0 {
		copied.Body, copied.ContentLength = http.NoBody, 0
	}
	route, params, err := s.router.FindRoute(copied)
	if err != nil {
		return fmt.Errorf("check %s %s: %w", r.Method, r.URL.Path, err)
	}
	err = openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
	if err != nil {
		return fmt.Errorf("check %s %s: %w", r.Method, r.URL.Path, err)
	}
	return nil
}
