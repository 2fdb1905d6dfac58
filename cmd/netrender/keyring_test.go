//go:build !windows && !darwin

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/desktop/desktoptest"
)

// seat is a machine at which a person sits, with a keyring, and a farm elsewhere.
type seat struct {
	*underTest
	home string
	ring *desktoptest.Secrets
}

func sitDown(t *testing.T) *seat {
	t.Helper()
	bus := desktoptest.Bus(t, exec.Command)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", bus)
	t.Setenv("NETRENDER_KEYRING", keyringAuto)
	return &seat{startFarm(t), t.TempDir(), desktoptest.NewSecrets(t, bus)}
}

// pair asks to be let in, and is let in where a code is shown; asked tells whether one was.
func (s *seat) pair(words ...string) (asked bool) {
	s.t.Helper()
	p := begin(s.t, s.ctx, append([]string{"pair", "--json", "--master", s.client.Address(), "--data", s.home}, words...)...)
	var code struct{ Code string }
	waitFor(s.t, "a code is shown or none is needed", func() bool { return strings.HasSuffix(p.out.String(), "}\n") })
	first, _, _ := strings.Cut(p.out.String(), "\n")
	if err := json.Unmarshal([]byte(first), &code); err != nil {
		s.t.Fatal(err)
	}
	if code.Code != "" {
		s.ok("pair accept " + code.Code)
	}
	if exit := <-p.done; exit != exitDone {
		s.t.Fatalf("pair ends with %d: %s", exit, p.err.String())
	}
	return code.Code != ""
}

// file is the file of tokens, and whether it holds one of this user.
func (s *seat) file() (f knownFarm, text string) {
	s.t.Helper()
	path := filepath.Join(s.home, tokensFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		s.t.Errorf("the file: %v %v", info.Mode(), err)
	}
	known := knownFarms{}
	if err := json.Unmarshal(raw, &known); err != nil || len(known) != 1 {
		s.t.Fatal(err, known)
	}
	for _, f = range known {
	}
	return f, string(raw)
}

func (s *seat) jobs() string { return "jobs --master " + s.client.Address() + " --data " + s.home }

// inRing checks that the token is in the keyring alone, and works.
func (s *seat) inRing() {
	s.t.Helper()
	f, text := s.file()
	if f.Token != "" || f.Ring == "" {
		s.t.Errorf("the file holds %s", text)
	}
	for _, token := range s.ring.Values() {
		if strings.Contains(text, token) {
			s.t.Errorf("the keyring's token is in the file, too: %s", text)
		}
	}
	s.ok(s.jobs())
}

// inFile checks that it is in the file, and works.
func (s *seat) inFile() {
	s.t.Helper()
	if f, text := s.file(); f.Token == "" || f.Ring != "" {
		s.t.Errorf("the file holds %s", text)
	}
	s.ok(s.jobs())
}

// TestTheKeyringHasTheToken of a person, and no token of a worker; the doctor tells where it is.
func TestTheKeyringHasTheToken(t *testing.T) {
	s := sitDown(t)
	s.pair("--role", "worker")
	if list := s.ring.Values(); len(list) != 0 {
		t.Errorf("the keyring has a worker's token: %q", list)
	}
	if !s.pair() {
		t.Error("no code was shown")
	}
	s.inRing()
	list := s.ring.Values()
	if len(list) != 1 || !strings.HasPrefix(list[0], "nr_") {
		t.Errorf("the keyring has %q", list)
	}
	f, _ := s.file()
	if f.Worker == "" || f.Worker == list[0] {
		t.Errorf("the worker's token: %+v", f)
	}
	if s.pair() {
		t.Error("it asks again although it is let in")
	}
	if !s.pair("--again") {
		t.Error("it does not ask again when it is told to")
	}
	s.inRing()
	if again := s.ring.Values(); len(again) != 1 || again[0] == list[0] {
		t.Errorf("after --again the keyring has %q, before %q", again, list)
	}
	said := map[string][]finding{}
	out, _, _ := command(t, "doctor", "--quick", "--blender", "/nowhere/blender", "--json", "--master", s.client.Address(), "--data", s.home)
	for _, f := range lines[finding](t, out) {
		said[f.What] = append(said[f.What], f)
	}
	contains(t, said["keyring"][0].Text, "in the system's keyring")
	contains(t, said["token"][0].Text, "(submit)", "in the system's keyring")
	contains(t, said["token"][1].Text, "(worker)", tokensFile)
	s.ring.Do(func(r *desktoptest.Secrets) { r.Items = nil })
	contains(t, s.fails(exitReach, s.jobs()), "not in the system's keyring any more", "netrender pair")
}

