package desktop

import (
	"strconv"
	"strings"
	"time"
)

// Seat is where Idle looks for who uses the machine.
type Seat struct {
	Bus    string // address of the session's D-Bus, as for Keyring; "": there is none. Linux only
	System string // address of the system's D-Bus; "": the usual one. Linux only
	Root   string // the folder that holds dev and tmp; "": the root. Linux only
}

// longest is the most that is told: since the start of a machine nobody sits at.
const longest = 30 * 24 * time.Hour

// errNoSeat says that nothing tells who is at the machine.
var errNoSeat = &Unusable{"nothing here tells when keyboard and mouse were used"}

// IdleOfHID reads what `ioreg -c IOHIDSystem` of macOS prints: the least of its HIDIdleTime, which are nanoseconds.
func IdleOfHID(text string) (time.Duration, error) {
	idle := longest + 1
	for line := range strings.Lines(text) {
		_, value, found := strings.Cut(line, `"HIDIdleTime" = `)
		if !found {
			continue
		}
		if ns, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && ns >= 0 {
			idle = min(idle, time.Duration(ns))
		}
	}
	if idle > longest {
		return 0, errNoSeat
	}
	return idle, nil
}
