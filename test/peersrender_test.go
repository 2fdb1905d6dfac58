package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// TestPeersRendering measures, when NETRENDER_TEST_PEERS_RENDERING=200mbit or so is set, what handing a file on at that
// speed costs a worker that renders meanwhile: the times of its frames, in turn with and without.
func TestPeersRendering(t *testing.T) {
	rate := os.Getenv("NETRENDER_TEST_PEERS_RENDERING")
	if rate == "" {
		t.Skip("a measurement: NETRENDER_TEST_PEERS_RENDERING=RATE makes it")
	}
	const size, frames, rounds = 250e6, 6, 4
	path := blenders(t)[0]
	file := scene(t, path, "tiny", "tiny.blend", "--size", "960x540", "--samples", "8")
	l := newLAN(t)
	a, b := l.machine(), l.machine()
	f := a.farm()
	oak := startIn(t, b.prefix(), append(b.env(), "NETRENDER_TOKEN="+f.token()), "worker", "--name", "oak", "--blender", path, "--log-json")
	oakID := nr.WorkerID(f.online(time.Minute))
	big, ref := static(t, t.TempDir(), size, 1)

	// The reader is a machine that takes what it gets and keeps nothing.
	reader := l.machine()
	reader.narrow(rate)
	startIn(t, reader.prefix(), append(reader.env(), "NETRENDER_TOKEN="+f.token()), "worker", "--name", "elm", "--fake-renderer", "1ms")
	c := f.client()
	var elmID nr.WorkerID
	eventually(t, time.Minute, "both are there", func() bool {
		list, err := c.Workers(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range list {
			if w.ID != oakID && w.Online {
				elmID = w.ID
			}
		}
		return elmID != ""
	})
	// The file is one that oak has: a job of which it renders nothing but lays the files out.
	extra := f.heavy(big, ref, size, "1", func(s *nr.JobSpec) { s.Needs.Allow = []string{"oak"}; s.Attempts = 1 })
	eventually(t, 3*time.Minute, "oak has the file", func() bool {
		s := f.job(extra.ID.String()).State
		return s == "failed" || s == "done" // it is no scene
	})
	give := func(stop <-chan struct{}) (given int64) {
		for {
			source, err := c.Sources(context.Background(), ref.String(), nr.SourceQuestion{Worker: elmID, Size: size})
			if err != nil || source.Peer == nil {
				t.Errorf("no source: %+v, %v", source, err)
				return given
			}
			p := source.Peer
			cmd := exec.Command("ip", "netns", "exec", reader.ns, "curl", "-s", "-o", "/dev/null", "-w", "%{size_download}",
				"-H", "Netrender-Ticket: "+p.Ticket, "http://"+p.Addresses[0]+"/peer/v1/"+ref.String())
			done := make(chan int64, 1)
			var out strings.Builder
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Error(err)
				return given
			}
			go func() {
				_ = cmd.Wait()
				n := int64(0)
				_, _ = fmt.Sscan(out.String(), &n)
				done <- n
			}()
			select {
			case n := <-done:
				given += n
				if n == 0 {
					t.Error("nothing came")
					return given
				}
			case <-stop:
				_ = cmd.Process.Kill()
				return given + <-done
			}
		}
	}
	var times [2][]float64
	var bytes int64
	var used float64 // processor time of the worker itself, while it gives
	render := func(first int) []float64 {
		id := strings.TrimSpace(a.ok("submit", file, "-f", fmt.Sprintf("%d-%d", first, first+frames-1), "--blender", path, "--allow", "oak"))
		eventually(t, 5*time.Minute, "the frames are done", func() bool { return f.job(id).State == "done" })
		number, err := nr.ParseJobID(id)
		if err != nil {
			t.Fatal(err)
		}
		var list []float64
		for at, err := range c.FollowAttempts(context.Background(), nr.AttemptFilter{Job: number}) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, at.Seconds)
		}
		return list[1:] // the first opens the scene
	}
	render(1)
	for round := range 2 * rounds {
		stop, before := make(chan struct{}), oak.processorTime()
		given := make(chan int64, 1)
		if round%2 == 1 {
			go func() { given <- give(stop) }()
		} else {
			given <- 0
		}
		times[round%2] = append(times[round%2], render(10*(round+1))...)
		close(stop)
		bytes += <-given
		if round%2 == 1 {
			used += oak.processorTime() - before
		}
	}
	for i := range times {
		slices.Sort(times[i])
	}
	alone, giving := times[0][len(times[0])/2], times[1][len(times[1])/2]
	text, _ := json.Marshal(times)
	t.Logf("a frame alone %.3f s, while %s are given %.3f s: %.3f times; %.0f MB were given; all: %s", alone, rate, giving, giving/alone, float64(bytes)/1e6, text)
	t.Logf("the worker itself used %.2f s of processor time for a GB", used/(float64(bytes)/1e9))
	if bytes == 0 {
		t.Error("nothing was given")
	}
}