// TestALockedKeyring opens no dialog: what is new goes into the file, what is in the keyring is named, and both are said
// at once. It moves when the person asks to be let in the next time.
func TestALockedKeyring(t *testing.T) {
	s := sitDown(t)
	lock := func(locked bool) { s.ring.Do(func(r *desktoptest.Secrets) { r.Locked = locked }) }
	lock(true)
	s.pair()
	s.inFile()
	out, _, _ := command(t, "doctor", "--quick", "--blender", "/nowhere/blender", "--master", s.client.Address(), "--data", s.home)
	contains(t, out, "keyring is not used (it is locked)", "the token is in "+filepath.Join(s.home, tokensFile))
	lock(false)
	s.inFile() // nothing moves by itself
	before, _ := s.file()
	if s.pair() {
		t.Error("it asks again although it is let in")
	}
	s.inRing()
	if list := s.ring.Values(); len(list) != 1 || list[0] != before.Token {
		t.Errorf("the keyring has %q, the file had %q", list, before.Token)
	}
	lock(true)
	contains(t, s.fails(exitReach, s.jobs()), "in the system's keyring", "it is locked", "netrender pair asks for another one")
	if !s.pair() {
		t.Error("it does not ask for another token")
	}
	s.inFile()
	s.ring.Do(func(r *desktoptest.Secrets) {
		if r.Asked != 0 {
			t.Errorf("somebody was asked %d times", r.Asked)
		}
	})
}

// TestNotify: what is shown is what was given, and that nobody shows it is said.
func TestNotify(t *testing.T) {
	bus := desktoptest.Bus(t, exec.Command)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", bus)
	_, errs, code := command(t, "desktop-notify", "--", "nobody shows it")
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
	contains(t, errs, "no notification can be shown")
	shown := desktoptest.Notes(t, bus)
	for _, text := range []string{"Job 1 (shot) is done", `"; rm -rf ~; $(reboot)` + "`id`\n", "--json", ""} {
		if _, errs, code := command(t, "desktop-notify", "--", text); code != exitDone {
			t.Fatalf("exit %d: %s", code, errs)
		}
		if got := <-shown; got != [3]string{"Netrender", text, ""} {
			t.Errorf("%q is shown", got)
		}
	}
}

// TestTheKeyringTurnedOff is not touched.
func TestTheKeyringTurnedOff(t *testing.T) {
	s := sitDown(t)
	s.pair()
	s.inRing()
	t.Setenv("NETRENDER_KEYRING", keyringOff)
	contains(t, s.fails(exitReach, s.jobs()), "turned off")
	list := s.ring.Values()
	s.pair()
	s.inFile()
	if after := s.ring.Values(); len(after) != 1 || after[0] != list[0] {
		t.Errorf("the keyring has %q", after)
	}
	if errs := s.fails(exitUsage, s.jobs()+" --keyring maybe"); !strings.Contains(errs, "auto or off") {
		t.Error(errs)
	}
}

// TestAKeyringThatHangs costs its time limit, once.
func TestAKeyringThatHangs(t *testing.T) {
	looks, opens := keyringLooks, keyringOpens
	keyringLooks, keyringOpens = 50*time.Millisecond, 50*time.Millisecond
	t.Cleanup(func() { keyringLooks, keyringOpens = looks, opens })
	s := sitDown(t)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	s.ring.Do(func(r *desktoptest.Secrets) { r.Hangs = over })
	s.pair()
	s.inFile()
	s.ring.Do(func(r *desktoptest.Secrets) { r.Hangs = nil })
	s.pair()
	s.inRing()
	s.ring.Do(func(r *desktoptest.Secrets) { r.Hangs = over })
	contains(t, s.fails(exitReach, s.jobs()), "it does not answer")
}

// TestATokenIsInOnePlace: a keyring that keeps the token and says so too late loses it again, and so does one whose token
// nothing could be noted of.
func TestATokenIsInOnePlace(t *testing.T) {
	looks := keyringLooks
	keyringLooks = 300 * time.Millisecond
	t.Cleanup(func() { keyringLooks = looks })
	s := sitDown(t)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	s.ring.Do(func(r *desktoptest.Secrets) { r.Mute = over })
	s.pair()
	s.inFile()
	if list := s.ring.Values(); len(list) != 0 {
		t.Errorf("the keyring has the token, too: %q", list)
	}
	s.ring.Do(func(r *desktoptest.Secrets) { r.Mute = nil })
	a := &app{settings: settings{keyring: keyringAuto, data: filepath.Join(s.home, "gone")}}
	if err := os.Symlink("nowhere", a.settings.data); err != nil { // there is nothing to read, and nothing can be written
		t.Fatal(err)
	}
	if err := a.giveUser("farm", "nr_token", func(*knownFarm) {}); err == nil {
		t.Error("the token was noted where nothing can be")
	}
	if list := s.ring.Values(); len(list) != 0 {
		t.Errorf("the keyring has a token that nothing knows of: %q", list)
	}
}
