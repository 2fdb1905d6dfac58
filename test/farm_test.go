// Package test runs the real program: masters, workers and commands as processes of their own, killed and cut on
// purpose, with real Blender where a test is about pictures.
package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the binary under test; TestMain builds it.
var program string

func TestMain(m *testing.M) {
	if mode, ok := strings.CutPrefix(filepath.Base(os.Args[0]), strangePrefix); ok {
		os.Exit(strangeBlender(mode, os.Args[1:]))
	}
	dir, err := os.MkdirTemp("", "netrender-test-*")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "netrender")
	build := exec.Command("go", "build", "-o", program, "github.com/netrender/netrender/cmd/netrender")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the program does not build:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// proc is a running netrender.
type proc struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *lockedBuffer // all that it says
	stdout *lockedBuffer
	done   chan struct{}
	err    error
}

// start runs the program in the background; it is killed when the test ends, and its output is shown if the test
// failed.
func start(t *testing.T, env []string, args ...string) *proc {
	t.Helper()
	return startIn(t, nil, env, args...)
}

// startIn is start behind another command, such as `ip netns exec NAME`.
func startIn(t *testing.T, prefix, env []string, args ...string) *proc {
	t.Helper()
	p, err := launch(t, prefix, env, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("output of netrender %s:\n%s", strings.Join(args, " "), tail(p.out.String(), 6000))
		}
	})
	return p
}

// launch is startIn for any goroutine; the caller sees to the end of the process.
func launch(t *testing.T, prefix, env []string, args ...string) (*proc, error) {
	argv := append(append([]string{}, prefix...), append([]string{program}, args...)...)
	p := &proc{t: t, cmd: exec.Command(argv[0], argv[1:]...), out: &lockedBuffer{}, stdout: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Env = append(cleanEnv(), env...)
	p.cmd.Stdout, p.cmd.Stderr = io.MultiWriter(p.stdout, p.out), p.out
	p.cmd.SysProcAttr = ownGroup()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// kill is kill -9.
func (p *proc) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// wait returns the exit code within the limit.
func (p *proc) wait(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		p.t.Fatalf("it did not end within %s; it said:\n%s", limit, tail(p.out.String(), 3000))
	}
	return p.cmd.ProcessState.ExitCode()
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}

// cleanEnv is the environment without settings of Netrender.
func cleanEnv() []string {
	env := []string{"NETRENDER_KEYRING=off"} // not that of whoever runs the tests
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "NETRENDER_") {
			env = append(env, kv)
		}
	}
	return env
}

// farm is a master with its data folder and address.
type farm struct {
	t    *testing.T
	data string
	port int
	url  string
	proc *proc
}

// startFarm starts a master on a port that is free, and keeps the port over restarts.
func startFarm(t *testing.T, args ...string) *farm {
	t.Helper()
	f := &farm{t: t, data: t.TempDir(), port: freePort(t)}
	f.url = "http://127.0.0.1:" + strconv.Itoa(f.port)
	f.start(args...)
	return f
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (f *farm) start(args ...string) {
	f.t.Helper()
	f.proc = start(f.t, nil, append([]string{"master", "--data", f.data, "--listen", "127.0.0.1:" + strconv.Itoa(f.port), "--quiet-network"}, args...)...)
	eventually(f.t, 30*time.Second, "the master answers", func() bool {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(f.port), time.Second)
		if err != nil {
			return false
		}
		_ = c.Close()
		_, err = os.Stat(filepath.Join(f.data, "master.json"))
		return err == nil
	})
}

// token is the admin's.
func (f *farm) token() string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.data, "admin-token"))
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func (f *farm) env() []string {
	return []string{"NETRENDER_MASTER=" + f.url, "NETRENDER_TOKEN=" + f.token()}
}

// worker starts a worker with a data folder of its own.
func (f *farm) worker(name string, args ...string) *proc {
	f.t.Helper()
	return f.workerIn(f.t.TempDir(), name, args...)
}

func (f *farm) workerIn(dir, name string, args ...string) *proc {
	f.t.Helper()
	return start(f.t, f.env(), append([]string{"worker", "--data", dir, "--name", name}, args...)...)
}

// run runs a command to its end and returns what it printed and its exit code.
func (f *farm) run(args ...string) (stdout, stderr string, code int) {
	f.t.Helper()
	return run(f.t, append(f.env(), "NETRENDER_DATA="+filepath.Join(f.data, "client")), args...)
}

func run(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(cleanEnv(), env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// ok runs a command that must succeed.
func (f *farm) ok(args ...string) string {
	f.t.Helper()
	out, errs, code := f.run(args...)
	if code != 0 {
		f.t.Fatalf("netrender %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// jobState reads a job.
type jobState struct {
	State   string  `json:"state"`
	Total   int     `json:"total"`
	Done    int     `json:"done"`
	Failed  int     `json:"failed"`
	Running int     `json:"running"`
	Missing int     `json:"missing"`
	Folder  string  `json:"folder"`
	Seconds float64 `json:"render_seconds"`
}

func (f *farm) job(id string) jobState {
	f.t.Helper()
	out, errs, code := f.run("jobs", "--json")
	if code != 0 {
		f.t.Fatalf("jobs: %s", errs)
	}
	for line := range strings.Lines(out) {
		var j struct {
			ID int64 `json:"id"`
			jobState
		}
		if err := json.Unmarshal([]byte(line), &j); err != nil {
			f.t.Fatalf("%v in %s", err, line)
		}
		if strconv.FormatInt(j.ID, 10) == id {
			return j.jobState
		}
	}
	f.t.Fatalf("there is no job %s in\n%s", id, out)
	return jobState{}
}

// lacking skips a test that this machine cannot run, for want of root, of namespaces, ...; where everything is required it
// fails.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("NETRENDER_TEST_BLENDER") == "required" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// eventually waits for a fact.
func eventually(t *testing.T, limit time.Duration, what string, fact func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !fact() {
		if time.Now().After(deadline) {
			t.Fatalf("after %s it is still not so that %s", limit, what)
		}
		<-time.After(50 * time.Millisecond)
	}
}
