package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/api"
	"github.com/netrender/netrender/internal/wire"
)

// The page docs/api.md is made from the description that a master serves.

// described is what the page needs of an OpenAPI document.
type described struct {
	Paths      map[string]map[string]describedCall
	Components struct {
		Schemas map[string]describedType
	}
}

type describedCall struct {
	Summary    string
	Role       string `json:"x-role"`
	Tags       []string
	Parameters []struct {
		Name, In, Description string
	}
	RequestBody struct {
		Content map[string]struct{ Schema describedType }
	}
	Responses map[string]struct {
		Description string
		Content     map[string]struct{ Schema describedType }
	}
}

type describedType struct {
	Ref        string `json:"$ref"`
	Type       any    // a string, or several
	Format     string
	Items      *describedType
	Properties map[string]describedType
	Values     any `json:"additionalProperties"`
}

// writeAPI writes every call with its role, what it takes and what it answers.
func writeAPI(w io.Writer, _ *cobra.Command) {
	var d described
	if err := json.Unmarshal(api.Describe(""), &d); err != nil {
		panic(err) // the description is ours
	}
	fmt.Fprint(w, made+`# API

A master speaks HTTP: below `+"`"+wire.Root+"`"+` the protocol that workers, the commands and scripts use, and beside it

| | |
|---|---|
| `+"`"+wire.Root+"/openapi.json`"+` | the description of the protocol (OpenAPI 3.1), from which this page is made; no token is needed |
| `+"`/healthz`"+` | 200 while the program runs; no token is needed |
| `+"`/readyz`"+` | 200 while the master can take and keep work, else 503 with the reason; no token is needed |
| `+"`/metrics`"+` | figures for Prometheus: jobs, frames, workers, leases, calls, bytes, the database; no token is needed |
| `+"`/`"+` | the pages for browsers |

A call shows a token: `+"`Authorization: Bearer TOKEN`"+` (`+"`netrender token create NAME --role ROLE`"+` makes one). The role named below is the
least that may make the call; where two are named, either may. Bodies and answers are JSON but where another type is
named; unknown fields are ignored. Lists come by pages: pass what `+"`next`"+` says as `+"`after`"+` (`+"`before`"+` for jobs) until there is no
`+"`next`"+`. Waits (`+"`wait_ms`"+`, at most a minute) hold the answer until there is something to say.

Errors are `+"`application/problem+json`"+` (RFC 9457): `+"`kind`"+` for machines, `+"`detail`"+` a sentence for people, `+"`hint`"+` what to do next.
Statuses that every call may answer: 400 it makes no sense, 401 no valid token, 403 too low a role, 404 there is no such
thing, 409 not in this state, 412 versions that do not fit, 413 too large, 422 bytes that are not what was announced, 429
too many attempts, 503 the master is going down, 507 the disk is full.

With curl:

`+"```"+`
curl -H "Authorization: Bearer $TOKEN" http://MASTER:`+fmt.Sprint(wire.DefaultPort)+wire.Root+`/jobs
curl -N -H "Authorization: Bearer $TOKEN" "http://MASTER:`+fmt.Sprint(wire.DefaultPort)+wire.Root+`/events?kinds=job"
`+"```"+`
`)
	sections := map[string][]string{}
	for path, calls := range d.Paths {
		for method, c := range calls {
			name := "other"
			if len(c.Tags) > 0 {
				name = c.Tags[0]
			}
			sections[name] = append(sections[name], path+" "+method)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		fmt.Fprintf(w, "\n## %s\n\n| call | role | | takes | answers |\n|---|---|---|---|---|\n", name)
		slices.SortFunc(sections[name], byPath)
		for _, at := range sections[name] {
			path, method, _ := strings.Cut(at, " ")
			c := d.Paths[path][method]
			fmt.Fprintf(w, "| `%s %s` | %s | %s | %s | %s |\n", strings.ToUpper(method), strings.TrimPrefix(path, wire.Root),
				strings.ReplaceAll(strings.Replace(c.Role, "none", "anybody", 1), ",", ", "), cell(c.Summary), cell(c.takes()), cell(c.answers()))
		}
	}
	fmt.Fprint(w, "\n## Types\n\nTimes are RFC 3339, sizes are bytes, frames are written `1-250` or `1,5,9`.\n")
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		t := d.Components.Schemas[name]
		fmt.Fprintf(w, "\n### %s\n\n", name)
		if len(t.Properties) == 0 {
			fmt.Fprintf(w, "%s\n", t.name())
			continue
		}
		fields := make([]string, 0, len(t.Properties))
		for _, f := range slices.Sorted(maps.Keys(t.Properties)) {
			p := t.Properties[f]
			fields = append(fields, fmt.Sprintf("`%s` %s", f, p.name()))
		}
		fmt.Fprintf(w, "%s\n", strings.Join(fields, ", "))
	}
}

// byPath sorts calls by path, and those of one path by what they do.
func byPath(a, b string) int {
	pa, ma, _ := strings.Cut(a, " ")
	pb, mb, _ := strings.Cut(b, " ")
	if c := strings.Compare(pa, pb); c != 0 {
		return c
	}
	order := []string{"get", "head", "post", "put", "patch", "delete"}
	return slices.Index(order, ma) - slices.Index(order, mb)
}

// takes says what a call is given: its query, headers and body.
func (c *describedCall) takes() string {
	var parts []string
	for _, p := range c.Parameters {
		text := p.Description
		if text != "" {
			text = " (" + text + ")"
		}
		switch p.In {
		case "query":
			parts = append(parts, "`?"+p.Name+"=`"+text)
		case "header":
			parts = append(parts, "`"+p.Name+"`"+text)
		}
	}
	for _, media := range slices.Sorted(maps.Keys(c.RequestBody.Content)) {
		t := c.RequestBody.Content[media].Schema
		parts = append(parts, bodyName(media, &t))
	}
	return strings.Join(parts, "; ")
}

// answers says what comes back, errors that are like everywhere left out.
func (c *describedCall) answers() string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(c.Responses)) {
		r := c.Responses[status]
		if status == "default" {
			continue
		}
		text := status
		for _, media := range slices.Sorted(maps.Keys(r.Content)) {
			t := r.Content[media].Schema
			text += " " + bodyName(media, &t)
		}
		if len(r.Content) == 0 && len(c.Responses) > 2 {
			text += " " + r.Description
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func bodyName(media string, t *describedType) string {
	if media == "application/json" {
		return t.name()
	}
	return "`" + media + "`"
}

// name is a type in words, with a link where it has a name.
func (t *describedType) name() string {
	if t.Ref != "" {
		name := t.Ref[strings.LastIndexByte(t.Ref, '/')+1:]
		return "[" + name + "](#" + strings.ToLower(name) + ")"
	}
	kind, _ := t.Type.(string)
	if several, ok := t.Type.([]any); ok && len(several) > 0 {
		kind, _ = several[0].(string)
	}
	switch {
	case kind == "array" && t.Items != nil:
		return "list of " + t.Items.name()
	case t.Format == "date-time":
		return "time"
	case kind == "":
		return "any"
	}
	return kind
}
