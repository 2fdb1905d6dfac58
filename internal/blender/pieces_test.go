package blender

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseStatus(t *testing.T) {
	for line, want := range map[string]Progress{
		"Fra:1 Mem:22.50M (Peak 23.01M) | Time:00:01.03 | Remaining:00:03.20 | Mem:1.20M, Peak:2.00M | Scene, ViewLayer | Sample 12/64": {
			Frame: 1, Sample: 12, Samples: 64, Elapsed: 1030 * time.Millisecond, Remaining: 3200 * time.Millisecond,
			Memory: 23592960, Peak: 24127733, Text: "Scene, ViewLayer | Sample 12/64",
		},
		"Fra:-12 Mem:9.18M (Peak 10.30M) | Time:01:02:03.50 | Compositing": {
			Frame: -12, Elapsed: time.Hour + 2*time.Minute + 3500*time.Millisecond, Memory: 9625927, Peak: 10800332, Text: "Compositing",
		},
		"Remaining: 04:06:56.30 | Mem: 10M | Sample 1/100000": {
			Sample: 1, Samples: 100000, Remaining: 4*time.Hour + 6*time.Minute + 56300*time.Millisecond, Memory: 10 << 20, Text: "Sample 1/100000",
		},
		"Fra:3 Mem:100.00M (Peak 1.50G) | Time:00:00.50 | Rendering 3 / 64 samples": {
			Frame: 3, Sample: 3, Samples: 64, Elapsed: 500 * time.Millisecond, Memory: 100 << 20, Peak: 3 << 29, Text: "Rendering 3 / 64 samples",
		},
	} {
		got, ok := ParseStatus(line)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s (%v): %s", line, ok, diff)
		}
	}
	for _, line := range []string{"", "Saved: '/tmp/0001.png'", "Blender quit", "Framework", "12/64"} {
		if p, ok := ParseStatus(line); ok {
			t.Errorf("%q was taken for %+v", line, p)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add("Fra:1 Mem:22.50M (Peak 23.01M) | Time:00:01.03 | Remaining:00:03.20 | Mem:1.20M, Peak:2.00M | Scene, ViewLayer | Sample 12/64")
	f.Add("Remaining: 04:06:56.30 | Mem: 10M | Sample 1/100000")
	f.Add("Fra:-999999999 Time:9999:9999:99.999 Mem:999999999.999G")
	f.Fuzz(func(t *testing.T, line string) {
		p, ok := ParseStatus(line)
		if !ok && !reflect.DeepEqual(p, Progress{}) {
			t.Errorf("not understood, and yet %+v", p)
		}
		if p.Sample < 0 || p.Samples < 0 || p.Elapsed < 0 || p.Remaining < 0 || p.Memory < 0 || p.Peak < 0 || len(p.Text) > len(line) {
			t.Errorf("out of range: %+v", p)
		}
	})
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte("{\"event\":\"hello\"}\n{\"id\":1,\"ok\":{}}\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReader(bytes.NewReader(data))
		for {
			if _, err := readMessage(r); err != nil {
				return
			}
		}
	})
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte("a line\r\n\xff\xfe\nFra:1 Mem:1M\n\x1emark 7\nhalf"), 3)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		if step < 1 {
			step = 1
		}
		var log lockedBuffer
		j := newJournal("\x1emark ", &log, func(string) {})
		j.read(io.MultiReader(&chunks{data: data, step: step}))
		<-j.change(nil)
		text := log.String()
		if !utf8.ValidString(text) {
			t.Errorf("the log is not UTF-8: %q", text)
		}
		if strings.Contains(text, "\x1emark ") && len(data) < lineBytes {
			t.Errorf("a mark is left in the log: %q", text)
		}
	})
}

// chunks reads in pieces of step bytes.
type chunks struct {
	data []byte
	step int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[:min(c.step, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func TestEnvironment(t *testing.T) {
	home := t.TempDir()
	env := environment([]string{"PATH=/bin", "NETRENDER_TOKEN=x", "AWS_SECRET=y", "HOME=/root", "lc_all=C", "CUDA_VISIBLE_DEVICES=1", "broken"},
		home, filepath.Join(home, "t"), []string{"DISPLAY=:7"})
	for name, want := range map[string]string{
		"PATH": "/bin", "NETRENDER_TOKEN": "", "AWS_SECRET": "", "HOME": home, "lc_all": "C",
		"CUDA_VISIBLE_DEVICES": "1", "TMPDIR": filepath.Join(home, "t"), "DISPLAY": ":7",
	} {
		if got := lookup(env, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no execute bits on Windows")
	}
	home := t.TempDir()
	program := func(names ...string) string {
		path := filepath.Join(append([]string{home}, names...)...)
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b := program("blender-4.2", "blender"), program("blender-4.5", "blender")
	python := program("venv", "bin", "python")
	plain := filepath.Join(home, "scene.blend")
	os.WriteFile(plain, nil, 0o600)
	got, missing := Search{OnlyNamed: true, Named: []string{b + string(filepath.ListSeparator) + filepath.Dir(a), filepath.Join(home, "venv"), b, plain, "/nowhere"}}.Find()
	if diff := cmp.Diff([]string{b, a, python}, got); diff != "" {
		t.Error(diff)
	}
	if len(missing) != 2 {
		t.Errorf("missing: %v", missing)
	}
	t.Setenv("PATH", filepath.Dir(a))
	got, _ = Search{Home: home}.Find()
	if runtime.GOOS == "linux" && (got[0] != a || !slices.Contains(got, b)) {
		t.Errorf("found %v", got)
	}
}

func TestKindOf(t *testing.T) {
	for path, want := range map[string]InstallKind{
		"/usr/bin/blender": Executable, "/v/bin/python": Module, "/v/bin/python3.11": Module, "python.exe": Module,
		"/opt/pythonic/blender-4": Executable, "/opt/python-blender": Executable,
	} {
		if got := kindOf(path); got != want {
			t.Errorf("%s is %s", path, got)
		}
	}
}

func TestParseRunArgs(t *testing.T) {
	r, err := parseRunArgs([]string{"--fds", "2", "--fence", "/f", "--", "blender", "--", "x"})
	if err != nil || r.fds != 2 || r.fence != "/f" || r.enter != "" || !slices.Equal(r.argv, []string{"blender", "--", "x"}) {
		t.Errorf("%+v %v", r, err)
	}
	for _, bad := range [][]string{nil, {"--"}, {"--fds"}, {"--fds", "-1", "--", "x"}, {"--fds", "many", "--", "x"}, {"blender"}, {"--fence"}, {"--enter", "/f"}} {
		if _, err := parseRunArgs(bad); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func TestXauthority(t *testing.T) {
	want := "\xff\xff\x00\x00\x00\x00\x00\x12MIT-MAGIC-COOKIE-1\x00\x03key"
	if got := string(xauthority([]byte("key"))); got != want {
		t.Errorf("%q", got)
	}
}
