package api

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// promised is a call of the contract in wire/paths.go.
type promised struct {
	method, path string
	role, also   farm.Role
}

// contract reads the calls from the comment that is their only list.
func contract(t *testing.T) (calls []promised) {
	t.Helper()
	text, err := os.ReadFile("../wire/paths.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^//\t(GET|HEAD|POST|PUT|PATCH|DELETE) +(/\S*) +(\S+)`).FindAllStringSubmatch(string(text), -1) {
		role, also, _ := strings.Cut(m[3], ",")
		if role == "(anybody)" {
			role = ""
		}
		calls = append(calls, promised{m[1], m[2], farm.Role(role), farm.Role(also)})
	}
	if len(calls) < 38 {
		t.Fatalf("only %d calls were found in the contract", len(calls))
	}
	return calls
}

// example makes a path that matches a pattern.
func example(pattern string) string {
	path := strings.NewReplacer("{name...}", "a/b.exr", "{ref}", strings.Repeat("ab", 32), "{code}", "ABC-DEF", "{frame}", "1").Replace(pattern)
	return strings.ReplaceAll(path, "{id}", "1")
}

func TestEveryCallIsDescribed(t *testing.T) {
	h := open(t)
	resp, text := h.send(nobody, "GET", wire.Root+"/openapi.json", nil)
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			Role     string         `json:"x-role"`
			ID       string         `json:"operationId"`
			Security []any          `json:"security"`
			Answers  map[string]any `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", doc.OpenAPI)
	}
	described := 0
	for _, calls := range doc.Paths {
		described += len(calls)
	}
	calls := contract(t)
	if described != len(calls) {
		t.Errorf("%d calls are described, the contract has %d", described, len(calls))
	}
	names := map[string]bool{}
	for _, c := range calls {
		op, ok := doc.Paths[wire.Root+strings.Replace(c.path, "...}", "}", 1)][strings.ToLower(c.method)]
		if !ok {
			t.Errorf("%s %s is not described", c.method, c.path)
			continue
		}
		want := roles{c.role, c.also}.String()
		if c.role == nobody {
			want = "none"
		}
		if op.Role != want || (len(op.Security) > 0) != (c.role != nobody) {
			t.Errorf("%s %s: x-role %q security %v, want %s", c.method, c.path, op.Role, op.Security, want)
		}
		if op.ID == "" || names[op.ID] || len(op.Answers) < 2 {
			t.Errorf("%s %s: name %q, %d answers", c.method, c.path, op.ID, len(op.Answers))
		}
		names[op.ID] = true
	}
}

// TestAnswersAreDescribed: what is neither JSON nor the usual success is in the description as it is served.
func TestAnswersAreDescribed(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Body struct {
				Content map[string]any `json:"content"`
			} `json:"requestBody"`
			Answers map[string]struct {
				Content map[string]any `json:"content"`
				Headers map[string]any `json:"headers"`
			} `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(Describe("1.0.0"), &doc); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, status, media, header string }{
		{"get", "/events", "200", "text/event-stream", ""},
		{"get", "/jobs/{id}/log", "200", plainMedia, ""},
		{"get", "/blobs/{ref}", "200", "application/octet-stream", ""},
		{"get", "/blobs/{ref}", "206", "", ""},
		{"get", "/jobs/{id}/results/{name}", "206", "", ""},
		{"head", "/blobs/{ref}", "404", "", "Upload-Offset"},
		{"put", "/blobs/{ref}", "201", "", ""},
		{"put", "/blobs/{ref}", "202", "", "Upload-Offset"},
		{"put", "/blobs/{ref}", "409", "", "Upload-Offset"},
		{"put", "/leases/{id}/results", "202", "", "Upload-Offset"},
		{"put", "/leases/{id}/results", "409", "", "Upload-Offset"},
		{"post", "/claim", "200", "application/json", ""},
		{"post", "/claim", "204", "", ""},
		{"get", "/jobs", "default", "application/problem+json", ""},
	} {
		a, ok := doc.Paths[wire.Root+c.path][c.method].Answers[c.status]
		_, media := a.Content[c.media]
		_, header := a.Headers[c.header]
		if !ok || c.media != "" && !media || c.header != "" && !header {
			t.Errorf("%s %s: %s is described as %+v", c.method, c.path, c.status, a)
		}
	}
	if log := doc.Paths[wire.Root+"/leases/{id}/log"]["post"].Body.Content; log[plainMedia] == nil {
		t.Errorf("a log is sent as %v", log)
	}
	// As it is served.
	h := open(t)
	job := h.submit("1-1")
	for path, media := range map[string]string{"/events": "text/event-stream", "/jobs/" + job.ID.String(): "application/json"} {
		ctx, stop := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+wire.Root+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+h.secret[farm.RoleView])
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		stop()
		_ = resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); got != media {
			t.Errorf("%s is served as %s", path, got)
		}
	}
	c := h.client(farm.RoleWorker)
	h.worker(c, "worker-01", 1)
	if g, err := c.Claim(t.Context(), farm.Wish{Worker: "worker-01"}); err != nil || g == nil {
		t.Fatal(g, err)
	}
	resp, text := h.send(farm.RoleWorker, "POST", wire.Root+"/claim", []byte(`{"worker":"worker-01"}`))
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("nothing to do is %d %s", resp.StatusCode, text)
	}
}

