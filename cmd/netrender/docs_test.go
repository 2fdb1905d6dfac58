package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func TestPagesAreFresh(t *testing.T) {
	dir := t.TempDir()
	if _, errs, code := command(t, "docs", dir); code != 0 {
		t.Fatal(errs)
	}
	for name := range docPages {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("docs/%s is not what the commands say; run go run ./cmd/netrender docs docs", name)
		}
	}
}

func TestExampleSettings(t *testing.T) {
	file := map[string]any{}
	if err := toml.Unmarshal([]byte(exampleSettings), &file); err != nil {
		t.Fatal(err)
	}
	a := &app{streams: streams{}}
	if err := unknownSettings(a.root(), file, "example"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"worker", "render"} {
		c, _, err := a.root().Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		if err := setFlags(c, file, "example"); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryCommandIsExplained(t *testing.T) {
	out, _, code := command(t, "help")
	if code != 0 {
		t.Fatal("help failed")
	}
	if strings.Contains(out, "Additional Commands") {
		t.Errorf("some commands belong to no group:\n%s", out)
	}
	a := &app{streams: streams{}}
	for _, c := range a.root().Commands() {
		if c.Hidden {
			continue
		}
		if strings.HasSuffix(c.Short, ".") || c.Short == "" {
			t.Errorf("%s: %q", c.Name(), c.Short)
		}
		if out, errs, code := command(t, c.Name(), "--help"); code != 0 || !strings.Contains(out, "netrender "+c.Name()) {
			t.Errorf("%s --help: exit %d\n%s%s", c.Name(), code, out, errs)
		}
		byName, _, _ := command(t, "help", c.Name())
		byFlag, _, _ := command(t, c.Name(), "--help")
		if byName != byFlag {
			t.Errorf("help %s and %s --help differ", c.Name(), c.Name())
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range shells {
		if out, errs, code := command(t, "completion", shell); code != 0 || !strings.Contains(out, "netrender") {
			t.Errorf("%s: exit %d %s", shell, code, errs)
		}
	}
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"ren"}, "render\t"},
		{[]string{"render", "--ord"}, "--order\t"},
		{[]string{"completion", "f"}, "fish\n"},
		{[]string{"help", "tok"}, "token\t"},
		{[]string{"token", "cr"}, "create\t"},
	} {
		out, _, code := command(t, append([]string{"__complete"}, c.words...)...)
		if code != 0 || !strings.HasPrefix(out, c.want) {
			t.Errorf("%q is completed with %q", c.words, out)
		}
	}
}
