//go:build !windows && !darwin

// Package desktoptest is a desktop for tests: a bus of their own, a keyring and notifications on it.
package desktoptest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// busConfig lets everybody on the bus do everything. No service is started by being asked for.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=BUS</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
`

// Bus starts a bus and returns its address; command is exec.Command. The test is skipped where there is no dbus-daemon.
func Bus(t testing.TB, command func(name string, args ...string) *exec.Cmd) string {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("no dbus-daemon to make a bus with")
	}
	dir, err := os.MkdirTemp("", "bus-*") // the test's own folder may be too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	at, config := filepath.Join(dir, "bus"), filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, []byte(strings.Replace(busConfig, "BUS<", at+"<", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := command(daemon, "--config-file="+config, "--nofork", "--nopidfile", "--print-address")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil { // it listens when it says so
		t.Fatal(err)
	}
	return "unix:path=" + at
}

// Join connects to a bus under a name of its own.
func Join(t testing.TB, bus, name string) *dbus.Conn {
	t.Helper()
	c, err := dbus.Connect(bus)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if reply, err := c.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	return c
}

// Secrets is a Secret Service with one collection. Its fields may be changed by Do only.
type Secrets struct {
	mu      sync.Mutex
	Locked  bool
	None    bool                         // there is no collection
	Prompts bool                         // whatever changes something has to be allowed by a person
	Asked   int                          // how often a person was
	Hangs   chan struct{}                // it answers nothing until that is closed
	Mute    chan struct{}                // it keeps what it is given, and does not say so until that is closed
	Items   map[dbus.ObjectPath]FakeItem // what it keeps
	made    int
}

// FakeItem is a secret that is kept.
type FakeItem struct {
	Attributes map[string]string
	Value      string
}

type fakeSecret struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

// NewSecrets puts a keyring on a bus.
func NewSecrets(t testing.TB, bus string) *Secrets {
	t.Helper()
	const root, is = dbus.ObjectPath("/org/freedesktop/secrets"), "org.freedesktop.Secret."
	const own, prompt = root + "/collection/login", root + "/prompt/p1"
	c := Join(t, bus, "org.freedesktop.secrets")
	s := &Secrets{Items: map[dbus.ObjectPath]FakeItem{}}
	lock := func() func() {
		s.mu.Lock()
		hangs := s.Hangs
		s.mu.Unlock()
		if hangs != nil {
			<-hangs
		}
		s.mu.Lock()
		return s.mu.Unlock
	}
	isLocked := func() *dbus.Error { return dbus.NewError(is+"Error.IsLocked", []any{"locked"}) }
	for _, table := range []struct {
		path    dbus.ObjectPath
		iface   string
		methods map[string]any
		below   bool
	}{
		{root, "Service", map[string]any{
			"ReadAlias": func(string) (dbus.ObjectPath, *dbus.Error) {
				defer lock()()
				if s.None {
					return "/", nil
				}
				return own, nil
			},
			"OpenSession": func(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
				defer lock()()
				return dbus.MakeVariant(""), root + "/session/s1", nil
			},
			"SearchItems": func(want map[string]string) (open, locked []dbus.ObjectPath, _ *dbus.Error) {
				defer lock()()
				for path, item := range s.Items {
					if item.Attributes["username"] == want["username"] && item.Attributes["service"] == want["service"] {
						open = append(open, path)
					}
				}
				if s.Locked {
					return nil, open, nil
				}
				return open, nil, nil
			},
			"Unlock": func([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) { // as desktops do: a dialog
				defer lock()()
				s.Asked++
				return nil, prompt, nil
			},
		}, false},
		{own, "Collection", map[string]any{
			"CreateItem": func(p map[string]dbus.Variant, given fakeSecret, _ bool) (dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
				unlock := lock()
				mute := s.Mute
				defer func() {
					if unlock(); mute != nil {
						<-mute
					}
				}()
				if s.Locked {
					return "/", "/", isLocked()
				}
				if s.Prompts {
					return "/", prompt, nil
				}
				attributes, _ := p[is+"Item.Attributes"].Value().(map[string]string)
				for path, item := range s.Items {
					if item.Attributes["username"] == attributes["username"] {
						delete(s.Items, path)
					}
				}
				s.made++
				path := own + dbus.ObjectPath("/"+strconv.Itoa(s.made))
				s.Items[path] = FakeItem{attributes, string(given.Value)}
				return path, "/", nil
			},
		}, false},
		{own, "Item", map[string]any{
			"GetSecret": func(m dbus.Message, session dbus.ObjectPath) (fakeSecret, *dbus.Error) {
				defer lock()()
				if s.Locked {
					return fakeSecret{}, isLocked()
				}
				path, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
				return fakeSecret{Session: session, Parameters: []byte{}, Value: []byte(s.Items[path].Value), ContentType: "text/plain"}, nil
			},
			"Delete": func(m dbus.Message) (dbus.ObjectPath, *dbus.Error) {
				defer lock()()
				if s.Prompts {
					return prompt, nil
				}
				path, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
				delete(s.Items, path)
				return "/", nil
			},
		}, true},
		{prompt, "Prompt", map[string]any{
			"Prompt":  func(string) *dbus.Error { defer lock()(); s.Asked++; return nil },
			"Dismiss": func() *dbus.Error { return nil },
		}, false},
	} {
		export := c.ExportMethodTable
		if table.below {
			export = c.ExportSubtreeMethodTable
		}
		if err := export(table.methods, table.path, is+table.iface); err != nil {
			t.Fatal(err)
		}
	}
	err := c.ExportMethodTable(map[string]any{"Get": func(string, string) (dbus.Variant, *dbus.Error) {
		defer lock()()
		return dbus.MakeVariant(s.Locked), nil
	}}, own, "org.freedesktop.DBus.Properties")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Do looks at the keyring or changes it.
func (s *Secrets) Do(do func(*Secrets)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(s)
}

// Values are the secrets that it keeps.
func (s *Secrets) Values() (list []string) {
	s.Do(func(s *Secrets) {
		for _, item := range s.Items {
			list = append(list, item.Value)
		}
	})
	return list
}

// Notes puts notifications on a bus. What is shown comes by the channel: program, title, text.
func Notes(t testing.TB, bus string) <-chan [3]string {
	t.Helper()
	shown := make(chan [3]string, 10)
	c := Join(t, bus, "org.freedesktop.Notifications")
	err := c.ExportMethodTable(map[string]any{
		"Notify": func(program string, _ uint32, _, title, text string, _ []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
			shown <- [3]string{program, title, text}
			return 1, nil
		},
	}, "/org/freedesktop/Notifications", "org.freedesktop.Notifications")
	if err != nil {
		t.Fatal(err)
	}
	return shown
}
