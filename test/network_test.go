package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// lan is a network of machines: each is a network namespace of its own, with one cable to a switch in yet another.
type lan struct {
	t        *testing.T
	hub      string // the switch's namespace
	machines int
}

// lans counts the networks, so that tests side by side do not share names.
var lans = make(chan int, 1)

func init() {
	if socket := os.Getenv("NETRENDER_TEST_RELAY"); socket != "" { // this process is a relay, not a test
		relay(socket, "127.0.0.1:8420")
		os.Exit(0)
	}
	lans <- 0
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "needs root, to make network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		lacking(t, "needs the ip command, to make network namespaces")
	}
	n := <-lans
	lans <- n + 1
	l := &lan{t: t, hub: fmt.Sprintf("nr%d-%d", os.Getpid(), n)}
	l.namespace(l.hub)
	l.ip("-n", l.hub, "link", "add", "hub", "type", "bridge", "mcast_snooping", "0")
	l.ip("-n", l.hub, "link", "set", "hub", "up")
	return l
}

// ip changes the network; a system that cannot do it is named.
func (l *lan) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		lacking(l.t, "needs network namespaces, a bridge and veth: ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (l *lan) namespace(name string) {
	l.t.Helper()
	l.ip("netns", "add", name)
	l.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	l.ip("-n", name, "link", "set", "lo", "up")
}

// machine is a computer in the network with nothing on it.
type machine struct {
	lan  *lan
	ns   string
	addr string
	port string // its cable's end at the switch
	home string
}

func (l *lan) machine() *machine {
	l.t.Helper()
	l.machines++
	m := &machine{
		lan: l, ns: fmt.Sprintf("%s-%d", l.hub, l.machines), addr: fmt.Sprintf("10.77.0.%d", l.machines),
		port: fmt.Sprintf("port%d", l.machines), home: l.t.TempDir(),
	}
	l.namespace(m.ns)
	l.ip("link", "add", "eth0", "netns", m.ns, "type", "veth", "peer", "name", m.port, "netns", l.hub)
	l.ip("-n", l.hub, "link", "set", m.port, "master", "hub")
	l.ip("-n", l.hub, "link", "set", m.port, "up")
	l.ip("-n", m.ns, "addr", "add", m.addr+"/24", "brd", "+", "dev", "eth0")
	l.ip("-n", m.ns, "link", "set", "eth0", "up")
	return m
}

// plug pulls the machine's cable out or puts it in.
func (m *machine) plug(in bool) {
	m.lan.t.Helper()
	m.lan.ip("-n", m.lan.hub, "link", "set", m.port, map[bool]string{true: "up", false: "down"}[in])
}

// move gives the machine another address in place of the one it had.
func (m *machine) move(addr string) {
	m.lan.t.Helper()
	m.lan.ip("-n", m.ns, "addr", "flush", "dev", "eth0", "scope", "global")
	m.lan.ip("-n", m.ns, "addr", "add", addr+"/24", "brd", "+", "dev", "eth0")
	m.addr = addr
}

func (m *machine) prefix() []string { return []string{"ip", "netns", "exec", m.ns} }

// env has a home that is empty at first, and whatever the program keeps there.
func (m *machine) env() []string {
	return []string{"HOME=" + m.home, "XDG_DATA_HOME=" + filepath.Join(m.home, "data"), "XDG_CONFIG_HOME=", "XDG_CACHE_HOME="}
}

// start runs the program on the machine in the background.
func (m *machine) start(args ...string) *proc {
	m.lan.t.Helper()
	return startIn(m.lan.t, m.prefix(), m.env(), args...)
}

