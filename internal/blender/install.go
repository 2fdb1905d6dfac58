package blender

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// InstallKind says how an install runs Python.
type InstallKind string

// The kinds of Install.
const (
	Executable InstallKind = "executable" // a Blender program
	Module     InstallKind = "module"     // a Python interpreter that can import bpy
)

// Install is one Blender on this machine.
type Install struct {
	Path string      `json:"path"` // of the executable or interpreter, absolute
	Kind InstallKind `json:"kind"`
	Facts
	// Added are the add-ons that UserAddons found; whoever looked sets it.
	Added []Addon `json:"-"`
	// Runner is the command that ends in RunTree; empty runs Blender directly, without holding its process tree together.
	Runner []string `json:"-"`
}

// pythonExitCode is what Blender leaves with when a script given to it raises; no signal or Blender error uses it.
const pythonExitCode = "70"

// kindOf tells an interpreter from a Blender by its file name.
func kindOf(path string) InstallKind {
	base := strings.ToLower(filepath.Base(path))
	base = strings.TrimSuffix(base, ".exe")
	rest, ok := strings.CutPrefix(base, "python")
	if ok && strings.Trim(rest, "0123456789.w") == "" {
		return Module
	}
	return Executable
}

// argv is the command that runs script headless; the script sees args after "--" in sys.argv under both kinds.
func (in Install) argv(script string, scripts bool, threads string, args ...string) []string {
	if in.Kind == Module {
		return append([]string{in.Path, "-u", script, "--"}, args...)
	}
	auto := "--disable-autoexec"
	if scripts {
		auto = "--enable-autoexec"
	}
	argv := []string{in.Path, "--background", "--factory-startup", auto, "-noaudio"}
	if threads != "" {
		argv = append(argv, "--threads", threads)
	}
	argv = append(argv, "--python-exit-code", pythonExitCode, "--python", script, "--")
	return append(argv, args...)
}

// Command is a process that runs the Python script (an absolute path) headless in the install: factory settings, no scripts
// of scenes. The script finds args after "--" in sys.argv; it may import bpy at once under either kind. An exception that
// leaves the script ends the process with a status that is not 0. When ctx ends, the whole process tree is killed if the
// install has a Runner, else the process alone. The caller sets Env, Stdout and Stderr; Stdin belongs to the runner.
func (in Install) Command(ctx context.Context, script string, args ...string) *exec.Cmd {
	return runnerCommand(ctx, in.Runner, 0, "", in.argv(script, false, "", args...))
}

// runnerCommand puts argv behind the runner; fence names the file of a fence, or nothing.
func runnerCommand(ctx context.Context, runner []string, fds int, fence string, argv []string) *exec.Cmd {
	full := argv
	if len(runner) > 0 {
		full = append(append(append([]string{}, runner...), runFlags(fds, fence)...), argv...)
	}
	cmd := exec.CommandContext(ctx, full[0], full[1:]...)
	cmd.SysProcAttr = groupAttr()
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	if len(runner) > 0 {
		// The end of its stdin tells the runner to kill the tree; Wait closes the pipe, too.
		if stdin, err := cmd.StdinPipe(); err == nil {
			cmd.Cancel = stdin.Close
		}
	}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}