func TestRoles(t *testing.T) {
	var ahead atomic.Int64 // there are more calls than wrong tokens that are answered at once
	h := open(t, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) } })
	for _, c := range contract(t) {
		ahead.Add(int64(wrongRefill))
		path := wire.Root + example(c.path)
		resp, text := h.send(nobody, c.method, path, nil)
		if c.role == nobody {
			if resp.StatusCode == 401 || resp.StatusCode == 403 {
				t.Errorf("%s %s asks for a token: %d", c.method, c.path, resp.StatusCode)
			}
			continue
		}
		if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s without a token: %d", c.method, c.path, resp.StatusCode)
		}
		if c.method != "HEAD" {
			wantProblem(t, resp, text, farm.Denied)
		}
		if resp, _ := h.send(nobody, c.method, path, nil, "Authorization", "Bearer nr_wrong"); resp.StatusCode != 401 {
			t.Errorf("%s %s with a wrong token: %d", c.method, c.path, resp.StatusCode)
		}
		for _, role := range farm.Roles() {
			if role.Includes(c.role) || c.also != nobody && role.Includes(c.also) {
				continue
			}
			resp, text := h.send(role, c.method, path, nil)
			if resp.StatusCode != 403 {
				t.Errorf("%s %s as %s: %d", c.method, c.path, role, resp.StatusCode)
			}
			if c.method != "HEAD" {
				wantProblem(t, resp, text, farm.Denied)
			}
		}
	}
}

// TestLeastRoleMay checks that the role the contract names is let in: whatever comes back, it is not a refusal.
func TestLeastRoleMay(t *testing.T) {
	h := open(t)
	for _, c := range contract(t) {
		if c.role == nobody || c.path == "/events" {
			continue
		}
		resp, text := h.send(c.role, c.method, wire.Root+example(c.path), []byte("{}"))
		if resp.StatusCode == 401 || resp.StatusCode == 403 || resp.StatusCode >= 500 {
			t.Errorf("%s %s as %s: %d %s", c.method, c.path, c.role, resp.StatusCode, text)
		}
	}
}

func wantProblem(t testing.TB, resp *http.Response, text []byte, kind farm.Kind) {
	t.Helper()
	var p wire.Problem
	if err := json.Unmarshal(text, &p); err != nil || resp.Header.Get("Content-Type") != wire.ProblemType {
		t.Fatalf("not a problem: %s %q %v", resp.Header.Get("Content-Type"), text, err)
	}
	if p.Kind != kind || p.Status != resp.StatusCode || p.Detail == "" || p.Title == "" {
		t.Fatalf("got %+v with status %d, want kind %s", p, resp.StatusCode, kind)
	}
}
