package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// route is one call as the description names it.
type route struct {
	method, path string // path below wire.Root
	role         farm.Role
	also         farm.Role // another role that may call; empty: none
	name         string    // of the operation, in the words of the client
	about        string
	params       []param // of plain routes; huma finds its own
	in, out      any     // values of the types that travel as JSON; nil: none. raw: bytes
	status       int     // of a success; 0: 200
	besides      []besides
}

// besides is an answer that is no error and not the usual one, or an error that says more than others do.
type besides struct {
	status int
	about  string
	offset bool // it has the header Upload-Offset
}

// raw stands for a body of plain bytes.
type raw struct {
	media string // its type; empty: any
}

// plainMedia is the type of logs.
const plainMedia = "text/plain; charset=utf-8"

// Answers of calls that send parts of files and ask for them.
var (
	goOn  = besides{http.StatusAccepted, "A part came: go on at Upload-Offset", true}
	begin = besides{http.StatusConflict, "The body does not begin where the file ends: begin at Upload-Offset", true}
	some  = besides{http.StatusNotFound, "It is not there, but Upload-Offset bytes of it are", true}
	piece = besides{http.StatusPartialContent, "The range that was asked for", false}
)

type param struct {
	name, in string // in: query or header
	kind     string // string, integer or boolean
	about    string
}

func inQuery(name, kind, about string) param  { return param{name, "query", kind, about} }
func inHeader(name, kind, about string) param { return param{name, "header", kind, about} }

// describer enters routes and describes them.
type describer struct {
	api  *API
	huma huma.API
}

func (d *describer) operation(rt route) huma.Operation {
	op := huma.Operation{
		Method:             rt.method,
		Path:               wire.Root + strings.Replace(rt.path, "...}", "}", 1),
		OperationID:        rt.name,
		Summary:            rt.about,
		DefaultStatus:      rt.status,
		MaxBodyBytes:       wire.MaxSmall,
		BodyReadTimeout:    stall,
		SkipValidateBody:   true, // master's own checks speak in sentences
		SkipValidateParams: true,
		Extensions:         map[string]any{"x-role": "none"},
	}
	if rt.role != nobody {
		op.Extensions["x-role"] = rt.roles().String()
		op.Security = []map[string][]string{{"token": {}}}
	}
	if section, _, _ := strings.Cut(strings.TrimPrefix(rt.path, "/"), "/"); section != "" {
		op.Tags = []string{section}
	}
	return op
}

// steer enters a call that huma reads and writes. It is a function, for methods have no type parameters.
func steer[I, O any](d *describer, rt route, f func(ctx context.Context, in *I) (*O, error)) {
	op := d.operation(rt)
	call := rt.method + " " + rt.path
	d.api.router.roles[op.Method+" "+op.Path] = rt.roles()
	huma.Register(d.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, in)
		if err != nil {
			return nil, d.api.fail(call, err)
		}
		return out, nil
	})
}

// plain enters a call that a handler of ours reads and writes, for speed or because it carries bytes.
func (d *describer) plain(rt route, h handler) {
	d.api.router.handle(rt.method+" "+wire.Root+rt.path, rt.roles(), h)
	op := d.operation(rt)
	schemas := d.huma.OpenAPI().Components.Schemas
	body := func(v any) map[string]*huma.MediaType {
		switch bytes, is := v.(raw); {
		case is && bytes.media != "":
			return map[string]*huma.MediaType{bytes.media: {Schema: &huma.Schema{Type: "string"}}}
		case is:
			return map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
		}
		t := reflect.TypeOf(v)
		return map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(t, true, t.Name())}}
	}
	for _, name := range pathParams(op.Path) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
	}
	for _, p := range rt.params {
		op.Parameters = append(op.Parameters, &huma.Param{Name: p.name, In: p.in, Description: p.about, Schema: &huma.Schema{Type: p.kind}})
	}
	if rt.in != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: body(rt.in)}
	}
	status := rt.status
	if status == 0 {
		status = http.StatusOK
	}
	answer := &huma.Response{Description: http.StatusText(status)}
	if rt.out != nil {
		answer.Content = body(rt.out)
	}
	op.Responses = map[string]*huma.Response{
		strconv.Itoa(status): answer,
		"default": {Description: "Error", Content: map[string]*huma.MediaType{
			wire.ProblemType: {Schema: schemas.Schema(reflect.TypeFor[problem](), true, "Problem")},
		}},
	}
	for _, b := range rt.besides {
		r := &huma.Response{Description: b.about}
		if b.offset {
			r.Headers = map[string]*huma.Param{wire.HeaderOffset: {Schema: &huma.Schema{Type: "integer"}, Description: "bytes that are there"}}
		}
		op.Responses[strconv.Itoa(b.status)] = r
	}
	d.huma.OpenAPI().AddOperation(&op)
}

func pathParams(path string) (names []string) {
	for _, part := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// Forms that many calls share. Those that are embedded must be exported for huma to see them.
type (
	none        struct{}
	made[T any] struct {
		Body T
	}
	// PathID is the id in a path.
	PathID struct {
		ID string `path:"id"`
	}
)

func (i *PathID) job() (farm.JobID, error) { return farm.ParseJobID(i.ID) }

func answer[T any](v T, err error) (*made[T], error) {
	if err != nil {
		return nil, err
	}
	return &made[T]{v}, nil
}

// Page is the part of a list that is asked for.
type Page struct {
	After string `query:"after" doc:"where the page before ended"`
	Limit string `query:"limit" doc:"entries of the page, 1 to 1000"`
}

func limitOf(text string, missing int) (int, error) {
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > wire.MaxPage {
		return 0, farm.Errorf(farm.Invalid, "limit is a whole number from 1 to %d, not %s", wire.MaxPage, fmt.Sprintf("%q", clip(text)))
	}
	return n, nil
}
