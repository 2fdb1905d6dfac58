package main

import (
	"context"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/desktop"
)

// userIdle tells how long nobody used keyboard and mouse of this machine.
func userIdle(ctx context.Context) (time.Duration, error) {
	text, err := blender.Ask(ctx, "/usr/sbin/ioreg", "-c", "IOHIDSystem", "-d", "4")
	if err != nil {
		return 0, err
	}
	return desktop.IdleOfHID(text)
}
