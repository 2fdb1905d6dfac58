package wire

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netrender/netrender/internal/farm"
)

func TestParseAddress(t *testing.T) {
	pin := strings.Repeat("0f", 32)
	for in, want := range map[string]string{
		"box": "http://box:8420", "box:90": "http://box:90", " http://box/ ": "http://box", "https://box.example": "https://box.example",
		"10.0.0.7": "http://10.0.0.7:8420", "::1": "http://[::1]:8420", "[::1]:90": "http://[::1]:90", "http://[fe80::1]:8420": "http://[fe80::1]:8420",
		"": "", "ftp://box": "", "http://": "", "http://box/api": "", "http://u:p@box": "", "box:0": "", "box:99999": "", "a b": "", "http://box?x": "",
		"box:x": "", "http://box#f": "", "https://box#f": "", "http://box#" + pin: "",
		"https://box:90#" + pin: "https://box:90#" + pin, "box#" + pin: "https://box:8420#" + pin, "https://box#" + strings.ToUpper(pin): "",
	} {
		got, err := ParseAddress(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
		if err != nil && farm.KindOf(err) != farm.Invalid {
			t.Errorf("%q: kind %s", in, farm.KindOf(err))
		}
	}
}

// against makes a client of a handler that tries again quickly.
func against(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(proving("secret", h))
	t.Cleanup(s.Close)
	c, err := NewClient(s.URL, "secret", Options{Program: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.first = time.Millisecond
	return c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func problem(w http.ResponseWriter, kind farm.Kind, text, hint string) {
	w.Header().Set("Content-Type", ProblemType)
	w.WriteHeader(Status(kind))
	_ = json.NewEncoder(w).Encode(Problem{Title: "t", Status: Status(kind), Detail: text, Kind: kind, Hint: hint})
}

func TestErrorsAreRevived(t *testing.T) {
	for kind := range statusOf {
		c := against(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get(HeaderMade) != "1.2.3" {
				t.Errorf("%v", r.Header)
			}
			problem(w, kind, "so it is", "do this")
		})
		_, err := c.Job(within(t), 1)
		var got *farm.Error
		if !errors.As(err, &got) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&farm.Error{Kind: kind, Text: "so it is", Hint: "do this"}, got); diff != "" {
			t.Error(diff)
		}
		if Again(err) != (kind == farm.Stopping || kind == farm.Throttled) {
			t.Errorf("%s: again %v", kind, Again(err))
		}
	}
}

func TestStrangers(t *testing.T) {
	for _, s := range []struct {
		name   string
		answer func(http.ResponseWriter)
		kind   farm.Kind
	}{
		{"another server", func(w http.ResponseWriter) { w.WriteHeader(404); _, _ = w.Write([]byte("<html>")) }, farm.NotFound},
		{"a proxy without a master", func(w http.ResponseWriter) { w.WriteHeader(502) }, farm.Stopping},
		{"a page", func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>hello")) }, farm.Outdated},
		{"another shape", func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"id":"seven"}`)) }, farm.Outdated},
		{"a kind of the future", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", ProblemType+"; charset=utf-8")
			w.WriteHeader(429)
			_, _ = w.Write([]byte(`{"kind":"tired","detail":"later"}`))
		}, farm.Throttled},
	} {
		_, err := against(t, func(w http.ResponseWriter, _ *http.Request) { s.answer(w) }).Job(within(t), 1)
		if farm.KindOf(err) != s.kind || err.Error() == "" {
			t.Errorf("%s: %v (%s)", s.name, err, farm.KindOf(err))
		}
	}
}

func TestPatience(t *testing.T) {
	var calls atomic.Int32
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1)%3 != 0 {
			problem(w, farm.Stopping, "not up yet", "")
			return
		}
		_, _ = w.Write([]byte(`{"id":4}`))
	})
	if _, err := c.Job(within(t), 4); farm.KindOf(err) != farm.Stopping || calls.Load() != 1 {
		t.Fatal(err, calls.Load())
	}
	calls.Store(0)
	p := c.Patient(10 * time.Second)
	if j, err := p.Job(within(t), 4); err != nil || j.ID != 4 || calls.Load() != 3 {
		t.Fatal(j, err, calls.Load())
	}
	calls.Store(0)
	if _, err := p.Submit(within(t), farm.JobSpec{}, nil); farm.KindOf(err) != farm.Stopping || calls.Load() != 1 {
		t.Error("a submission without a key was repeated", err)
	}
	calls.Store(0)
	if _, err := p.Submit(within(t), farm.JobSpec{Key: "k"}, nil); err != nil || calls.Load() != 3 {
		t.Error("a submission with a key was not repeated", err)
	}
	calls.Store(0)
	if _, err := p.CancelJob(within(t), 1); err == nil {
		t.Error("a steering call was repeated")
	}
	calls.Store(0)
	if err := p.PutResult(within(t), 1, "worker-01", farm.Result{Name: "a", Size: 2}, twoBytes); err != nil || calls.Load() != 3 {
		t.Error(err, calls.Load())
	}
}

func TestOwnEnd(t *testing.T) {
	entered := make(chan struct{})
	c := against(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices who leaves only when the body was read
		close(entered)
		<-r.Context().Done()
	})
	ctx, leave := context.WithCancel(within(t))
	go func() { <-entered; leave() }()
	if _, err := c.Claim(ctx, farm.Wish{WaitMS: 60000}); !errors.Is(err, context.Canceled) || Again(err) {
		t.Fatal(err)
	}
}

func TestReasons(t *testing.T) {
	for _, r := range []struct {
		err  error
		want string
	}{
		{io.ErrUnexpectedEOF, "the connection broke"},
		{errSilent, "it did not answer in time"},
		{context.DeadlineExceeded, "it did not answer in time"},
		{fmt.Errorf("Get \"http://x\": %w", errors.New("odd")), "odd"},
	} {
		if got := reason(r.err); got != r.want {
			t.Errorf("%v: %q", r.err, got)
		}
	}
}

func sum(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

// TestDownloads is a master that breaks off, lies or changes its mind.
func TestDownloads(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1000)
	part := func(w http.ResponseWriter, r *http.Request, give int) {
		from := 0
		w.Header().Set("ETag", `"v1"`)
		if h := r.Header.Get("Range"); h != "" {
			from, _ = strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(h, "bytes="), "-"))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(content[from:min(len(content), from+give)])
	}
	for _, s := range []struct {
		name   string
		ref    string
		answer http.HandlerFunc
		kind   farm.Kind // "": it succeeds
	}{
		{"in pieces", sum(content), func(w http.ResponseWriter, r *http.Request) { part(w, r, 3001) }, ""},
		{"other bytes", sum([]byte("x")), func(w http.ResponseWriter, r *http.Request) { part(w, r, 1e6) }, farm.Mismatch},
		{"it never goes on", sum(content), func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				part(w, r, 500)
				return
			}
			part(w, r, 0)
		}, farm.Mismatch},
		{"it changed", sum(content), func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" && r.Header.Get("If-Range") != `"v1"` {
				t.Error("the range was asked without a condition")
			}
			r.Header.Del("Range")
			part(w, r, 500)
		}, farm.Mismatch},
		{"it goes on elsewhere", sum(content), func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", "bytes 7-9/10000")
				w.WriteHeader(206)
				return
			}
			part(w, r, 500)
		}, farm.Outdated},
		{"it is gone", sum(content), func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				problem(w, farm.NotFound, "gone", "")
				return
			}
			part(w, r, 500)
		}, farm.NotFound},
		{"it is not there", sum(content), func(w http.ResponseWriter, _ *http.Request) { problem(w, farm.NotFound, "no", "") }, farm.NotFound},
	} {
		t.Run(s.name, func(t *testing.T) {
			var got bytes.Buffer
			err := against(t, s.answer).FetchBlob(within(t), s.ref, &got)
			if s.kind == "" && (err != nil || !bytes.Equal(got.Bytes(), content)) || s.kind != "" && farm.KindOf(err) != s.kind {
				t.Fatal(err, got.Len())
			}
		})
	}
}

// TestAStandstillEnds: a master that holds its tongue in the middle is left and asked again.
func TestAStandstillEnds(t *testing.T) {
	var calls atomic.Int32
	content := []byte("all of it")
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		if calls.Add(1) == 1 {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = w.Write(content)
	})
	c.silence = 30 * time.Millisecond
	var got bytes.Buffer
	if err := c.FetchBlob(within(t), sum(content), &got); err != nil || got.String() != string(content) || calls.Load() != 2 {
		t.Fatal(err, got.String(), calls.Load())
	}
}

func TestUploadAgainstOddMasters(t *testing.T) {
	content := []byte("0123456789")
	open := func() (io.ReadSeekCloser, error) { return unclosed{bytes.NewReader(content), io.NopCloser(nil)}, nil }
	upload := func(c *Client, ctx context.Context) error {
		return c.PutBlob(ctx, Upload{Ref: sum(content), Size: 10, Open: open})
	}
	t.Run("it has more than there is", func(t *testing.T) {
		c := against(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set(HeaderOffset, "11"); w.WriteHeader(404) })
		if err := upload(c, within(t)); farm.KindOf(err) != farm.Mismatch {
			t.Fatal(err)
		}
	})
	t.Run("it is no master", func(t *testing.T) {
		c := against(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) })
		if err := upload(c, within(t)); farm.KindOf(err) != farm.Outdated {
			t.Fatal(err)
		}
	})
	t.Run("it was told another offset", func(t *testing.T) {
		var offsets []string
		c := against(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.Header().Set(HeaderOffset, strconv.Itoa(len(offsets)*3))
				w.WriteHeader(404)
				return
			}
			body, _ := io.ReadAll(r.Body)
			offsets = append(offsets, r.Header.Get(HeaderOffset)+string(body))
			if len(offsets) < 3 {
				problem(w, farm.Conflict, "not there", "")
				return
			}
			w.WriteHeader(201)
		})
		if err := upload(c, within(t)); err != nil || !slices.Equal(offsets, []string{"00123456789", "33456789", "66789"}) {
			t.Fatal(err, offsets)
		}
	})
	t.Run("its disk is full for a while", func(t *testing.T) {
		var refused int
		c := against(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.Header().Set(HeaderOffset, "0")
				w.WriteHeader(404)
				return
			}
			if refused++; refused < 3 {
				problem(w, farm.NoRoom, "full", "")
				return
			}
			w.WriteHeader(201)
		})
		told := 0
		err := c.PutBlob(within(t), Upload{Ref: sum(content), Size: 10, Open: open, Full: func(err error) {
			if told++; farm.KindOf(err) != farm.NoRoom {
				t.Error(err)
			}
		}})
		if err != nil || told != 2 {
			t.Fatal(err, told)
		}
	})
	t.Run("until the caller has enough", func(t *testing.T) {
		c := against(t, func(w http.ResponseWriter, r *http.Request) { problem(w, farm.Stopping, "later", "") })
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if err := upload(c, ctx); !errors.Is(err, context.DeadlineExceeded) && !Again(err) {
			t.Fatal(err)
		}
	})
}

func FuzzEventLines(f *testing.F) {
	f.Add([]byte("data: {\"kind\":\"job\"}\n\n"))
	f.Add([]byte(": alive\n\nevent: x\ndata:{\n"))
	f.Add([]byte("data: {\"kind\":\"frame\",\"frame\":3,\"progress\":{}}\r\n\r\ndata: {}\n"))
	c, _ := NewClient("http://x", "", Options{})
	f.Fuzz(func(t *testing.T, text []byte) {
		g, ctx := c.guard(context.Background())
		defer g.stop()
		err := c.lines(ctx, bytes.NewReader(text), g, func(e farm.Event) bool { return e.Kind != "" || !t.Failed() })
		if err == nil {
			t.Error("a stream that ended is a break")
		}
	})
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-4/10")
	f.Add("bytes */10")
	f.Fuzz(func(t *testing.T, h string) {
		if from, to, ok := contentRange(h); ok && h != fmt.Sprintf("bytes %d-%d", from, to) && !strings.Contains(h, "/") {
			t.Errorf("%q was read as %d-%d", h, from, to)
		}
	})
}

func TestIsLocal(t *testing.T) {
	for address, want := range map[string]bool{
		"http://127.0.0.1:8420": true, "https://localhost#" + strings.Repeat("0f", 32): true, "http://[::1]:1": true,
		"http://10.0.0.7:8420": false, "http://localhost.example": false, "nonsense://": false,
	} {
		if IsLocal(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}
