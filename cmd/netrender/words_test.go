package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// plain checks that an error reads as a sentence and a next step, not as the words of a library.
func plain(t *testing.T, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "netrender: ") || strings.TrimSpace(lines[1]) == "" {
		t.Errorf("this is not one sentence and a next step:\n%s", text)
	}
	for _, word := range []string{"strconv", "invalid syntax", "arg(s)", "goroutine", "context ", "panic", "%!", "0xc0", "<nil>", "unmarshal", "shorthand", "netrender: netrender"} {
		if strings.Contains(text, word) {
			t.Errorf("an artist does not know %q:\n%s", word, text)
		}
	}
}

func TestWrongWords(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"rendr x.blend", "did you mean netrender render?"},
		{"job", "job takes ID, but was given nothing"},
		{"job -1", "-1 is not a flag"},
		{"job x", `"x" is not a job number`},
		{"job 0", `"0" is not a job number`},
		{"job 99999999999999999999", "is not a job number"},
		{"job 1 2", "job takes ID, but was given 1 2"},
		{"jobs x", "jobs takes nothing but flags, not x"},
		{"token", ""},
		{"token crate", "did you mean netrender token create?"},
		{"pair 12", "there is no command pair 12"},
		{"help nothing", "there is no command nothing"},
		{"--nothing", "there is no flag --nothing"},
		{"jobs --nothing", "jobs has no flag --nothing"},
		{"jobs --limit", "--limit needs a value"},
		{"jobs --limit many", `--limit is a whole number, not "many"`},
		{"jobs --limit 0", "--limit is a whole number from 1 to 1000, not 0"},
		{"jobs --master http://a/b", "is not the address of a master"},
		{"render x.blend -f 10-1", "runs backwards"},
		{"render x.blend -f a", `"a" is not a frame range`},
		{"render x.blend -f 1-1000000000000", "outside Blender's range"},
		{"render x.blend --priority high", "--priority is a whole number"},
		{"render x.blend --priority 500", "from 1 to 100"},
		{"render x.blend --timeout 5", "a time with its unit"},
		{"render x.blend --timeout -5m", "cannot be negative"},
		{"render x.blend --gpu toaster", `not "toaster"`},
		{"render x.blend --exr big", `"big" is not a kind of EXR`},
		{"render x.blend --exr none --no-outputs --no-preview", "nothing of the job would be kept"},
		{"render x.blend --order random", `"random" is not a frame order`},
		{"render x.blend --memory much", `"much" is not a size`},
		{"render x.blend --threads -1", "not -1"},
		{"render x.blend --chunk -1", "not -1"},
		{"retry 1 -f 3 --all", "use one of"},
		{"retry 1 -f x", `"x" is not a frame range`},
		{"set 1 priority", `"priority" is not name=value`},
		{"set 1 priority=high", `priority is a whole number, not "high"`},
		{"set 1 colour=red", `a job has no setting "colour"`},
		{"worker --slots 0", "from 1 to 256"},
		{"worker --devices toaster", `"toaster" is not a device`},
		{"worker --devices optix:x", `"optix:x" is not a device`},
		{"worker --cache much", `"much" is not a size`},
		{"worker --hang-timeout -5s", "a time above 0"},
		{"up --slots 1000", "from 1 to 256"},
		{"master --listen nowhere", "is not an address to listen on"},
		{"pair --role admin", `not for "admin"`},
		{"completion tcsh", `not "tcsh"`},
	} {
		_, errs, code := command(t, strings.Fields(c.line)...)
		if c.want == "" {
			if code != exitDone {
				t.Errorf("%s: exit %d %s", c.line, code, errs)
			}
			continue
		}
		if code != exitUsage || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, want %q in\n%s", c.line, code, c.want, errs)
		}
		plain(t, errs)
		_, errs, again := command(t, append(strings.Fields(c.line), "--json")...)
		var e struct {
			Error, Hint, Kind string
			Exit              int
		}
		if err := json.Unmarshal([]byte(errs), &e); err != nil || again != code || e.Exit != code || e.Error == "" || e.Hint == "" || e.Kind != "invalid" {
			t.Errorf("%s --json: exit %d, %v in %s", c.line, again, err, errs)
		}
	}
}

func TestMasterThatIsNotThere(t *testing.T) {
	for _, line := range []string{"jobs", "job 1", "workers", "cancel 1", "token list", "rules", "pair list"} {
		_, errs, code := command(t, append(strings.Fields(line), "--master", "127.0.0.1:1")...)
		if code != exitReach || !strings.Contains(errs, "nothing answers there") {
			t.Errorf("%s: exit %d\n%s", line, code, errs)
		}
		plain(t, errs)
	}
	_, errs, code := command(t, "jobs", "--master", "127.0.0.1:1", "--json")
	if code != exitReach || !strings.Contains(errs, `"kind":"unreachable"`) {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

// A worker that is told to end while it waits for a master has done all that it was asked.
func TestWaitingWorkerEnds(t *testing.T) {
	said := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-said
		stop()
	}()
	args := []string{"worker", "--master", "127.0.0.1:1", "--fake-renderer", "1s", "--data", t.TempDir()}
	if code := runContext(ctx, args, streams{strings.NewReader(""), io.Discard, firstWrite{said}}); code != exitDone {
		t.Errorf("exit %d", code)
	}
}

// A worker whose connection to the master is dead soon makes another one.
func TestStartOnADeadConnection(t *testing.T) {
	defer func(was time.Duration) { askTime = was }(askTime)
	askTime = 20 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for range 2 {
			if c, err := l.Accept(); err == nil {
				defer c.Close()
			}
		}
		stop() // it tried again
	}()
	args := []string{"worker", "--master", l.Addr().String(), "--fake-renderer", "1s", "--data", t.TempDir()}
	var errs strings.Builder
	if code := runContext(ctx, args, streams{strings.NewReader(""), io.Discard, &errs}); code != exitDone || !strings.Contains(errs.String(), "No master answers yet") {
		t.Errorf("exit %d: %s", code, &errs)
	}
}

// firstWrite closes a channel when something is said.
type firstWrite struct{ said chan struct{} }

func (f firstWrite) Write(p []byte) (int, error) {
	select {
	case <-f.said:
	default:
		close(f.said)
	}
	return len(p), nil
}

// A worker that finds all places for newcomers taken says so, and is let ask when one is free.
func TestANewcomerWaitsForAPlace(t *testing.T) {
	f := startFarm(t)
	for n := range 1000 {
		_, err := f.client.AskPairing(f.ctx, wire.PairRequest{Name: "early", Role: farm.RoleView})
		if farm.KindOf(err) == farm.Throttled {
			break
		}
		if err != nil || n == 999 {
			t.Fatalf("newcomer %d: %v", n, err)
		}
	}
	waiting, err := f.client.Pairings(f.ctx)
	if err != nil || len(waiting) == 0 {
		t.Fatal(waiting, err)
	}
	w := begin(t, f.ctx, "worker", "--master", f.client.Address(), "--fake-renderer", "1s", "--data", t.TempDir())
	waitFor(t, "it says why it waits", func() bool { return strings.Contains(w.err.String(), "Too many newcomers are waiting to be let in") })
	if strings.Contains(w.err.String(), "No master answers") {
		t.Error("it says that no master answers")
	}
	f.ok("pair refuse " + waiting[0].Code)
	waitFor(t, "it has a place", func() bool { return strings.Contains(w.err.String(), "netrender pair accept") })
}
