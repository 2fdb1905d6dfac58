package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netrender/netrender/addon"
)

// foreign builds a small program of the name netrender for a platform.
func foreign(t *testing.T, p addon.Platform) []byte {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string]string{"go.mod": "module example.com/cmd/netrender\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	goos, goarch, _ := strings.Cut(string(p), "-")
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", "out", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOWORK=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	text, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// put writes a file and the folders above it.
func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
}

// other is a platform that this one is not.
func other() addon.Platform {
	if thisPlatform == "windows-amd64" {
		return "linux-amd64"
	}
	return "windows-amd64"
}

func TestProgramsForOtherPlatforms(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program for another platform")
	}
	data, p := t.TempDir(), other()
	var said bytes.Buffer
	s := newAddonStore(data, slog.New(slog.NewTextHandler(&said, nil)))
	s.cache, s.farm = filepath.Join(data, "addon"), "0123"
	here := func() bool {
		for _, one := range s.Platforms() {
			if one.ID == string(p) {
				return one.Here
			}
		}
		return false
	}
	if here() {
		t.Fatal("a program is there that is not")
	}
	if _, err := s.Zip(t.Context(), string(p), ""); err == nil || !strings.Contains(err.Error(), "there is no program for "+p.Title()) {
		t.Errorf("its zip: %v", err)
	}
	plain := filepath.Join(data, programsDir, namesOf(p)[1])
	put(t, plain, []byte("no program"))
	if first, second := here(), here(); first || second {
		t.Error("any file is taken for a program")
	}
	if n := strings.Count(said.String(), "no program for Linux, macOS or Windows"); n != 1 {
		t.Errorf("it was said %d times what is wrong:\n%s", n, &said)
	}
	program := foreign(t, p)
	put(t, plain, program)
	if !here() {
		t.Fatalf("the program is not found:\n%s", &said)
	}
	inside := func() []byte {
		t.Helper()
		made, err := s.Zip(t.Context(), string(p), "http://oak:8420")
		if err != nil {
			t.Fatal(err)
		}
		defer made.Close()
		var b bytes.Buffer
		if err := made.Write(&b); err != nil || int64(b.Len()) != made.Size {
			t.Fatalf("%d bytes, not %d: %v", b.Len(), made.Size, err)
		}
		in, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		f, err := in.Open("netrender/farm.json")
		if err != nil {
			t.Fatal(err)
		}
		var knows addon.Farm
		if err := json.NewDecoder(f).Decode(&knows); err != nil || knows != (addon.Farm{Master: "http://oak:8420", ID: "0123", Version: version, Platform: p}) {
			t.Errorf("the zip knows %+v, %v", knows, err)
		}
		if f, err = in.Open("netrender/bin/" + p.Exe()); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	kept := func() []string {
		names, _ := filepath.Glob(filepath.Join(s.cache, "*"))
		return names
	}
	if !bytes.Equal(inside(), program) {
		t.Error("another program is inside")
	}
	first := kept()
	if len(first) != 1 {
		t.Fatalf("the cache has %v", first)
	}
	if !bytes.Equal(inside(), program) || strings.Join(kept(), " ") != first[0] {
		t.Error("what was packed is not used again")
	}
	put(t, first[0], []byte("damaged"))
	if !bytes.Equal(inside(), program) {
		t.Error("a damaged cache is used")
	}
	// As an archive of the release unpacks: the version is known to be right, so this one is taken.
	newer := append(bytes.Clone(program), "newer"...)
	put(t, filepath.Join(data, programsDir, namesOf(p)[0]), newer)
	if !bytes.Equal(inside(), newer) {
		t.Error("the program of the release is not taken")
	}
	if names := kept(); len(names) != 1 || names[0] == first[0] {
		t.Errorf("the cache has %v", names)
	}
	// One for another platform than its name says.
	if err := os.RemoveAll(filepath.Join(data, programsDir)); err != nil {
		t.Fatal(err)
	}
	wrong := addon.Platform("linux-arm64")
	if thisPlatform == wrong {
		wrong = "darwin-arm64"
	}
	put(t, filepath.Join(data, programsDir, namesOf(wrong)[1]), program)
	if _, err := s.Zip(t.Context(), string(wrong), ""); err == nil {
		t.Error("a program is handed out for a platform that it is not for")
	}
	if !strings.Contains(said.String(), "it is the program for "+string(p)+", not for "+string(wrong)) {
		t.Errorf("the log says:\n%s", &said)
	}
	if _, err := s.Zip(t.Context(), "beos-m68k", ""); err == nil || !strings.Contains(err.Error(), "is no platform") {
		t.Errorf("a platform that is none: %v", err)
	}
}

