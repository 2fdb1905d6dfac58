package desktop_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/netrender/netrender/internal/desktop"
	"github.com/netrender/netrender/internal/desktop/desktoptest"
)

// mutter is GNOME's compositor, as far as Idle knows it.
type mutter struct{ ms uint64 }

func (m *mutter) GetIdletime() (uint64, *dbus.Error) { return m.ms, nil }

// logind is as far as Idle knows it.
type logind struct {
	idle  bool
	since uint64
}

func (l *logind) Get(iface, name string) (dbus.Variant, *dbus.Error) {
	switch {
	case iface == "org.freedesktop.login1.Manager" && name == "IdleHint":
		return dbus.MakeVariant(l.idle), nil
	case iface == "org.freedesktop.login1.Manager" && name == "IdleSinceHint":
		return dbus.MakeVariant(l.since), nil
	}
	return dbus.Variant{}, dbus.MakeFailedError(errors.New("no such property"))
}

func TestIdle(t *testing.T) {
	t.Parallel()
	ctx, now := soon(t), time.Now()
	root := t.TempDir()
	nowhere := desktop.Seat{Bus: "unix:path=/nowhere", System: "unix:path=/nowhere", Root: root}
	is := func(what string, s desktop.Seat, least, most time.Duration) {
		t.Helper()
		if idle, err := desktop.Idle(ctx, s, now); err != nil || idle < least || idle > most {
			t.Errorf("%s: %v, %v; not %v to %v", what, idle, err, least, most)
		}
	}
	unknown := func(what string, s desktop.Seat) {
		t.Helper()
		var why *desktop.Unusable
		if idle, err := desktop.Idle(ctx, s, now); !errors.As(err, &why) {
			t.Errorf("%s: %v, %v", what, idle, err)
		}
	}

	// Terminals.
	unknown("nothing at all", nowhere)
	terminal := func(name string, ago time.Duration) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-ago), now); err != nil { // what is written to it is no use of it
			t.Fatal(err)
		}
	}
	terminal("dev/tty1", 3*time.Hour)
	terminal("dev/pts/7", 2*time.Hour)
	terminal("dev/pts/ptmx", 0)
	is("terminals", nowhere, 2*time.Hour-time.Second, 2*time.Hour+time.Second)
	terminal("tmp/.X11-unix/X0", 0)
	unknown("a display that nobody tells of", nowhere)

	bus := desktoptest.Bus(t, exec.Command)
	there := desktop.Seat{Bus: bus, System: bus, Root: root}
	unknown("a bus without either", there)
	l := &logind{}
	c := desktoptest.Join(t, bus, "org.freedesktop.login1")
	if err := c.Export(l, "/org/freedesktop/login1", "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	is("logind: in use", there, 0, 0)
	*l = logind{idle: true, since: uint64(now.Add(-20 * time.Minute).UnixMicro())}
	is("logind: idle", there, 20*time.Minute-time.Millisecond, 20*time.Minute+time.Millisecond)
	*l = logind{idle: true}
	is("logind: nobody was ever there", there, 24*time.Hour, 31*24*time.Hour)
	*l = logind{idle: true, since: uint64(now.Add(time.Hour).UnixMicro())}
	is("logind: the clock was set back", there, 0, 0)

	m := &mutter{ms: 90_500}
	c = desktoptest.Join(t, bus, "org.gnome.Mutter.IdleMonitor")
	if err := c.Export(m, "/org/gnome/Mutter/IdleMonitor/Core", "org.gnome.Mutter.IdleMonitor"); err != nil {
		t.Fatal(err)
	}
	is("GNOME knows better", there, 90_500*time.Millisecond, 90_500*time.Millisecond)
}

func TestIdleOfHID(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"+-o IOHIDSystem  <class IOHIDSystem>\n    {\n      \"HIDIdleTime\" = 61000000000\n    }\n": 61 * time.Second,
		"  |   \"HIDIdleTime\" = 5000000\n  |   \"HIDIdleTime\" = 3000000\n":                        3 * time.Millisecond,
	} {
		if got, err := desktop.IdleOfHID(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "\"HIDIdleTime\" = x", "\"HIDIdleTime\" = -1", "HIDIdleTime"} {
		if got, err := desktop.IdleOfHID(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
