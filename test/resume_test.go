package test

import (
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// TestResultGoesOn breaks the upload of a big result at 60 %, by cutting the line, by killing its worker and by killing
// the master: it goes on from there.
func TestResultGoesOn(t *testing.T) {
	const (
		edge = "2400"
		size = 2400 * 2400 * 16 // four channels of 32 bits
		// What was not yet safe on the disk goes again: up to 16 MiB, and what was on its way or being made safe.
		slack = 36 << 20
	)
	for _, breaks := range []string{"line", "worker", "master"} {
		t.Run(breaks, func(t *testing.T) {
			f := startFarm(t)
			data := t.TempDir()
			c := newCutter(t, strings.TrimPrefix(f.url, "http://"), size*6/10)
			env := []string{"NETRENDER_MASTER=http://" + c.Addr().String(), "NETRENDER_TOKEN=" + f.token()}
			work := func() *proc {
				return start(t, env, "worker", "--data", data, "--name", "oak", "--fake-renderer", "1ms", "--fake-size", edge)
			}
			working, broken := make(chan *proc, 1), make(chan struct{})
			c.act = func() { // nothing more goes through until it returns
				defer close(broken)
				switch w := <-working; breaks {
				case "line":
					c.cut()
				case "worker":
					w.kill()
				case "master":
					f.proc.kill()
				}
			}
			job := f.submitFake("1", func(s *nr.JobSpec) { s.Options.Outputs, s.Options.Preview = false, false })
			working <- work()
			select {
			case <-broken:
			case <-time.After(time.Minute):
				t.Fatal("nothing big was sent")
			}
			switch breaks {
			case "worker":
				work()
			case "master":
				f.start()
			}
			f.doneWithin(time.Minute, job.ID)
			f.audit(job.ID, 1)
			sent := c.up.Load()
			t.Logf("%.2f times the size went through", float64(sent)/size)
			if sent < size || sent > size+slack {
				t.Errorf("%d bytes were sent for a result of %d", sent, size)
			}
		})
	}
}