// run runs a command on the machine to its end.
func (m *machine) run(args ...string) (stdout, stderr string, code int) {
	m.lan.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	argv := append(append(m.prefix(), program), args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(cleanEnv(), m.env()...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.lan.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func (m *machine) ok(args ...string) string {
	m.lan.t.Helper()
	out, errs, code := m.run(args...)
	if code != 0 {
		m.lan.t.Fatalf("netrender %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// farm starts a master on the machine. The test itself reaches it through a relay.
func (m *machine) farm(args ...string) *farm {
	m.lan.t.Helper()
	f := &farm{t: m.lan.t, data: filepath.Join(m.home, "data", "netrender")}
	f.proc = m.start(append([]string{"master"}, args...)...)
	eventually(f.t, 30*time.Second, "the master runs", func() bool {
		_, err := os.Stat(filepath.Join(f.data, "master.json"))
		return err == nil
	})
	if f.url = m.relay(); slices.Contains(args, "--tls") {
		f.url = strings.Replace(f.url, "http:", "https:", 1)
	}
	return f
}

// relay gives the machine's master an address on this side: from loopback through a socket in the file system, which
// namespaces share, to a process on the machine.
func (m *machine) relay() string {
	t := m.lan.t
	t.Helper()
	dir, err := os.MkdirTemp("", "nr") // the name of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	argv := append(m.prefix(), os.Args[0])
	child := exec.Command(argv[0], argv[1:]...)
	child.Env = append(cleanEnv(), "NETRENDER_TEST_RELAY="+socket)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	eventually(t, 10*time.Second, "the relay listens", func() bool { _, err := os.Stat(socket); return err == nil })
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = front.Close() })
	go forward(front, func() (net.Conn, error) { return net.Dial("unix", socket) })
	return "http://" + front.Addr().String()
}

// relay is what the relay's process does.
func relay(socket, to string) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	forward(l, func() (net.Conn, error) { return net.Dial("tcp", to) })
}

// forward joins every connection that comes to one of dial's, until the listener is closed.
func forward(l net.Listener, dial func() (net.Conn, error)) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer in.Close()
			out, err := dial()
			if err != nil {
				return
			}
			defer out.Close()
			go func() {
				_, _ = io.Copy(out, in)
				_ = out.Close()
			}()
			_, _ = io.Copy(in, out)
		}()
	}
}

var acceptLine = regexp.MustCompile(`netrender pair accept (\S+)`)

// letIn waits for the code that a newcomer shows and accepts it on the master's machine.
func letIn(t *testing.T, newcomer *proc, master *machine) {
	t.Helper()
	letInAs(t, newcomer, master, "worker")
}

func letInAs(t *testing.T, newcomer *proc, master *machine, role string) {
	t.Helper()
	var code string
	began := time.Now()
	eventually(t, 20*time.Second, "the newcomer shows a code", func() bool {
		if m := acceptLine.FindStringSubmatch(newcomer.out.String()); m != nil {
			code = m[1]
		}
		return code != ""
	})
	t.Logf("found the master and showed a code after %v", time.Since(began).Round(10*time.Millisecond))
	if said := master.ok("pair", "accept", code); !strings.Contains(said, "accepted as "+role) {
		t.Errorf("pair accept says %q", said)
	}
}

