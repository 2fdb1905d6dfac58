//go:build unix

package test

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from a process that a test started.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
