//go:build unix

package test

import (
	"os"
	"syscall"
)

// ownGroup keeps a terminal's Ctrl-C from a process that a test started.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// crashStrange ends this process as a crash does, without a file of its memory.
func crashStrange() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	_ = syscall.Exec("/bin/sh", []string{"sh", "-c", "kill -SEGV $$"}, nil)
	os.Exit(128 + 11)
}
