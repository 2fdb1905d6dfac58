package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// Whatever is written, in whatever pieces: the file is bounded, valid text, begins as the output began, ends as it
// ended, and accounts for every byte.
func TestLogKeepsHeadAndTail(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		limit := rapid.IntRange(512, 3000).Draw(rt, "limit")
		plain := rapid.Bool().Draw(rt, "plain")
		var whole bytes.Buffer
		path := filepath.Join(dir, fmt.Sprint(n))
		l, err := worker.NewAttemptLog(path, limit, func(context.Context, int64, []byte) error { return nil })
		if err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(0, 40).Draw(rt, "writes") {
			var p []byte
			if plain {
				p = []byte(rapid.StringMatching(`[a-zé世\n]{0,300}`).Draw(rt, "text"))
				if cut := len(p) / 2; rapid.Bool().Draw(rt, "split") { // within a character, perhaps
					whole.Write(p[:cut])
					_, _ = l.Write(p[:cut])
					p = p[cut:]
				}
			} else {
				p = rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(rt, "bytes")
			}
			whole.Write(p)
			if n, err := l.Write(p); n != len(p) || err != nil {
				rt.Fatalf("Write: %d, %v", n, err)
			}
		}
		_, size, dropped, err := l.Seal()
		if err != nil {
			rt.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			rt.Fatal(err)
		}
		if int64(len(text)) != size || !utf8.Valid(text) || len(text) > limit+100 {
			rt.Fatalf("%d bytes in the file, %d said, limit %d, valid %v", len(text), size, limit, utf8.Valid(text))
		}
		if !plain {
			return
		}
		head, tail, cut := strings.Cut(string(text), fmt.Sprintf("\n[... %d bytes left out ...]\n", dropped))
		if cut != (dropped > 0) || !strings.HasPrefix(whole.String(), head) || !strings.HasSuffix(whole.String(), tail) {
			rt.Fatalf("%q of %q", text, whole.String())
		}
		if int64(len(head)+len(tail))+dropped != int64(whole.Len()) {
			rt.Fatalf("%d + %d bytes kept and %d left out, of %d", len(head), len(tail), dropped, whole.Len())
		}
	})
}

// A growing log is sent about once a second, again after errors, and never holds up who writes.
func TestLogIsSentWhileItGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []byte
		fail := false
		l, err := worker.NewAttemptLog(filepath.Join(t.TempDir(), "log"), 1000, func(_ context.Context, offset int64, text []byte) error {
			mu.Lock()
			defer mu.Unlock()
			if fail {
				return errors.New("not now")
			}
			got = append(got[:offset:offset], text...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		check := func(want string) {
			t.Helper()
			time.Sleep(1100 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			if string(got) != want {
				t.Errorf("the master has %q instead of %q", got, want)
			}
		}
		_, _ = l.Write([]byte("one\n"))
		check("one\n")
		mu.Lock()
		fail = true
		mu.Unlock()
		_, _ = l.Write([]byte("two\xff\n"))
		check("one\n")
		mu.Lock()
		fail = false
		mu.Unlock()
		check("one\ntwo?\n")
		_, _ = l.Write([]byte("last"))
		if sent, size, dropped, err := l.Seal(); sent != 9 || size != 13 || dropped != 0 || err != nil {
			t.Errorf("sealed as %d %d %d %v", sent, size, dropped, err)
		}
		_, _ = l.Write([]byte("too late"))
	})
}

// late is a renderer whose log comes late, as a pipe's does: what is left is written when the log is changed.
type late struct {
	*fake.Renderer
	log io.Writer
}

func (l *late) SetLog(w io.Writer) {
	if l.log != nil {
		_, _ = io.WriteString(l.log, "last words\n")
	}
	l.log = w
	l.Renderer.SetLog(w)
}

func TestLogHasItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaster(t)
		j := m.job(2)
		o := options(t, m, fake.Options{})
		inner := o.NewRenderer
		o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
			r, err := inner(ctx, s)
			if err != nil {
				return nil, err
			}
			return &late{r.(*fake.Renderer), s.Log}, nil
		}
		w := start(t, o)
		m.until("all are done", func() bool { return len(j.done) == 2 })
		w.drain()
		for frame, r := range j.done {
			if log := string(m.logs[place(r.Lease, frame)]); !strings.HasSuffix(log, "last words\n") {
				t.Errorf("the log of frame %d ends with %q", frame, log[max(0, len(log)-30):])
			}
		}
	})
}
