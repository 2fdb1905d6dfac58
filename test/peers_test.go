package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// narrow limits what the machine's cable carries, in each direction, as `200mbit`.
func (m *machine) narrow(rate string) {
	m.lan.t.Helper()
	for _, end := range [][2]string{{m.ns, "eth0"}, {m.lan.hub, m.port}} {
		args := []string{"-n", end[0], "qdisc", "replace", "dev", end[1], "root", "tbf", "rate", rate, "burst", "128kb", "latency", "100ms"}
		if out, err := exec.Command("tc", args...).CombinedOutput(); err != nil {
			lacking(m.lan.t, "needs the tc command and the qdisc tbf: tc %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
}

// sent is how many bytes left the machine by its cable.
func (m *machine) sent() int64 {
	m.lan.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", m.ns, "cat", "/sys/class/net/eth0/statistics/tx_bytes").Output()
	if err != nil {
		m.lan.t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		m.lan.t.Fatal(err)
	}
	return n
}

// static writes a file of so many bytes that cannot be packed.
func static(t *testing.T, dir string, size int64, seed byte) (path string, ref blob.Ref) {
	t.Helper()
	path = filepath.Join(dir, fmt.Sprintf("static%d", seed))
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{seed}), size); err != nil {
		t.Fatal(err)
	}
	info, err := blob.HashFile(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return path, info.Ref
}

// heavy submits a job whose one file is large; the file is on the master when it returns.
func (f *farm) heavy(path string, ref blob.Ref, size int64, frames string, edit ...func(*nr.JobSpec)) nr.Job {
	f.t.Helper()
	ctx, c := context.Background(), f.client()
	set, err := nr.ParseFrameSet(frames)
	if err != nil {
		f.t.Fatal(err)
	}
	spec := nr.JobSpec{Name: "heavy", Blend: "heavy.blend", Frames: set, Chunk: 1, Options: nr.Options{EXR: "full"}}
	for _, e := range edit {
		e(&spec)
	}
	err = c.PutBlob(ctx, wire.Upload{Ref: ref.String(), Size: size, Open: func() (io.ReadSeekCloser, error) { return os.Open(path) }})
	if err != nil {
		f.t.Fatal(err)
	}
	reply, err := c.Submit(ctx, spec, []nr.File{{Path: "heavy.blend", Original: "/x/heavy.blend", Size: size, Ref: ref.String()}})
	if err != nil {
		f.t.Fatal(err)
	}
	return reply.Job
}

// crowd starts workers on machines of their own and waits until all are there.
func (f *farm) crowd(l *lan, n int, rate string, args ...string) (machines []*machine, procs []*proc) {
	f.t.Helper()
	for i := range n {
		m := l.machine()
		if rate != "" {
			m.narrow(rate)
		}
		machines = append(machines, m)
		args := append([]string{"worker", "--name", fmt.Sprintf("w%d", i+1), "--fake-renderer", "10ms"}, args...)
		procs = append(procs, startIn(f.t, m.prefix(), append(m.env(), "NETRENDER_TOKEN="+f.token()), args...))
	}
	eventually(f.t, time.Minute, "all workers are there", func() bool {
		list, err := f.client().Workers(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		online := 0
		for _, w := range list {
			if w.Online {
				online++
			}
		}
		return online == n
	})
	return machines, procs
}

// TestPeers: workers that want the same file at the same time get it from one another. The master sends it not much more
// than once, and all have it in not much more than the time that one takes. NETRENDER_TEST_PEERS=1000,400mbit makes the
// file larger (MB) and the cables wider.
func TestPeers(t *testing.T) {
	mb, rate := int64(32), "160mbit"
	if text := os.Getenv("NETRENDER_TEST_PEERS"); text != "" {
		size, wide, _ := strings.Cut(text, ",")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil || wide == "" {
			t.Fatalf("NETRENDER_TEST_PEERS is MB,RATE, not %q", text)
		}
		mb, rate = n, wide
	}
	size := mb * 1e6
	const crowd = 8
	l := newLAN(t)
	a := l.machine()
	f := a.farm()
	a.narrow(rate)
	dir := t.TempDir()
	first, firstRef := static(t, dir, size, 1)
	second, secondRef := static(t, dir, size, 2)
	_, procs := f.crowd(l, crowd, rate, "--verbose")

	fetch := func(path string, ref blob.Ref, frames string, edit ...func(*nr.JobSpec)) (took time.Duration, sent int64) {
		before := a.sent()
		job := f.heavy(path, ref, size, frames, edit...)
		began := time.Now()
		f.doneWithin(10*time.Minute, job.ID)
		took, sent = time.Since(began), a.sent()-before
		workers := map[nr.WorkerID]int{}
		for at, err := range f.client().FollowAttempts(context.Background(), nr.AttemptFilter{Job: job.ID}) {
			if err != nil {
				t.Fatal(err)
			}
			workers[at.Worker]++
		}
		if len(workers) != job.Total {
			t.Errorf("%d workers rendered %d frames", len(workers), job.Total)
		}
		return took, sent
	}
	one, _ := fetch(first, firstRef, "1", func(s *nr.JobSpec) { s.Needs.Allow = []string{"w1"} })
	all, sent := fetch(second, secondRef, fmt.Sprintf("1-%d", crowd))
	t.Logf("%d MB at %s: one has it after %.1f s, %d after %.1f s (%.2f times); the master sent %.2f times the file",
		mb, rate, one.Seconds(), crowd, all.Seconds(), all.Seconds()/one.Seconds(), float64(sent)/float64(size))
	if all > 2*one {
		t.Errorf("all have it after %.1f s, one after %.1f s", all.Seconds(), one.Seconds())
	}
	if sent > size*5/2 {
		t.Errorf("the master sent %d bytes", sent)
	}
	used := 0.0
	for _, p := range procs {
		if strings.Contains(p.out.String(), "cannot be reached") {
			t.Error("a worker cannot be reached")
		}
		used += p.processorTime()
	}
	t.Logf("processor time: the master %.1f s, all workers %.1f s", f.proc.processorTime(), used)
}

// processorTime is what the process used so far, in seconds; 0 where the system does not tell (proc(5), stat).
func (p *proc) processorTime() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// TestPeersTrouble: a worker that others cannot reach, and one that is killed while it hands a file on, cost the others a
// little time and nothing else, in a farm that encrypts.
func TestPeersTrouble(t *testing.T) {
	t.Parallel()
	const size, rate, crowd = 16e6, "80mbit", 5
	l := newLAN(t)
	a := l.machine()
	f := a.farm("--tls")
	f.heartbeat(1000)
	a.narrow(rate)
	path, ref := static(t, t.TempDir(), size, 1)
	machines, procs := f.crowd(l, crowd, rate, "--peer-port", "9999")
	// What the first one's door answers does not leave its machine, as behind a router that translates addresses.
	l.ip("-n", machines[0].ns, "rule", "add", "ipproto", "tcp", "sport", "9999", "blackhole")

	only := f.heavy(path, ref, size, "1", func(s *nr.JobSpec) { s.Needs.Allow = []string{"w1"} })
	f.doneWithin(time.Minute, only.ID) // now it is the one to ask

	before := a.sent()
	job := f.heavy(path, ref, size, fmt.Sprintf("2-%d", crowd), func(s *nr.JobSpec) { s.Needs.Deny = []string{"w1"} })
	began := time.Now()
	// Whoever sends is not the last of a chain. The first one sends to nobody.
	giver := -1
	idle := make([]int64, crowd)
	for i, m := range machines {
		idle[i] = m.sent()
	}
	eventually(t, 20*time.Second, "a worker hands the file on", func() bool {
		for i, m := range machines {
			if m.sent()-idle[i] > size/4 {
				giver = i
			}
		}
		return giver >= 0
	})
	procs[giver].kill()
	f.doneWithin(time.Minute, job.ID)
	f.audit(job.ID, crowd-1)
	t.Logf("done after %.1f s; the master sent %.2f times the file", time.Since(began).Seconds(), float64(a.sent()-before)/size)
	if giver == 0 {
		t.Error("the worker that cannot be reached gave the file")
	}
	eventually(t, 20*time.Second, "the workers say what they fetched from one another", func() bool {
		list, err := f.client().Workers(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, w := range list {
			if w.Load.Peer != nil {
				sum += w.Load.Peer.FromPeers
			}
		}
		return sum > size
	})
	said := ""
	for i, p := range procs {
		if strings.Contains(p.out.String(), "another worker cannot be reached") {
			said += fmt.Sprintf("w%d ", i+1)
		}
	}
	if said == "" {
		t.Error("nobody says that a worker cannot be reached")
	}
	t.Logf("those who found that: %s", said)
}

// TestPeerThatGivesNothing: a worker that has files and stands still, as its machine does that sleeps, costs those who are
// led to it a few seconds; when two lost those, nobody is led to it any more.
func TestPeerThatGivesNothing(t *testing.T) {
	t.Parallel()
	const size, crowd = 4e6, 4
	l := newLAN(t)
	a := l.machine()
	f := a.farm()
	f.heartbeat(20_000) // so long it is taken for there
	_, procs := f.crowd(l, crowd, "", "--verbose")
	only := func(name string) func(s *nr.JobSpec) { return func(s *nr.JobSpec) { s.Needs.Allow = []string{name} } }
	dir := t.TempDir()
	var paths []string
	var refs []blob.Ref
	for i := range 3 {
		path, ref := static(t, dir, size, byte(i+1))
		paths, refs = append(paths, path), append(refs, ref)
		f.doneWithin(time.Minute, f.heavy(path, ref, size, "1", only("w1")).ID)
	}
	if out, err := exec.Command("kill", "-STOP", strconv.Itoa(procs[0].cmd.Process.Pid)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for i, path := range paths {
		name := fmt.Sprintf("w%d", i+2)
		began := time.Now()
		f.doneWithin(30*time.Second, f.heavy(path, refs[i], size, "2", only(name)).ID)
		left := strings.Count(procs[i+1].out.String(), "a file is fetched elsewhere")
		t.Logf("%s has it after %.1f s", name, time.Since(began).Seconds())
		if want := 1 - i/2; left != want {
			t.Errorf("%s left a peer %d times, not %d", name, left, want)
		}
	}
}

// TestPeersKilled kills the worker that fetches a file from another, and then, when it is back and goes on, the one that
// gives it. It has the right bytes in the end, and at no time anything else under the file's name.
func TestPeersKilled(t *testing.T) {
	t.Parallel()
	const size = 24e6
	l := newLAN(t)
	a := l.machine()
	f := a.farm()
	f.heartbeat(1000)
	path, ref := static(t, t.TempDir(), size, 1)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	machines, procs := f.crowd(l, 2, "40mbit")
	from, to := machines[0], machines[1]
	only := func(name string) func(s *nr.JobSpec) { return func(s *nr.JobSpec) { s.Needs.Allow = []string{name} } }
	f.doneWithin(time.Minute, f.heavy(path, ref, size, "1", only("w1")).ID)

	caches, err := filepath.Glob(filepath.Join(to.home, "data", "*", "worker", "cache"))
	if err != nil || len(caches) != 1 {
		t.Fatalf("%q, %v", caches, err)
	}
	right := func() {
		t.Helper()
		if b, err := os.ReadFile(stored(caches[0], text)); err == nil && !bytes.Equal(b, text) {
			t.Errorf("%d other bytes lie under the file's name", len(b))
		}
	}
	arrived := func(bytes int64) func() bool {
		return func() bool { return from.sent() > bytes }
	}
	began := from.sent()
	job := f.heavy(path, ref, size, "2", only("w2"))
	eventually(t, 20*time.Second, "a third of the file is on its way", arrived(began+size/3))
	procs[1].kill()
	right()
	if _, err := os.Stat(stored(caches[0], text)); err == nil {
		t.Error("it has the file already")
	}
	sent := from.sent()
	back := startIn(t, to.prefix(), append(to.env(), "NETRENDER_TOKEN="+f.token()), "worker", "--name", "w2", "--fake-renderer", "10ms")
	eventually(t, 20*time.Second, "it goes on", arrived(sent+size/6))
	procs[0].kill()
	right()
	f.doneWithin(time.Minute, job.ID)
	holds(t, caches[0], text)
	f.audit(job.ID, 1)
	back.kill()
	right()
}