// TestAProgramIsPackedOnce for many that ask at once, and who goes meanwhile does not wait.
func TestAProgramIsPackedOnce(t *testing.T) {
	s := newAddonStore(t.TempDir(), nil)
	s.cache = t.TempDir()
	s.own = filepath.Join(t.TempDir(), "netrender")
	put(t, s.own, bytes.Repeat([]byte("program "), 1<<20))
	s.turn <- struct{}{} // somebody packs
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.Zip(gone, string(thisPlatform), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone: %v", err)
	}
	marks := make(chan string, 8)
	for range cap(marks) {
		go func() {
			made, err := s.Zip(t.Context(), string(thisPlatform), "")
			if err != nil {
				t.Error(err)
				marks <- ""
				return
			}
			defer made.Close()
			marks <- made.Mark
		}()
	}
	<-s.turn
	first := <-marks
	kept := func() fs.FileInfo {
		t.Helper()
		names, _ := filepath.Glob(filepath.Join(s.cache, "*"))
		if len(names) != 1 {
			t.Fatalf("the cache has %v", names)
		}
		st, err := os.Stat(names[0])
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	before := kept()
	for range cap(marks) - 1 {
		if other := <-marks; other != first || other == "" {
			t.Errorf("two zips of the same differ: %q and %q", first, other)
		}
	}
	if after := kept(); !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("it was packed more than once")
	}
}

func TestTheMasterThatTheAddonIsGiven(t *testing.T) {
	pin, otherPin := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	lent := knownFarm{Token: "nr_secret", At: "http://oak:8420"}
	sealed := knownFarm{Token: "nr_secret", At: "https://elm:8420", TLS: true, Pin: pin}
	runs := &running{URL: "https://127.0.0.1:8420#" + pin, ID: "f0", Addresses: []string{"https://10.0.0.5:8420#" + pin}}
	for _, c := range []struct {
		name    string
		known   knownFarms
		running *running
		given   string
		want    string
		id      string
	}{
		{"none is known", nil, nil, "", "", ""},
		{"one let this machine in", knownFarms{"f1": lent}, nil, "", "http://oak:8420", "f1"},
		{"one that encrypts", knownFarms{"f1": sealed, "f3": {Worker: "nr_own"}}, nil, "", "https://elm:8420#" + pin, "f1"},
		{"two did", knownFarms{"f1": lent, "f2": sealed}, nil, "", "", ""},
		{"one runs here", knownFarms{"f1": lent}, runs, "", "https://10.0.0.5:8420#" + pin, "f0"},
		{"one was named", knownFarms{"f1": lent}, runs, "http://ash:8420", "http://ash:8420", ""},
		{"without saying whether it encrypts", nil, nil, "ash", "ash:8420", ""},
		{"and is known to", knownFarms{"f1": sealed}, nil, "elm", "https://elm:8420#" + pin, "f1"},
		{"with another key", knownFarms{"f1": sealed}, nil, "https://elm:8420#" + otherPin, "https://elm:8420#" + otherPin, "f1"},
	} {
		a := &app{settings: settings{data: t.TempDir()}}
		for name, v := range map[string]any{tokensFile: c.known, runningFile: c.running} {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if string(text) != "null" {
				put(t, filepath.Join(a.settings.data, name), text)
			}
		}
		at, id, err := a.masterToName(c.given)
		if err != nil || at != c.want || id != c.id {
			t.Errorf("%s: %q of %q, %v; not %q of %q", c.name, at, id, err, c.want, c.id)
		}
		if strings.Contains(at, "nr_") {
			t.Errorf("%s: a token goes with it: %s", c.name, at)
		}
	}
}

func TestTheAddonsWordsThatMakeNoSense(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "there.zip"), []byte("mine"))
	for _, c := range []struct {
		words string
		code  int
		says  string
	}{
		{"", exitUsage, "-o FILE"},
		{"-o a.zip --no-program --platform linux-amd64", exitUsage, "--no-program leaves out"},
		{"-o a.zip --no-master --master oak", exitUsage, "--no-master leaves out"},
		{"-o a.zip --platform beos", exitUsage, "is one of windows-amd64"},
		{"-o a.zip --no-program --master http://a/b", exitUsage, "is not the address of a master"},
		{"-o a.zip --program nowhere", exitFailed, "nowhere cannot be read"},
		{"-o a.zip --program addon_test.go", exitFailed, "it is no program for Linux, macOS or Windows"},
		{"-o there.zip --no-program", exitFailed, "--force replaces it"},
		{"-o lost/a.zip --no-program", exitFailed, "there is no folder"},
	} {
		words := []string{"addon", "--data", t.TempDir()}
		for _, w := range strings.Fields(c.words) {
			if strings.HasSuffix(w, ".zip") {
				w = filepath.Join(dir, w)
			}
			words = append(words, w)
		}
		var said bytes.Buffer
		if code := runContext(t.Context(), words, streams{strings.NewReader(""), &said, &said}); code != c.code || !strings.Contains(said.String(), c.says) {
			t.Errorf("netrender addon %s: exit %d, %s", c.words, code, &said)
		}
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 {
		t.Errorf("something was left: %v", names)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "there.zip")); string(text) != "mine" {
		t.Error("a file was replaced that was there")
	}
}
