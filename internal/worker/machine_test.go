package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestLoadTellsOfTheUser: heartbeats say how long nobody used the machine, and nothing when that is not known.
func TestLoadTellsOfTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		idle, unknown := 90*time.Second, error(nil)
		m := newMachine(&Options{
			Now:      func() time.Time { return time.Now().In(time.FixedZone("", -(3*3600 + 1800))) },
			Free:     func() (int64, error) { return 1 << 40, nil },
			UserIdle: func(context.Context) (time.Duration, error) { return idle, unknown },
		})
		if l := m.load(); l.UserIdle != nil {
			t.Errorf("before it was asked: %v", *l.UserIdle)
		}
		go m.sample(ctx)
		synctest.Wait()
		if l := m.load(); l.UserIdle == nil || *l.UserIdle != 90 || l.UTCOffset == nil || *l.UTCOffset != -210 {
			t.Errorf("%+v", l)
		}
		if f := m.facts(); f.UTCOffset == nil || *f.UTCOffset != -210 {
			t.Errorf("%+v", f)
		}
		unknown = errors.New("nobody tells")
		time.Sleep(sampleEvery)
		synctest.Wait()
		if l := m.load(); l.UserIdle != nil {
			t.Errorf("when it is not known: %v", *l.UserIdle)
		}
	})
}

func TestGPUBusy(t *testing.T) {
	dir := t.TempDir()
	if busy := gpuBusy(dir); busy != nil {
		t.Errorf("without any: %v", *busy)
	}
	for name, text := range map[string]string{"card0": "12\n", "card1": "73\n", "card2": "busy\n", "card3": "700\n", "card0-HDMI-A-1": "99\n"} {
		sub := "device"
		if name == "card0-HDMI-A-1" { // a connector, not a device
			sub = "other"
		}
		if err := os.MkdirAll(filepath.Join(dir, name, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, sub, "gpu_busy_percent"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if busy := gpuBusy(dir); busy == nil || *busy != 0.73 {
		t.Errorf("%v", busy)
	}
}
