//go:build !linux && !windows

package desktop

import (
	"context"
	"time"
)

// Idle is not known here; on macOS a program of the system tells, see IdleOfHID.
func Idle(context.Context, Seat, time.Time) (time.Duration, error) { return 0, errNoSeat }
