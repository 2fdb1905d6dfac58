package blender

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Command is a program that is not Blender: it is run as Blender is, in a tree of processes that ends whole.
type Command struct {
	Argv    []string
	Dir     string        // where it runs
	Home    string        // a folder that is its home and holds what it keeps between runs
	Environ []string      // of whoever starts it; what Blender would not get it does not get either
	Env     []string      // set besides
	Unset   []string      // names that are not set
	Runner  []string      // a command whose body is RunTree; empty: it is started directly
	Fence   *Fence        // nil: none
	Output  io.Writer     // its stdout and stderr
	Notify  time.Duration // when ctx ends it is asked to end, and killed after so long; 0: killed at once
	Asked   func()        // is called before it is asked to end; may be nil
	Started func(pid int) // is told of the process that all of its processes descend from; may be nil
}

// Run runs the command to its end, and ends all it started. status is as a shell shows it. An error means that it could not
// be started. When ctx ends, it ends.
func (c *Command) Run(ctx context.Context) (status int, err error) {
	tmp := filepath.Join(c.Home, "tmp")
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return 0, err
	}
	fence := ""
	if c.Fence != nil {
		fence = filepath.Join(c.Home, "fence.json")
		f := c.Fence.around(Install{Path: "/"}, c.Environ, c.Home)
		f.Local = false
		if err := f.write(fence); err != nil {
			return 0, err
		}
	}
	killing, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	cmd := runnerCommand(killing, c.Runner, 0, fence, c.Argv)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, c.Output, c.Output
	unset := make(map[string]bool, len(c.Unset))
	for _, name := range c.Unset {
		unset[name] = true
	}
	for _, entry := range environment(c.Environ, c.Home, tmp, c.Env) {
		for i := range entry {
			if entry[i] == '=' && i > 0 {
				if !unset[entry[:i]] {
					cmd.Env = append(cmd.Env, entry)
				}
				break
			}
		}
	}
	ask := func() error { return askProcess(cmd.Process) }
	if len(c.Runner) > 0 {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, err
		}
		defer r.Close()
		defer w.Close()
		cmd.Stdin, cmd.Cancel = r, w.Close
		ask = func() error {
			_, err := w.Write([]byte{askToEnd})
			return err
		}
	}
	if err := cmd.Start(); err != nil {
		return 0, &Error{Kind: NoStart, Message: "the command cannot be started: " + err.Error(), cause: err}
	}
	if c.Started != nil {
		c.Started(cmd.Process.Pid)
	}
	defer context.AfterFunc(ctx, func() {
		if c.Notify > 0 {
			if c.Asked != nil {
				c.Asked()
			}
			if ask() == nil {
				select {
				case <-time.After(c.Notify):
				case <-killing.Done():
				}
			}
		}
		kill()
	})()
	err = cmd.Wait()
	var exit *exec.ExitError
	if cmd.ProcessState != nil && (err == nil || errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay)) {
		return cmd.ProcessState.ExitCode(), nil
	}
	if ctx.Err() != nil {
		return exitKilled, nil
	}
	return 0, err
}
