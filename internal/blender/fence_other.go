//go:build !linux

package blender

import "errors"

// CanFence tells whether a Fence can be put up here, and if not, why.
func CanFence() (can bool, why string) { return false, "only Linux lets a program confine another" }

func enter(string, []string) error { return errors.New("a Blender cannot be confined on this system") }
