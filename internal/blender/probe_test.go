//go:build unix

package blender

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An answer is kept until something changes that it depends on, and not for ever.
func TestProbeAsksAgain(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	count := filepath.Join(dir, "asked")
	path := write("blender", `#!/bin/sh
echo >> `+count+`
for last; do :; done
echo '{"version":"3.4.1"}' > "$last"
`)
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	p := Prober{Runner: testRunner(t), Home: t.TempDir(), Cache: t.TempDir(), Environ: os.Environ(), Xvfb: filepath.Join(dir, "Xvfb")}
	asked := 0
	probe := func(what string, again bool) {
		t.Helper()
		if _, err := p.Probe(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		if again {
			asked++
		}
		if text, _ := os.ReadFile(count); strings.Count(string(text), "\n") != asked {
			t.Errorf("%s: asked %d times instead of %d", what, strings.Count(string(text), "\n"), asked)
		}
	}
	age := func(path string, by time.Duration) {
		t.Helper()
		then := time.Now().Add(-by)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	probe("new", true)
	probe("known", false)
	xvfb := write("Xvfb", "")
	probe("with a virtual display", true)
	probe("known", false)
	age(xvfb, time.Hour)
	probe("another virtual display", true)
	p.Xvfb = ""
	probe("the one on PATH", true)
	os.Remove(xvfb)
	probe("without", true)
	write("Xvfb", "")
	probe("there again", true)
	kept, _ := filepath.Glob(filepath.Join(p.Cache, "*"))
	for _, k := range kept {
		age(k, 8*24*time.Hour)
	}
	probe("old", true)
	probe("known", false)
	age(path, time.Hour)
	probe("another Blender", true)
}
