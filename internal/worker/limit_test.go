package worker_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// eat is a process that holds megabytes until its stdin ends.
func eat(megabytes string) {
	n, _ := strconv.Atoi(megabytes)
	held := make([]byte, n<<20)
	for i := range held {
		held[i] = byte(i)
	}
	fmt.Println("eaten")
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(int(held[0]))
}

// eater is a fake renderer that descends from a real process.
type eater struct {
	*fake.Renderer
	root int
}

func (e eater) Root() int { return e.root }

// A Blender that holds more memory than the worker allows, with all that it started, is stopped in its frame.
func TestMemoryLimit(t *testing.T) {
	// A shell whose two children hold 60 MB each: the limit is for all of them together.
	cmd := exec.Command("/bin/sh", "-c", `"$0" eat 60 <&3 & "$0" eat 60 <&3 & wait`, os.Args[0])
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{in}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Skipf("no shell: %v", err)
	}
	in.Close()
	defer cmd.Wait()
	defer feed.Close()
	var eaten [12]byte
	if _, err := io.ReadFull(out, eaten[:]); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int64]string{
		100e6: "Blender held ", // a frame of a fresh session
		900e6: "",
	} {
		m := newMaster(t)
		j := m.job(1)
		o := options(t, m, fake.Options{})
		o.MemoryLimit = limit
		o.NewRenderer = func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
			r, err := fake.New(fake.Options{FrameTime: time.Duration(1+len(want)) * 700 * time.Millisecond})(ctx, s)
			if err != nil {
				return nil, err
			}
			return eater{r.(*fake.Renderer), cmd.Process.Pid}, nil
		}
		w := start(t, o)
		m.until("it is told", func() bool { return len(j.failed)+len(j.done) == 1 })
		w.drain()
		r := j.failed[1]
		if !strings.HasPrefix(r.Error, want) || want != "" && !strings.HasSuffix(r.Error, "more than this worker's limit of 100 MB, and was stopped") || r.Fatal || r.OwnFault {
			t.Errorf("limit %d: %+v", limit, r)
		}
	}
}

// The shorter of the job's limit and the worker's own counts.
func TestFrameTimeout(t *testing.T) {
	for _, c := range []struct {
		own  time.Duration
		job  int
		text string
	}{
		{time.Minute, 0, "the frame took longer than this worker's limit of 1 minute"},
		{time.Minute, 300, "the frame took longer than this worker's limit of 1 minute"},
		{time.Hour, 300, "the frame took longer than its limit of 5 minutes"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMaster(t)
			j := m.job(1, func(j *fakeJob) { j.grant.Timeout = c.job })
			o := options(t, m, fake.Options{FrameTime: 9 * time.Minute})
			o.FrameTimeout = c.own
			w := start(t, o)
			m.until("it is told", func() bool { return len(j.failed) == 1 })
			w.drain()
			if r := j.failed[1]; r.Error != c.text || r.Fatal || r.OwnFault {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A draining worker whose master is away waits for it, but not for ever; what is finished is sent at the next start.
func TestDrainWhileTheMasterIsAway(t *testing.T) {
	for _, back := range []time.Duration{time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			m := newMaster(t)
			m.chunk = 3
			j := m.job(3)
			var mu sync.Mutex
			away := false
			m.before = func(context.Context, string) error {
				mu.Lock()
				defer mu.Unlock()
				if away {
					return errAway
				}
				return nil
			}
			set := func(is bool) {
				mu.Lock()
				away = is
				mu.Unlock()
				m.set(func() {})
			}
			rendering := make(chan int, 9)
			o := options(t, m, fake.Options{FrameTime: 10 * time.Second, Render: func(_ context.Context, task blender.Task, _ io.Writer) error {
				rendering <- task.Frame
				return nil
			}})
			w := start(t, o)
			<-rendering
			set(true)
			for <-rendering != 3 {
			}
			time.Sleep(15 * time.Second)
			began := time.Now()
			go func() {
				time.Sleep(back)
				set(false)
			}()
			w.drain()
			took := time.Since(began)
			if soon := back < 2*time.Minute; took > 2*time.Minute+10*time.Second || soon != (len(j.done) == 3) || soon && took > 90*time.Second {
				t.Errorf("it left after %s, with %d of 3 frames handed over", took, len(j.done))
			}
			time.Sleep(time.Hour)
			w = start(t, o)
			m.until("all are done", func() bool { return len(j.done) == 3 })
			w.drain()
		})
	}
}
