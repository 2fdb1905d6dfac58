package blender

import (
	"context"
	"os/exec"
)

// Ask runs a small program of the system and returns what it prints. It ends with ctx at the latest.
func Ask(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	return string(out), err
}
