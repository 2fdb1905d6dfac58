package classic

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// TestStrangers: addresses of the Internet and browsers are not spoken to.
func TestStrangers(t *testing.T) {
	d := &Door{opt: Options{Allow: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")}}}
	for remote, want := range map[string]bool{
		"127.0.0.1:5": true, "[::1]:5": true, "10.1.2.3:5": true, "172.16.0.1:5": true, "172.32.0.1:5": false, "192.168.7.7:5": true, "169.254.1.1:5": true,
		"[fe80::1%eth0]:5": true, "[fd00::1]:5": true, "[::ffff:192.168.1.1]:5": true, "[::ffff:8.8.8.8]:5": false, "8.8.8.8:5": false,
		"203.0.113.9:5": true, "203.0.114.9:5": false, "[2001:db8::7]:5": true, "[2001:db9::7]:5": false, "": false, "pipe": false, "100.64.0.1:5": false,
	} {
		if d.Allows(remote) != want {
			t.Errorf("%s: %v", remote, !want)
		}
	}
	h := open(t)
	for _, header := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode"} {
		if r := h.call("POST", "/clear", nil, header, "null"); r.status != http.StatusForbidden {
			t.Errorf("%s: %d", header, r.status)
		}
	}
}

// TestUnknown: what is not known is answered as the dialects have it, and changes nothing.
func TestUnknown(t *testing.T) {
	for dialect, unknown := range map[Dialect]int{V18: http.StatusNoContent, Page: http.StatusNotFound} {
		t.Run(string(dialect), func(t *testing.T) {
			h := open(t, func(o *Options) { o.Dialect = dialect })
			nobody := strings.Repeat("0", 32)
			for _, c := range []struct {
				method, path string
				headers      []any
			}{
				{"GET", "/", nil},
				{"GET", "/nothing", nil},
				{"DELETE", "/job", nil},
				{"GET", "/job", nil},
				{"GET", "/job", []any{"slave-id", nobody}},
				{"GET", "/job", []any{"slave-id", "../../x"}},
				{"GET", "/status", []any{"job-id", "99"}},
				{"HEAD", "/status", []any{"job-id", "99", "job-frame", 1}},
				{"PUT", "/render", []any{"slave-id", nobody, "job-id", "1", "job-frame", 1, "job-result", 2}},
				{"PUT", "/render", []any{"job-id", "1", "job-frame", 1, "job-result", 3}},
			} {
				if r := h.call(c.method, c.path, nil, c.headers...); r.status != unknown {
					t.Errorf("%s %s %v: %d %q", c.method, c.path, c.headers, r.status, r.body)
				}
			}
			paths := []string{
				"GET /file_9_0", "GET /file_1_-1", "GET /render_9_1.exr", "GET /render_1_x.exr", "GET /render_.exr", "GET /thumb_9_1.jpg", "GET /log_9_1.log",
				"GET /result_9.zip", "POST /cancel_9", "POST /pause_9", "POST /edit_9", "POST /reset_9_1", "POST /resetall_9_0", "PUT /file_9_0", "PUT /log_9_1.log",
				"GET /render_1_99999999999999999999.exr", "PUT /file_%2e%2e_0",
			}
			if dialect == Page {
				paths = []string{"GET /file", "GET /file_1_0", "PUT /thumb", "POST /clear"}
			}
			for _, p := range paths {
				method, path, _ := strings.Cut(p, " ")
				if r := h.call(method, path, nil); r.status != unknown {
					t.Errorf("%s: %d %q", p, r.status, r.body)
				}
			}
		})
	}
}

// TestNotLeased: a result of a frame that nobody leased, or somebody else, is not taken.
func TestNotLeased(t *testing.T) {
	h := open(t)
	id := h.job(numbers(3), 1, "scene")
	a, b := h.slave("a"), h.slave("b")
	exr := picture(t)
	if r := h.send(a, id, 1, exr); r.status != http.StatusNoContent {
		t.Errorf("nobody leased it: %d", r.status)
	}
	h.task(a)
	for name, r := range map[string]reply{
		"another slave's frame": h.send(b, id, 1, exr),
		"another frame":         h.send(a, id, 2, exr),
		"no frame of the job":   h.send(a, id, 9, exr),
		"another job":           h.send(a, "77", 1, exr),
		"another's log":         h.call("PUT", "/log_"+id+"_1.log", []byte("x"), "slave-id", b),
		"another's preview":     h.call("PUT", "/thumb", exr, "slave-id", b, "job-id", id, "job-frame", 1),
		"a log of others":       h.call("POST", "/log", fmt.Appendf(nil, `{"job_id":%q,"slave_id":%q,"frames":[1]}`, id, b)),
	} {
		if r.status != http.StatusNoContent {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if j := h.engineJob(id); j.Done != 0 || j.Failed != 0 {
		t.Errorf("%d done, %d failed", j.Done, j.Failed)
	}
	for name, headers := range map[string][]any{
		"no result":      {},
		"a strange one":  {"job-result", 7},
		"words":          {"job-result", "DONE"},
		"frame of words": {"job-result", 2, "job-frame", "one"},
	} {
		all := append([]any{"slave-id", a, "job-id", id, "job-frame", 1}, headers...)
		if r := h.call("PUT", "/render", exr, all...); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if r := h.call("PUT", "/thumb", []byte("no JPEG"), "slave-id", a, "job-id", id, "job-frame", 1); r.status != http.StatusBadRequest {
		t.Errorf("a preview that is none: %d", r.status)
	}
	if r := h.send(a, id, 1, exr); r.status != http.StatusOK {
		t.Errorf("the frame that it has: %d", r.status)
	}
	if r := h.send(a, id, 1, exr); r.status != http.StatusOK && r.status != http.StatusNoContent {
		t.Errorf("the same again: %d", r.status)
	}
}

// TestBodies: bodies that are too large, of another MD5 or no JSON are refused with a sentence.
func TestBodies(t *testing.T) {
	h := open(t, func(o *Options) { o.MaxFile = 1000 })
	sums := func(j map[string]any) {
		j["files"].([]any)[0].(map[string]any)["signature"] = "7fc56270e7a70fa81a5935b72eacbe29" // of "A"
	}
	id := h.need(202, "POST", "/job", describe([]int{1}, 1, sums)).head.Get("job-id")
	path := "/file_" + id + "_0"
	h.need(http.StatusConflict, "PUT", path, []byte("B"))
	h.need(http.StatusRequestEntityTooLarge, "PUT", path, make([]byte, 1001))
	if r, err := h.try("PUT", path, io.MultiReader(strings.NewReader(strings.Repeat("x", 2000)))); err == nil && r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body in chunks: %d", r.status) // or the connection is cut
	}
	if r, err := h.try("PUT", path, io.MultiReader(strings.NewReader("A"))); err != nil || r.status != 200 { // in chunks
		t.Errorf("%d, %v", r.status, err)
	}
	h.need(200, "PUT", path, []byte("A")) // again
	for p, body := range map[string]string{
		"/job": "{", "/slave": "[]", "/log": `"x"`, "/edit_" + id: "nul", "/pause_" + id: `{"status":3}`, "/cancel_" + id: `{"clear":"yes"}`, "/clear": "1",
	} {
		if r := h.call("POST", p, []byte(body)); r.status != http.StatusBadRequest {
			t.Errorf("%s %s: %d %s", p, body, r.status, r.body)
		}
	}
	h.need(http.StatusRequestEntityTooLarge, "POST", "/slave", []byte(`{"name":"`+strings.Repeat("x", maxSmall)+`"}`))
	many := describe(numbers(maxFrames+1), 1)
	h.need(http.StatusRequestEntityTooLarge, "POST", "/job", many)

	old := open(t, func(o *Options) { o.Dialect = Page })
	for name, headers := range map[string][]any{
		"no id":        {"job-frame", 1},
		"no MD5":       {"job-id", "12", "job-frame", 1},
		"no frames":    {"job-id", strings.Repeat("a", 32)},
		"backwards":    {"job-id", strings.Repeat("a", 32), "job-frame", "3:1"},
		"words":        {"job-id", strings.Repeat("a", 32), "job-frame", "a:b"},
		"three":        {"job-id", strings.Repeat("a", 32), "job-frame", "1:2:3"},
		"beyond":       {"job-id", strings.Repeat("a", 32), "job-frame", "1:9999999"},
		"chunks":       {"job-id", strings.Repeat("a", 32), "job-frame", "1", "job-chunks", "x"},
		"a path twice": {"job-id", strings.Repeat("a", 32), "job-frame", "1"},
	} {
		if r := old.call("POST", "/job", []byte("/a\n/a"), headers...); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

// TestHeads: heads that are none are answered or cut, and the door goes on.
func TestHeads(t *testing.T) {
	h := open(t)
	for _, head := range []string{
		"\x00\x01\x02\r\n\r\n",
		"GET\r\n\r\n",
		"GET /version\r\n\r\n",
		"GET /version HTTP/9.9\r\n\r\n",
		"GET version HTTP/1.1\r\nbroken\r\n\r\n",
		"PUT /file_1_0 HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
		"PUT /file_1_0 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nabc",
		"PUT /file_1_0 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /" + strings.Repeat("x", 100<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET version HTTP/1.1\r\nHost: x\r\nslave-id: " + strings.Repeat("x", 100<<10) + "\r\n\r\n",
	} {
		c := h.dial()
		_, _ = io.WriteString(c.conn, head)
		_ = c.conn.(interface{ CloseWrite() error }).CloseWrite()
		text, _ := io.ReadAll(c.conn)
		if strings.HasPrefix(string(text), "HTTP/1.1 2") && !strings.HasPrefix(string(text), "HTTP/1.1 204") {
			t.Errorf("%.60q was answered %.100q", head, text)
		}
	}
	if r := h.call("GET", "/version", nil); r.body != DefaultVersion {
		t.Errorf("afterwards: %d %q", r.status, r.body)
	}
}
