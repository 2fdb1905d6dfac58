package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestFetchOrder: frames are begun in the order they finished, several at once, and none is under its name before it is
// whole.
func TestFetchOrder(t *testing.T) {
	finished := []int{5, 3, 8, 1, 2, 7, 4, 6}
	name := func(frame int) string { return fmt.Sprintf("out/%04d.png", frame) }
	text := func(frame int) string { return strings.Repeat(name(frame), 1000) }
	began, goOn := make(chan string, len(finished)), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/attempts") {
			list := wire.AttemptList{Ended: true}
			for i, f := range finished {
				list.Attempts = append(list.Attempts, farm.Attempt{
					Seq: int64(i + 1), Frame: f, Outcome: farm.Rendered,
					Results: []farm.Result{{Kind: farm.KindOutput, Name: name(f), Size: int64(len(text(f))), Ref: blob.RefOf([]byte(text(f))).String(), Frame: f}},
				})
			}
			_ = json.NewEncoder(w).Encode(list)
			return
		}
		_, of, _ := strings.Cut(r.URL.Path, "/results/")
		whole := strings.Repeat(of, 1000)
		w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
		_, _ = w.Write([]byte(whole[:len(whole)/2]))
		_ = http.NewResponseController(w).Flush()
		began <- of
		<-goOn
		_, _ = w.Write([]byte(whole[len(whole)/2:]))
	}))
	defer server.Close()
	c, err := wire.NewClient(server.URL, "", wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	dir := t.TempDir()
	named := func() (list []string) {
		all, err := filepath.Glob(filepath.Join(dir, "out", "[0-9]*"))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	told := make(chan FetchedFrame, len(finished))
	done := make(chan error, 1)
	go func() {
		done <- Fetch(t.Context(), c, FetchOptions{Job: 1, Dir: dir, Follow: true, Frame: func(f FetchedFrame) { told <- f }})
	}()
	var first []string
	for range fetchers {
		first = append(first, <-began)
	}
	want := make([]string, fetchers)
	for i := range want {
		want[i] = name(finished[i])
	}
	slices.Sort(want) // who of those that are begun at once asks first does not matter
	if slices.Sort(first); !slices.Equal(first, want) {
		t.Errorf("begun are %q, not %q", first, want)
	}
	select {
	case more := <-began:
		t.Errorf("%s is begun too", more)
	case <-time.After(20 * time.Millisecond):
	}
	if there := named(); len(there) > 0 {
		t.Errorf("half a file is under its name: %q", there)
	}
	for i := fetchers; i < len(finished); i++ { // one goes on, and the next is begun
		goOn <- struct{}{}
		f := <-told
		if got, err := os.ReadFile(f.Paths[0]); err != nil || string(got) != text(f.Frame) {
			t.Errorf("frame %d: %d bytes, %v", f.Frame, len(got), err)
		}
		if next := <-began; next != name(finished[i]) {
			t.Errorf("%s is begun, not %s", next, name(finished[i]))
		}
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if there := named(); len(there) != len(finished) {
		t.Errorf("there are %q", there)
	}
}
