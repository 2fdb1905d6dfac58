package blender

import "syscall"

func newSession() *syscall.SysProcAttr { return nil }

func crash() { syscall.Exit(128 + 11) }
