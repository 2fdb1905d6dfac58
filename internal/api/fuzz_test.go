package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// bodied are the calls that read JSON, with the least role that may make them.
var bodied = []struct {
	method, path string
	role         farm.Role
}{
	{"POST", "/jobs", farm.RoleSubmit},
	{"PATCH", "/jobs/1", farm.RoleSubmit},
	{"POST", "/jobs/1/retry", farm.RoleSubmit},
	{"POST", "/workers", farm.RoleWorker},
	{"GET", "/workers/worker-01", farm.RoleView},
	{"PATCH", "/workers/worker-01", farm.RoleAdmin},
	{"POST", "/workers/worker-01/heartbeat", farm.RoleWorker},
	{"POST", "/claim", farm.RoleWorker},
	{"POST", "/report", farm.RoleWorker},
	{"PUT", "/rules", farm.RoleAdmin},
	{"POST", "/tokens", farm.RoleAdmin},
	{"POST", "/pairings", nobody},
	{"POST", "/pairings/poll", nobody},
	{"POST", "/jobs/actions", farm.RoleSubmit},
}

// ask makes a call without a network; the answer must be a success or a problem, and never a fault of ours.
func (h *house) ask(role farm.Role, method, path string, body []byte) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, "/", bytes.NewReader(body))
	path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	r.URL.Path = path
	if role != nobody {
		r.Header.Set("Authorization", "Bearer "+h.secret[role])
	}
	w := httptest.NewRecorder()
	h.a.ServeHTTP(w, r.WithContext(within(h.t)))
	switch {
	case w.Code == 301 || w.Code == 307 || w.Code == 308: // a path that ServeMux cleans
	case w.Code >= 500 && w.Code != http.StatusInsufficientStorage:
		h.t.Errorf("%s %s with %.200q: %d %s", method, path, body, w.Code, w.Body)
	case w.Code >= 400:
		wantProblem(h.t, w.Result(), w.Body.Bytes(), wire.KindOfStatus(w.Code))
	}
	return w
}

func FuzzBodies(f *testing.F) {
	h := open(f)
	for i := range bodied {
		f.Add(uint8(i), []byte(`{"wait_ms":0}`))
	}
	f.Add(uint8(0), []byte(`{"spec":{"name":"a","blend":"a.blend","frames":"1-3","options":{"exr":"full"}},"files":[{"path":"a.blend","size":1,"sha256":"`+strings.Repeat("a", 64)+`"}],"x":[{}]}`))
	f.Add(uint8(0), []byte(`{"files":[{"path":1}]}`))
	f.Add(uint8(0), []byte(`{"files":null,"spec":null}{}`))
	f.Add(uint8(2), []byte(`{"frames":"1-9x0"}`))
	f.Add(uint8(7), []byte(`{"reports":[{"lease":1,"worker":"worker-01","job":1,"frame":1,"outcome":"done","results":[{"name":"../x"}]}],"wish":{}}`))
	f.Add(uint8(8), []byte(`{"cap":"x"}`))
	f.Add(uint8(3), []byte(`[[[[[[`))
	f.Add(uint8(len(bodied)-1), []byte(`{"action":"pause","ids":[1,0,-1,9223372036854775807]}`))
	f.Add(uint8(len(bodied)-1), []byte(`{"action":"retry","filter":{"state":["queued,done"],"q":"%"},"all":true}`))
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		if bytes.Contains(body, []byte("wait_ms")) && !bytes.Equal(body, []byte(`{"wait_ms":0}`)) {
			return // that one waits, and it should
		}
		h.t = t
		b := bodied[int(which)%len(bodied)]
		h.ask(b.role, b.method, wire.Root+b.path, body)
	})
}

func FuzzQueries(f *testing.F) {
	h := open(f)
	h.submit("1-9")
	calls := []string{"/jobs", "/jobs/1/attempts", "/jobs/1/log", "/jobs/1/files", "/jobs/1/missing", "/workers", "/jobs/1/results/x", "/jobs/1/grid", "/jobs/1/frames/1/layers", "/jobs/1/frames/1/layer", "/jobs/1/results.zip"}
	for i := range calls {
		f.Add(uint8(i), "limit", "-1")
		f.Add(uint8(i), "after", "99999999999999999999")
		f.Add(uint8(i), "frame", "1;2&&%zz")
		f.Add(uint8(i), "state", "done,,")
		f.Add(uint8(i), "frames", strings.Repeat("1,", 9000))
	}
	f.Fuzz(func(t *testing.T, which uint8, name, value string) {
		if name == "wait_ms" || name == "frames" && strings.Count(value, "x") > 2 {
			return // waits, and many runs with steps, take their time
		}
		h.t = t
		h.ask(farm.RoleAdmin, "GET", wire.Root+calls[int(which)%len(calls)]+"?"+url.QueryEscape(name)+"="+url.QueryEscape(value), nil)
		h.ask(farm.RoleAdmin, "GET", wire.Root+calls[int(which)%len(calls)]+"?"+name+"="+value, nil)
	})
}

func TestLimitsOfBodies(t *testing.T) {
	h := open(t)
	big := bytes.Repeat([]byte(" "), wire.MaxSmall+1)
	for _, b := range bodied {
		if b.path == "/jobs" || b.method == "GET" { // a GET's body is nobody's business
			continue
		}
		resp, text := h.send(b.role, b.method, wire.Root+b.path, big)
		wantProblem(t, resp, text, farm.TooLarge)
	}
	// A manifest of 20,000 files is welcome, and a body without a media type or with curl's.
	var body bytes.Buffer
	body.WriteString(`{"spec":{"blend":"0.blend","frames":"1"},"unknown":{"a":[1]},"files":[`)
	for i := range 20_000 {
		fmt.Fprintf(&body, `{"path":"textures/%05d.png","original":"//tex","size":5,"sha256":"%064x"},`, i, i+1)
	}
	body.WriteString(`{"path":"0.blend","size":5,"sha256":"` + strings.Repeat("1f", 32) + `"}]}`)
	for _, kind := range []string{"", "application/x-www-form-urlencoded", "application/json; charset=utf-8"} {
		resp, text := h.send(farm.RoleSubmit, "POST", wire.Root+"/jobs", body.Bytes(), "Content-Type", kind)
		var reply wire.SubmitReply
		if err := json.Unmarshal(text, &reply); err != nil || resp.StatusCode != 201 {
			t.Fatalf("%d %.300s", resp.StatusCode, text)
		}
		if reply.Job.Missing != 20_001 || len(reply.Missing) != wire.MaxPage || !reply.More || resp.Header.Get("Location") == "" {
			t.Fatal(reply.Job.Missing, len(reply.Missing), reply.More)
		}
	}
	resp, text := h.send(farm.RoleAdmin, "PUT", wire.Root+"/rules", []byte(`{"cap":0.5,"stale_minutes":10,"attempts":3,"heartbeat_ms":5000,"new":1}`),
		"Content-Type", "application/x-www-form-urlencoded")
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
}