// online waits until the farm has a worker that is there, and tells its name.
func (f *farm) online(limit time.Duration) string {
	f.t.Helper()
	c, name, began := f.client(), "", time.Now()
	eventually(f.t, limit, "a worker is there", func() bool {
		list, err := c.Workers(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		for _, w := range list {
			if w.Online {
				name = string(w.ID)
			}
		}
		return name != ""
	})
	f.t.Logf("a worker is there after %v", time.Since(began).Round(10*time.Millisecond))
	return name
}

// gone waits until the farm has no worker that is there.
func (f *farm) gone(limit time.Duration) {
	f.t.Helper()
	c := f.client()
	eventually(f.t, limit, "no worker is there", func() bool {
		list, err := c.Workers(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		for _, w := range list {
			if w.Online {
				return false
			}
		}
		return true
	})
}

// heartbeat sets the farm's pace.
func (f *farm) heartbeat(ms int) {
	f.t.Helper()
	rules := nr.DefaultRules()
	rules.HeartbeatMS = ms
	if _, err := f.client().SetRules(context.Background(), rules); err != nil {
		f.t.Fatal(err)
	}
}

func (f *farm) doneWithin(limit time.Duration, id nr.JobID) {
	f.t.Helper()
	eventually(f.t, limit, "the job is done", func() bool { return f.job(id.String()).State == "done" })
}

// TestSecondMachine: a computer that knows nothing finds the master by itself, is let in, renders, dies and is back.
func TestSecondMachine(t *testing.T) {
	l := newLAN(t)
	a, b := l.machine(), l.machine()
	f := a.farm()
	w := b.start("worker", "--fake-renderer", "50ms")
	letIn(t, w, a)
	id := f.online(20 * time.Second)
	job := f.submitFake("1-40")
	f.doneWithin(time.Minute, job.ID)
	f.audit(job.ID, 40)

	f.heartbeat(300)
	w.kill()
	f.gone(20 * time.Second)
	w = b.start("worker", "--fake-renderer", "50ms")
	if again := f.online(20 * time.Second); again != id {
		t.Errorf("it was worker %s, and came back as %s", id, again)
	}
	if strings.Contains(w.out.String(), "pair accept") {
		t.Error("it asked to be let in again")
	}
	job = f.submitFake("41-60")
	f.doneWithin(time.Minute, job.ID)
	f.audit(job.ID, 20)
}

// TestSecondMachineBlender: the same with pictures.
func TestSecondMachineBlender(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	path := blenders(t)[0]
	file := scene(t, path, "tiny", "tiny.blend", "--size", "64x36")
	a, b := l.machine(), l.machine()
	f := a.farm()
	w := b.start("worker", "--blender", path)
	letIn(t, w, a)
	f.online(time.Minute)
	id := strings.TrimSpace(a.ok("submit", file, "-f", "1-3", "--threads", "1", "--blender", path))
	eventually(t, 3*time.Minute, "the job ends", func() bool {
		s := f.job(id).State
		return s == "done" || s == "failed"
	})
	if s := f.job(id).State; s != "done" {
		t.Fatalf("the job is %s\n%s", s, tail(f.ok("logs", id), 3000))
	}
	number, err := nr.ParseJobID(id)
	if err != nil {
		t.Fatal(err)
	}
	f.audit(number, 3)
	home := filepath.Join(t.TempDir(), "home")
	a.ok("fetch", id, "-o", home)
	if files := filesBelow(t, home); len(files) < 3 {
		t.Errorf("fetch brought only %q", files)
	}
}

// TestMasterComesLater: a worker that finds nobody waits, says so, and finds the master that is started then.
func TestMasterComesLater(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	a, b := l.machine(), l.machine()
	w := b.start("worker", "--fake-renderer", "50ms")
	eventually(t, 20*time.Second, "the worker says that it waits", func() bool { return strings.Contains(w.out.String(), "waiting for one") })
	f := a.farm()
	letIn(t, w, a)
	f.online(20 * time.Second)
}

// TestTwoMasters: who finds several is asked for one, by name; who was let in by one of them goes there.
func TestTwoMasters(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	a, b, c := l.machine(), l.machine(), l.machine()
	f := a.farm("--name", "studio")
	w := c.start("worker", "--fake-renderer", "50ms", "--data", filepath.Join(c.home, "member"))
	letIn(t, w, a)
	f.online(20 * time.Second)
	f.heartbeat(300)
	w.kill()
	f.gone(20 * time.Second)
	b.farm("--name", "attic")

	began := time.Now()
	out, errs, code := c.run("jobs")
	t.Logf("answered after %v: %s", time.Since(began).Round(10*time.Millisecond), errs)
	if code == 0 || out != "" {
		t.Errorf("exit %d, and %q", code, out)
	}
	for _, want := range []string{"http://" + a.addr + ":8420", "studio", "http://" + b.addr + ":8420", "attic", "--master"} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not in %s", want, errs)
		}
	}

	// A machine that one of them let in belongs there.
	c.start("worker", "--fake-renderer", "50ms", "--data", filepath.Join(c.home, "member"))
	f.online(20 * time.Second)
}

