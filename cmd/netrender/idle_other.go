//go:build !darwin

package main

import (
	"context"
	"os"
	"time"

	"github.com/netrender/netrender/internal/desktop"
)

// userIdle tells how long nobody used keyboard and mouse of this machine.
func userIdle(ctx context.Context) (time.Duration, error) {
	return desktop.Idle(ctx, desktop.Seat{Bus: os.Getenv("DBUS_SESSION_BUS_ADDRESS")}, time.Now())
}
