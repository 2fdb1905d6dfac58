//go:build !windows && !darwin

package desktop_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/netrender/netrender/internal/desktop"
	"github.com/netrender/netrender/internal/desktop/desktoptest"
)

// soon ends what does not end by itself. What must be said at once ends long before.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// unusable checks the reason.
func unusable(t *testing.T, err error, why string) {
	t.Helper()
	var u *desktop.Unusable
	if !errors.As(err, &u) || !strings.Contains(u.Why, why) {
		t.Errorf("%v, not %q", err, why)
	}
}

// each does everything that can be done with a keyring.
func each(ctx context.Context, k desktop.Keyring) map[string]error {
	_, err := k.Get(ctx, "farm")
	return map[string]error{"check": k.Check(ctx), "set": k.Set(ctx, "farm", "nr_other"), "get": err, "delete": k.Delete(ctx, "farm")}
}

func TestKeyring(t *testing.T) {
	t.Parallel()
	bus := desktoptest.Bus(t, exec.Command)
	s := desktoptest.NewSecrets(t, bus)
	works(t, desktop.Keyring{Bus: bus})
	if list := s.Values(); len(list) != 1 || list[0] != "nr_b" {
		t.Errorf("it keeps %q", list)
	}
	s.Do(func(s *desktoptest.Secrets) {
		if s.Asked != 0 {
			t.Error("somebody was asked")
		}
	})
}

// works holds for every keyring; it leaves the secret "b", which is nr_b, in it.
func works(t *testing.T, k desktop.Keyring) {
	t.Helper()
	ctx := soon(t)
	if err := k.Check(ctx); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if _, err := k.Get(ctx, name); !errors.Is(err, desktop.ErrNotFound) {
			t.Errorf("%s before: %v", name, err)
		}
		if err := k.Delete(ctx, name); !errors.Is(err, desktop.ErrNotFound) {
			t.Errorf("%s deleted before: %v", name, err)
		}
		for _, secret := range []string{"nr_of_old", "nr_" + name} {
			if err := k.Set(ctx, name, secret); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"a", "b"} {
		if got, err := k.Get(ctx, name); got != "nr_"+name || err != nil {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if err := k.Delete(ctx, "a"); err != nil {
		t.Error(err)
	}
	if _, err := k.Get(ctx, "a"); !errors.Is(err, desktop.ErrNotFound) {
		t.Errorf("a after it was deleted: %v", err)
	}
}

// TestNobodyIsAsked: whatever keeps the keyring from being used is said, and no dialog shows.
func TestNobodyIsAsked(t *testing.T) {
	t.Parallel()
	bus := desktoptest.Bus(t, exec.Command)
	s := desktoptest.NewSecrets(t, bus)
	k := desktop.Keyring{Bus: bus}
	if err := k.Set(soon(t), "farm", "nr_secret"); err != nil {
		t.Fatal(err)
	}
	for why, change := range map[string]func(*desktoptest.Secrets){
		"it is locked":             func(s *desktoptest.Secrets) { s.Locked = true },
		"the desktop has none yet": func(s *desktoptest.Secrets) { s.None = true },
	} {
		s.Do(change)
		for what, err := range each(soon(t), k) {
			t.Run(what, func(t *testing.T) { unusable(t, err, why) })
		}
		s.Do(func(s *desktoptest.Secrets) { s.Locked, s.None = false, false })
	}
	s.Do(func(s *desktoptest.Secrets) { s.Prompts = true })
	unusable(t, k.Set(soon(t), "farm", "nr_other"), "wants to ask")
	unusable(t, k.Delete(soon(t), "farm"), "wants to ask")
	s.Do(func(s *desktoptest.Secrets) {
		if s.Asked != 0 {
			t.Errorf("somebody was asked %d times", s.Asked)
		}
	})
	if got, err := k.Get(soon(t), "farm"); got != "nr_secret" || err != nil {
		t.Errorf("the secret is %q, %v", got, err)
	}
}

// TestAKeyringThatHangs: whoever asks waits as long as he said and no longer, whatever does not answer.
func TestAKeyringThatHangs(t *testing.T) {
	t.Parallel()
	bus := desktoptest.Bus(t, exec.Command)
	s := desktoptest.NewSecrets(t, bus)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	s.Do(func(s *desktoptest.Secrets) { s.Hangs = over })
	silent := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", silent)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, at := range map[string]string{"service": bus, "bus": "unix:path=" + silent} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		began := time.Now()
		for what, err := range each(ctx, desktop.Keyring{Bus: at}) {
			t.Run(name+" "+what, func(t *testing.T) { unusable(t, err, "it does not answer") })
		}
		cancel()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: %s", name, took)
		}
	}
}

func TestNoKeyring(t *testing.T) {
	t.Parallel()
	marks := filepath.Join(t.TempDir(), "started")
	for _, bus := range []string{"", "unix:path=/nowhere/bus", "autolaunch:", "unixexec:path=/bin/touch,argv1=" + marks, "junk"} {
		for what, err := range each(soon(t), desktop.Keyring{Bus: bus}) {
			t.Run(what, func(t *testing.T) { unusable(t, err, "no desktop session") })
		}
	}
	if _, err := os.Stat(marks); err == nil {
		t.Error("a program was started to have a bus")
	}
	bus := desktoptest.Bus(t, exec.Command)
	for what, err := range each(soon(t), desktop.Keyring{Bus: bus}) {
		t.Run(what, func(t *testing.T) { unusable(t, err, "this desktop has none") })
	}
}

// TestGnomeKeyring: the same with the keyring of most desktops.
func TestGnomeKeyring(t *testing.T) {
	t.Parallel()
	daemon, err := exec.LookPath("gnome-keyring-daemon")
	if err != nil {
		t.Skip("no gnome-keyring-daemon; its stand-in is tested")
	}
	bus := desktoptest.Bus(t, exec.Command)
	home := t.TempDir()
	cmd := exec.Command(daemon, "--foreground", "--unlock", "--components=secrets", "--control-directory="+home)
	cmd.Env = []string{"HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_RUNTIME_DIR=" + home, "DBUS_SESSION_BUS_ADDRESS=" + bus, "PATH=" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader("password")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	k := desktop.Keyring{Bus: bus}
	for deadline := time.Now().Add(20 * time.Second); k.Check(soon(t)) != nil; <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(k.Check(soon(t)))
		}
	}
	works(t, k)
	c, err := dbus.Connect(bus)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	secrets := c.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	var own dbus.ObjectPath
	if err := secrets.Call("org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&own); err != nil {
		t.Fatal(err)
	}
	if err := secrets.Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{own}).Err; err != nil {
		t.Fatal(err)
	}
	for what, err := range each(soon(t), k) {
		t.Run(what, func(t *testing.T) { unusable(t, err, "it is locked") })
	}
}

// TestNotify: the text arrives as it is, whatever it holds.
func TestNotify(t *testing.T) {
	t.Parallel()
	bus := desktoptest.Bus(t, exec.Command)
	unusable(t, desktop.Notify(soon(t), bus, "nobody shows it"), "has none")
	unusable(t, desktop.Notify(soon(t), "", "nobody shows it"), "no desktop session")
	shown := desktoptest.Notes(t, bus)
	for _, text := range []string{"Job 1 (shot) is done", `"; rm -rf /; $(id) <b>bold</b> -- ü` + "\n%s"} {
		if err := desktop.Notify(soon(t), bus, text); err != nil {
			t.Fatal(err)
		}
		if got := <-shown; got != [3]string{"Netrender", text, ""} {
			t.Errorf("%q is shown", got)
		}
	}
}