// kept is how many frames' folders a worker keeps for the master.
func kept(t *testing.T, data string) int {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(data, "worker", "out", "*", "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// cutNetwork pulls a worker's cable while it renders: it renders on, the lease expires, and when the cable is back
// all is handed over.
func cutNetwork(t *testing.T, heartbeatMS int, frames string, pace, cut time.Duration, second bool) {
	l := newLAN(t)
	a, b := l.machine(), l.machine()
	f := a.farm()
	f.heartbeat(heartbeatMS)
	w := startIn(t, b.prefix(), append(b.env(), "NETRENDER_TOKEN="+f.token()), "worker", "--name", "oak", "--fake-renderer", pace.String())
	f.online(20 * time.Second)
	job := f.submitFake(frames, func(s *nr.JobSpec) { s.Chunk = 1000 })
	id := job.ID.String()
	eventually(t, 20*time.Second, "some frames are done", func() bool { return f.job(id).Done >= 3 })

	b.plug(false)
	began := time.Now()
	data := filepath.Join(b.home, "data", "netrender")
	f.gone(time.Duration(heartbeatMS)*time.Millisecond*4 + 10*time.Second)
	atLoss := kept(t, data)
	eventually(t, 10*time.Second, "the lease expired", func() bool { return f.job(id).Running == 0 })
	t.Logf("the lease expired %v after the cut", time.Since(began).Round(10*time.Millisecond))
	if second {
		startIn(t, a.prefix(), append(a.env(), "NETRENDER_TOKEN="+f.token()), "worker", "--name", "elm",
			"--data", filepath.Join(a.home, "elm"), "--fake-renderer", pace.String())
	}
	eventually(t, 30*time.Second, "the worker renders on", func() bool { return kept(t, data) > atLoss })
	<-time.After(cut - time.Since(began)) // how long the cable is out
	if s := f.job(id); !second && s.State == "done" {
		t.Fatal("the job was done without the worker")
	}
	t.Logf("%d frames wait in the outbox", kept(t, data))
	b.plug(true)
	began = time.Now()
	eventually(t, cut+time.Minute, "the outbox is empty", func() bool { return kept(t, data) == 0 })
	t.Logf("the outbox was empty %v after the cable was back", time.Since(began).Round(10*time.Millisecond))
	f.doneWithin(2*time.Minute, job.ID)
	f.audit(job.ID, job.Total)
	rendered := map[int]int{}
	for at, err := range f.client().FollowAttempts(context.Background(), nr.AttemptFilter{Job: job.ID}) {
		if err != nil {
			t.Fatal(err)
		}
		if at.Outcome == nr.Rendered {
			rendered[at.Frame]++
		}
	}
	for frame, n := range rendered {
		if n != 1 && !second {
			t.Errorf("frame %d was rendered %d times by the only worker", frame, n)
		}
	}
	if !strings.Contains(w.out.String(), "rendering goes on") {
		t.Error("the worker says nothing of the cut")
	}
	if strings.Contains(w.out.String(), "context deadline") {
		t.Error("the worker speaks of contexts")
	}
}

func TestNetworkCut2s(t *testing.T) {
	t.Parallel()
	cutNetwork(t, 300, "1-40", 150*time.Millisecond, 2*time.Second, false)
}

func TestNetworkCut10s(t *testing.T) {
	t.Parallel()
	cutNetwork(t, 300, "1-80", 150*time.Millisecond, 10*time.Second, true)
}

// The true times, under the rules of every day.
func TestNetworkCut30s(t *testing.T) { longCut(t, "1-60", 30*time.Second) }

func TestNetworkCut5min(t *testing.T) {
	if os.Getenv("NETRENDER_TEST_LONG") != "1" {
		t.Skip("takes six minutes: wants NETRENDER_TEST_LONG=1, which .ci/run sets")
	}
	longCut(t, "1-340", 5*time.Minute)
}

func longCut(t *testing.T, frames string, cut time.Duration) {
	t.Parallel()
	cutNetwork(t, nr.DefaultRules().HeartbeatMS, frames, time.Second, cut, false)
}

// TestWorkerMoves: a worker gets another address while it renders, as a laptop does, and goes on.
func TestWorkerMoves(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	a, b := l.machine(), l.machine()
	f := a.farm()
	f.heartbeat(300)
	w := b.start("worker", "--fake-renderer", "100ms")
	letIn(t, w, a)
	f.online(20 * time.Second)
	job := f.submitFake("1-40")
	eventually(t, 20*time.Second, "some frames are done", func() bool { return f.job(job.ID.String()).Done >= 3 })
	b.move("10.77.0.200")
	began, before := time.Now(), f.job(job.ID.String()).Done
	eventually(t, 10*time.Second, "another frame is accepted", func() bool { return f.job(job.ID.String()).Done > before })
	t.Logf("the next frame was accepted %v after the move", time.Since(began).Round(10*time.Millisecond))
	f.doneWithin(30*time.Second, job.ID)
	f.audit(job.ID, 40)
}
