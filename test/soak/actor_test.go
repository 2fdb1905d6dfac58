//go:build linux

package soak

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// actor is a process that is started again whenever it ends, as a service would be.
type actor struct {
	run    *run
	name   string
	prefix []string // such as `ip netns exec NAME`
	args   []string
	env    []string
	log    string // its output, of all its lives

	mu      sync.Mutex
	cmd     *exec.Cmd     // nil: it does not run
	told    string        // how it was made to end: "kill -9" or "SIGTERM"; "" when nobody did
	pause   time.Duration // before the next start
	stopped bool          // by SIGSTOP
	closing bool          // it is not started again
	hurry   chan struct{} // closed: start at once
	over    chan struct{} // closed when it is not started again and has ended
	starts  int
}

// launch starts it for good.
func (r *run) launch(name string, prefix, env []string, args ...string) *actor {
	a := &actor{
		run: r, name: name, prefix: prefix, args: args, env: env, log: filepath.Join(r.dir, "logs", name+".log"),
		hurry: make(chan struct{}), over: make(chan struct{}),
	}
	r.actors[name] = a
	go a.live()
	return a
}

func (a *actor) live() {
	defer close(a.over)
	for {
		err := a.once()
		a.mu.Lock()
		told, pause, closing, hurry := a.told, a.pause, a.closing, a.hurry
		a.told, a.pause, a.cmd = "", 300*time.Millisecond, nil
		a.mu.Unlock()
		a.judge(told, err)
		if closing {
			return
		}
		select {
		case <-time.After(pause):
		case <-hurry:
		}
	}
}

// once is one life.
func (a *actor) once() error {
	out, err := os.OpenFile(a.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	argv := append(append(append([]string{}, a.prefix...), program), a.args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(cleanEnv(), a.env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = apart()
	runtime.LockOSThread() // the process is the thread's
	defer runtime.UnlockOSThread()
	a.mu.Lock()
	if a.closing {
		a.mu.Unlock()
		return nil
	}
	err = cmd.Start()
	if err == nil {
		a.cmd, a.stopped = cmd, false
		a.starts++
	}
	a.mu.Unlock()
	if err != nil {
		return err
	}
	return cmd.Wait()
}

// apart keeps a terminal's Ctrl-C from a process, and ends it when the test is killed: with the thread that started it.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// judge looks at how it ended. A master may end by itself when its disk is full: then it says so in a sentence.
func (a *actor) judge(told string, err error) {
	switch {
	case told == "kill -9" || err == nil && told != "":
	case told == "" && a.run.mayEnd(a):
		a.run.count("ended for want of room", 1)
	default:
		how := "by itself"
		if told != "" {
			how = "after " + told
		}
		a.run.failf("%s ended %s with %v; it said\n%s", a.name, how, err, indent(lastLines(a.log, 12)))
	}
}

// kill is kill -9; it is back after the pause.
func (a *actor) kill(pause time.Duration) bool { return a.end("kill -9", syscall.SIGKILL, pause) }

// term asks it to end.
func (a *actor) term(pause time.Duration) bool { return a.end("SIGTERM", syscall.SIGTERM, pause) }

func (a *actor) end(how string, s syscall.Signal, pause time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd == nil {
		return false
	}
	if a.told != "kill -9" {
		a.told = how
	}
	a.pause = pause
	return a.cmd.Process.Signal(s) == nil
}

// freeze stops it with SIGSTOP, thaw lets it go on.
func (a *actor) freeze() bool { return a.still(true) }
func (a *actor) thaw() bool   { return a.still(false) }

func (a *actor) still(stop bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd == nil || a.stopped == stop {
		return false
	}
	a.stopped = stop
	s := syscall.SIGCONT
	if stop {
		s = syscall.SIGSTOP
	}
	return a.cmd.Process.Signal(s) == nil
}

// mend sees to it that it runs, or soon does.
func (a *actor) mend() {
	a.thaw()
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.hurry)
	a.hurry = make(chan struct{})
}

// close ends it for good: politely, or by force.
func (a *actor) close(politely bool) {
	a.mu.Lock()
	a.closing = true
	close(a.hurry)
	a.hurry = make(chan struct{})
	a.mu.Unlock()
	a.thaw()
	if politely {
		a.term(0)
	} else {
		a.kill(0)
	}
}

// pid is that of the process, 0 when there is none.
func (a *actor) pid() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd == nil {
		return 0
	}
	return a.cmd.Process.Pid
}

// cleanEnv is the environment without settings of Netrender.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "NETRENDER_") {
			env = append(env, kv)
		}
	}
	return env
}

func lastLines(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := slices.DeleteFunc(strings.Split(strings.TrimRight(string(text), "\n"), "\n"), func(line string) bool {
		return strings.Contains(line, `"DEBUG"`)
	})
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func indent(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }

// command is a netrender command that runs to its end.
type command struct {
	cmd  *exec.Cmd
	what string
}

// exec runs a command of a client. code is its exit code, -1 when it was killed.
func (r *run) exec(u *user, args ...string) (stdout, stderr string, code int) {
	return r.execLines(u, nil, args...)
}

// lines hands on lines as they are written.
type lines struct {
	strings.Builder
	each func(line string)
	rest string
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest += string(p)
	for l.each != nil {
		line, rest, whole := strings.Cut(l.rest, "\n")
		if !whole {
			break
		}
		l.rest = rest
		l.each(line)
	}
	return l.Builder.Write(p)
}

// execLines is exec that hands on the lines of stdout as they come.
func (r *run) execLines(u *user, each func(line string), args ...string) (stdout, stderr string, code int) {
	var errs strings.Builder
	out := lines{each: each}
	c := &command{cmd: exec.Command(program, args...), what: args[0]}
	c.cmd.Env = append(cleanEnv(), u.env()...)
	c.cmd.Stdout, c.cmd.Stderr = &out, &errs
	c.cmd.SysProcAttr = apart()
	runtime.LockOSThread() // the process is the thread's
	defer runtime.UnlockOSThread()
	r.mu.Lock()
	err := c.cmd.Start()
	if err == nil {
		r.commands = append(r.commands, c)
	}
	r.mu.Unlock()
	if err != nil {
		r.failf("%s cannot be started: %v", args[0], err)
		return "", "", -1
	}
	_ = c.cmd.Wait()
	r.mu.Lock()
	for i, other := range r.commands {
		if other == c {
			r.commands = append(r.commands[:i], r.commands[i+1:]...)
			break
		}
	}
	r.mu.Unlock()
	r.count("commands", 1)
	if text := out.String() + errs.String(); strings.Contains(text, "panic:") || strings.Contains(text, "goroutine ") {
		r.failf("netrender %s fell:\n%s", strings.Join(args, " "), indent(text))
	}
	return out.String(), errs.String(), c.cmd.ProcessState.ExitCode()
}

// signalCommand sends a signal to one of the commands that run.
func (r *run) signalCommand(n int64, s ...syscall.Signal) (what string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.commands) == 0 {
		return "", false
	}
	c := r.commands[int(n)%len(r.commands)]
	for _, s := range s {
		ok = c.cmd.Process.Signal(s) == nil
	}
	return fmt.Sprintf("%s (%d)", c.what, c.cmd.Process.Pid), ok
}
