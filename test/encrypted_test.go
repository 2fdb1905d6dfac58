package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// restart ends the master of a machine and starts it again.
func (f *farm) restartOn(m *machine, args ...string) {
	f.t.Helper()
	f.proc.kill()
	_ = os.Remove(filepath.Join(f.data, "master.json"))
	f.proc = m.start(append([]string{"master"}, args...)...)
	eventually(f.t, 30*time.Second, "the master runs again", func() bool {
		_, err := os.Stat(filepath.Join(f.data, "master.json"))
		return err == nil
	})
}

// TestEncryptedFarm: a second machine finds a master that encrypts, is let in by a code that holds letters of the key,
// renders, goes on after a restart and a move of the master, and does not follow another key.
func TestEncryptedFarm(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	a, b := l.machine(), l.machine()
	f := a.farm("--tls")
	w := b.start("worker", "--fake-renderer", "50ms")
	letIn(t, w, a)
	if code := acceptLine.FindStringSubmatch(w.out.String())[1]; len(code) != len("ABC-DEF-GHJK") {
		t.Errorf("the code is %s", code)
	}
	f.online(20 * time.Second)
	f.heartbeat(300)
	job := f.submitFake("1-20")
	f.doneWithin(time.Minute, job.ID)
	f.audit(job.ID, 20)
	if kept, err := os.ReadFile(filepath.Join(b.home, "data", "netrender", "tokens.json")); err != nil || !strings.Contains(string(kept), `"pin"`) {
		t.Errorf("kept %v: %s", err, strings.ReplaceAll(string(kept), "nr_", "nr"))
	}
	if out := a.ok("workers"); !strings.Contains(out, "online") {
		t.Errorf("commands on the master's machine: %s", out)
	}

	// A restart of the master under the worker, and of the worker.
	f.restartOn(a, "--tls")
	job = f.submitFake("1-10")
	f.doneWithin(time.Minute, job.ID)
	w.kill()
	f.gone(20 * time.Second)
	w = b.start("worker", "--fake-renderer", "50ms")
	f.online(20 * time.Second)

	// The master moves; the worker looks for the same key.
	a.move("10.77.0.100")
	eventually(t, 30*time.Second, "the worker found it", func() bool { return strings.Contains(w.out.String(), "https://10.77.0.100:8420") })
	job = f.submitFake("31-40")
	f.doneWithin(time.Minute, job.ID)
	f.audit(job.ID, 10)

	// Another key under the same farm.
	if err := os.Remove(filepath.Join(f.data, "master", "tls-key.pem")); err != nil {
		t.Fatal(err)
	}
	f.restartOn(a, "--tls")
	eventually(t, 30*time.Second, "the worker says what happened", func() bool {
		return strings.Contains(w.out.String(), "does not show the key that this machine knows")
	})
	f.gone(20 * time.Second)
	w.kill()
	w = b.start("worker", "--fake-renderer", "50ms")
	eventually(t, 30*time.Second, "a worker that starts says so, too", func() bool {
		return strings.Contains(w.out.String(), "does not show the key that this machine knows") && strings.Contains(w.out.String(), "pair --again")
	})
	w.kill()
	again := b.start("pair", "--again", "--role", "worker")
	letIn(t, again, a)
	if code := again.wait(20 * time.Second); code != 0 {
		t.Errorf("pair --again ends with %d", code)
	}
	b.start("worker", "--fake-renderer", "50ms")
	f.online(20 * time.Second)
}

// TestStrangersWithTheFarmsID: a master of somebody else says that it is the farm's. A machine that was let in goes to
// neither its jobs nor its commands, and shows it no token.
func TestStrangersWithTheFarmsID(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	a, b, c := l.machine(), l.machine(), l.machine()
	f := a.farm()
	w := b.start("worker", "--fake-renderer", "50ms")
	letIn(t, w, a)
	f.online(20 * time.Second)
	f.heartbeat(300)
	pair := b.start("pair")
	letInAs(t, pair, a, "submit")
	pair.wait(20 * time.Second)

	id, err := os.ReadFile(filepath.Join(f.data, "farm-id"))
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(c.home, "data", "netrender")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "farm-id"), id, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, how := range [][]string{{}, {"--open"}, {"--tls"}} {
		stranger := c.start(append([]string{"master"}, how...)...)
		eventually(t, 20*time.Second, "the stranger runs", func() bool { _, err := os.Stat(filepath.Join(data, "master.json")); return err == nil })
		w.kill()
		f.gone(20 * time.Second)
		w = b.start("worker", "--fake-renderer", "50ms")
		f.online(20 * time.Second)
		job := f.submitFake("1-3")
		f.doneWithin(time.Minute, job.ID)
		for range 3 {
			if out := b.ok("jobs"); !strings.Contains(out, "done") {
				t.Errorf("with %q: %s", how, out)
			}
		}
		if out, errs, code := c.run("workers"); code != 0 || strings.Contains(out, "online") {
			t.Errorf("the stranger %q has workers: %d %s%s", how, code, out, errs)
		}
		// The stranger alone.
		f.proc.kill()
		w.kill()
		w = b.start("worker", "--fake-renderer", "50ms")
		eventually(t, 20*time.Second, "the worker waits", func() bool {
			return strings.Contains(w.out.String(), "Waiting for the master that let this machine in")
		})
		if out, errs, code := b.run("jobs"); code != 3 || out != "" {
			t.Errorf("with the stranger %q alone: exit %d %s%s", how, code, out, errs)
		}
		if said := stranger.out.String(); strings.Contains(said, "worker") && strings.Contains(said, "registered") {
			t.Errorf("the stranger %q says %s", how, said)
		}
		f.restartOn(a)
		f.online(30 * time.Second)
		stranger.kill()
		_ = os.Remove(filepath.Join(data, "master.json"))
	}
}
