package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// TestDoingAndStopping: what a worker does is in its file, and the stop file ends it as Ctrl-C would: the frame in hand is
// finished and handed over.
func TestDoingAndStopping(t *testing.T) {
	f := startFarm(t)
	dir := t.TempDir()
	doing, stop := filepath.Join(dir, "doing.json"), filepath.Join(dir, "stop")
	type frame struct {
		Job   farm.JobID
		Name  string
		Frame int
	}
	type said struct {
		State, Master, Code string
		Frames              []frame
		Done                int
		Leaves              bool
	}
	read := func() (d said) {
		text, err := os.ReadFile(doing)
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil && !os.IsNotExist(err) {
			t.Errorf("%v in %s", err, text)
		}
		return d
	}
	words := []string{
		"worker", "--master", f.client.Address(), "--data", t.TempDir(), "--fake-renderer", "400ms", "--fake-size", "4",
		"--doing-file", doing, "--stop-file", stop,
	}
	w := begin(t, f.ctx, words...)
	waitFor(t, "it shows its code", func() bool { return read().State == "asks" })
	f.ok("pair accept " + read().Code)
	waitFor(t, "it works", func() bool { return read().State == "works" })
	if d := read(); d.Master != f.client.Address() || len(d.Frames) != 0 || d.Done != 0 {
		t.Errorf("an idle worker: %+v", d)
	}
	job := f.submit("1-100", false)
	waitFor(t, "a frame is done and another one begun", func() bool { d := read(); return d.Done > 0 && len(d.Frames) == 1 })
	if in := read().Frames; len(in) == 1 && (in[0].Job != job.ID || in[0].Name != "shot" || in[0].Frame < 1) {
		t.Errorf("in hand: %+v", in)
	}
	if err := os.WriteFile(stop, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-w.done:
		if code != exitDone {
			t.Errorf("it ends with %d", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
	if d := read(); d.State != "ended" {
		t.Errorf("after the end: %+v", d)
	}
	states, err := f.client.Frames(f.ctx, job.ID)
	if err != nil || states.Running.Count() != 0 || states.Done.Count() == 0 || states.Done.Count() > 90 {
		t.Errorf("frames: %+v, %v", states, err)
	}

	// One that waits for a master ends, too, and so does a master.
	for name, c := range map[string]struct {
		words []string
		runs  func(*background) bool
	}{
		"worker": {[]string{"--master", "http://127.0.0.1:1", "--fake-renderer", "1s"}, func(b *background) bool { return b.err.String() != "" }},
		"master": {[]string{"--listen", "127.0.0.1:0", "--quiet-network", "--json"}, func(b *background) bool { return b.out.String() != "" }},
	} {
		other := filepath.Join(dir, name)
		b := begin(t, f.ctx, append([]string{name, "--data", t.TempDir(), "--stop-file", other}, c.words...)...)
		waitFor(t, name+" runs", func() bool { return c.runs(b) })
		if err := os.WriteFile(other, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		select {
		case code := <-b.done:
			if code != exitDone {
				t.Errorf("%s ends with %d", name, code)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s goes on", name)
		}
	}
}
