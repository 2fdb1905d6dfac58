package desktop

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
)

const usualSystemBus = "unix:path=/run/dbus/system_bus_socket"

// Idle tells how long nobody used keyboard and mouse of this machine. It asks, in this order, until one knows: the
// desktop of this session, where it is GNOME's; logind, which desktops tell when their user is away, and which looks at
// terminals itself, so that its answer is a few minutes behind; the terminals, where no display could be used besides.
// The error is *Unusable. It ends with ctx at the latest.
func Idle(ctx context.Context, s Seat, now time.Time) (time.Duration, error) {
	return within(ctx, func() (time.Duration, error) {
		if idle, err := mutterIdle(ctx, s.Bus); err == nil {
			return min(idle, longest), nil
		}
		if s.System == "" {
			s.System = usualSystemBus
		}
		if idle, err := logindIdle(ctx, s.System, now); err == nil {
			return idle, nil
		}
		return terminalIdle(filepath.Join("/", s.Root), now)
	})
}

// mutterIdle asks org.gnome.Mutter.IdleMonitor, which counts in milliseconds.
func mutterIdle(ctx context.Context, address string) (time.Duration, error) {
	c, err := sessionBus(ctx, address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var ms uint64
	err = c.Object("org.gnome.Mutter.IdleMonitor", "/org/gnome/Mutter/IdleMonitor/Core").
		CallWithContext(ctx, "org.gnome.Mutter.IdleMonitor.GetIdletime", dbus.FlagNoAutoStart).Store(&ms)
	return time.Duration(min(ms, uint64(longest/time.Millisecond))) * time.Millisecond, err
}

// logindIdle asks org.freedesktop.login1 whether all sessions are idle, and since when: microseconds since 1970.
func logindIdle(ctx context.Context, address string, now time.Time) (time.Duration, error) {
	c, err := sessionBus(ctx, address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var hint, since dbus.Variant
	manager := c.Object("org.freedesktop.login1", "/org/freedesktop/login1")
	for name, into := range map[string]*dbus.Variant{"IdleHint": &hint, "IdleSinceHint": &since} {
		if err := manager.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, "org.freedesktop.login1.Manager", name).Store(into); err != nil {
			return 0, err
		}
	}
	idle, ok := hint.Value().(bool)
	at, also := since.Value().(uint64)
	switch {
	case !ok || !also:
		return 0, errNoSeat
	case !idle:
		return 0, nil
	}
	return min(max(now.Sub(time.UnixMicro(int64(min(at, 1<<62)))), 0), longest), nil
}

// terminalIdle looks at when something was last read from a terminal, which the kernel notes. A display takes its keys
// from elsewhere: where there may be one, nothing is known.
func terminalIdle(root string, now time.Time) (time.Duration, error) {
	if displays, _ := filepath.Glob(filepath.Join(root, "tmp/.X11-unix/X*")); len(displays) > 0 {
		return 0, errNoSeat
	}
	idle, known := longest, false
	for _, pattern := range []string{"dev/pts/[0-9]*", "dev/tty[0-9]*"} {
		terminals, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, path := range terminals {
			info, err := os.Stat(path)
			if err != nil {
				continue
			}
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				idle, known = min(idle, max(now.Sub(time.Unix(st.Atim.Unix())), 0)), true
			}
		}
	}
	if !known {
		return 0, errNoSeat
	}
	return idle, nil
}
