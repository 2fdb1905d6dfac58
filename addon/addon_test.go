package addon

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func packed(t *testing.T, p Platform, program string) *zip.File {
	t.Helper()
	var b bytes.Buffer
	if err := Pack(&b, p, strings.NewReader(program)); err != nil {
		t.Fatal(err)
	}
	f, err := Packed(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func written(t *testing.T, z Zip) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := z.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func opened(t *testing.T, text []byte) map[string]*zip.File {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*zip.File{}
	for _, f := range in.File {
		if all[f.Name] != nil {
			t.Errorf("%s is there twice", f.Name)
		}
		all[f.Name] = f
	}
	return all
}

func read(t *testing.T, f *zip.File) string {
	t.Helper()
	if f == nil {
		t.Fatal("a file is not there")
	}
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r) // which compares the CRC
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAZipHoldsTheAddonTheProgramAndTheFarm(t *testing.T) {
	program := strings.Repeat("the program ", 10_000)
	for platform, want := range map[Platform]string{
		"linux-amd64": `["linux-x64"]`, "linux-arm64": `["linux-arm64"]`, "darwin-arm64": `["macos-arm64"]`, "darwin-amd64": `["macos-x64"]`,
		"windows-amd64": `["windows-x64", "windows-arm64"]`,
	} {
		z := Zip{Version: "1.2.3", Master: "https://10.0.0.5:8420#pin", Farm: "0123", Program: packed(t, platform, program)}
		files := opened(t, written(t, z))
		for name, f := range files {
			if !strings.HasPrefix(name, "netrender/") || strings.Contains(name, "__pycache__") {
				t.Errorf("%s is in the zip", name)
			}
			mode := fs.FileMode(0o644)
			if strings.Contains(name, "/bin/") {
				mode = 0o755
			}
			if at := f.Modified.UTC(); at.Year() != 1980 || at.YearDay() != 1 {
				t.Errorf("%s is of %s: the bytes would depend on when they are written", name, at)
			}
			if f.Mode() != mode {
				t.Errorf("%s has the mode %s", name, f.Mode())
			}
		}
		exe := "netrender/bin/netrender"
		if platform == "windows-amd64" {
			exe += ".exe"
		}
		if read(t, files[exe]) != program {
			t.Errorf("%s: the program is another one", platform)
		}
		manifest := read(t, files["netrender/blender_manifest.toml"])
		for _, line := range []string{`version = "1.2.3"`, "platforms = " + want, `id = "netrender"`} {
			if !slices.Contains(strings.Split(manifest, "\n"), line) {
				t.Errorf("the manifest lacks %s:\n%s", line, manifest)
			}
		}
		if strings.Index(manifest, "platforms") > strings.Index(manifest, "[permissions]") {
			t.Error("the platforms became a permission")
		}
		if info := read(t, files["netrender/__init__.py"]); !strings.Contains(info, `    "version": (1, 2, 3),`+"\n") {
			t.Errorf("bl_info has another version:\n%s", info)
		}
		var farm Farm
		if err := json.Unmarshal([]byte(read(t, files["netrender/farm.json"])), &farm); err != nil {
			t.Fatal(err)
		}
		if farm != (Farm{Master: z.Master, ID: "0123", Version: "1.2.3", Platform: platform}) {
			t.Errorf("the farm is %+v", farm)
		}
	}
}

func TestAZipWithoutAProgramIsForEveryPlatform(t *testing.T) {
	files := opened(t, written(t, Zip{Version: "1.2.3"}))
	if text := read(t, files["netrender/blender_manifest.toml"]); strings.Contains(text, "platforms") {
		t.Errorf("the manifest names platforms:\n%s", text)
	}
	if text := read(t, files["netrender/farm.json"]); text != "{\n  \"version\": \"1.2.3\"\n}\n" {
		t.Errorf("farm.json is %s", text)
	}
	for name := range files {
		if strings.Contains(name, "/bin/") {
			t.Errorf("%s is in it", name)
		}
	}
}

func TestTheSameZipHasTheSameBytes(t *testing.T) {
	make := func(master string) []byte {
		return written(t, Zip{Version: "1.2.3", Master: master, Program: packed(t, "linux-amd64", strings.Repeat("x", 1<<20))})
	}
	if !bytes.Equal(make("http://oak:8420"), make("http://oak:8420")) {
		t.Error("two zips of the same differ")
	}
	if bytes.Equal(make("http://oak:8420"), make("http://elm:8420")) {
		t.Error("zips with other masters are alike")
	}
}

// TestEverySourceIsInTheZip: a folder that the embedding does not name would be left out without a word.
func TestEverySourceIsInTheZip(t *testing.T) {
	files := opened(t, written(t, Zip{Version: "1.2.3"}))
	err := filepath.WalkDir("netrender", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (strings.HasPrefix(d.Name(), "__") || d.Name() == "tests") {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), ".") && files[filepath.ToSlash(name)] == nil {
			t.Errorf("%s is not in the zip: addon.go must name its folder", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheLicenceIsThatOfTheProgram(t *testing.T) {
	ours, err := os.ReadFile("../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if read(t, opened(t, written(t, Zip{Version: "1.2.3"}))["netrender/LICENSE"]) != string(ours) {
		t.Error("they differ")
	}
}

// TestTheManifestKeepsBlendersRules: what Blender's own checker asks of texts (package extension validate).
func TestTheManifestKeepsBlendersRules(t *testing.T) {
	text, err := os.ReadFile("netrender/blender_manifest.toml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^(tagline|network|files) = "(.*)"$`).FindAllStringSubmatch(string(text), -1) {
		found++
		if last := m[2][len(m[2])-1:]; len(m[2]) > 64 || !regexp.MustCompile(`[0-9A-Za-z)\]}]`).MatchString(last) {
			t.Errorf("%s is too long or ends with a mark: %q", m[1], m[2])
		}
	}
	if found != 3 {
		t.Errorf("%d of tagline, network and files are there", found)
	}
}

func TestPackedIsWhatPackWrites(t *testing.T) {
	other := written(t, Zip{Version: "1.2.3"})
	for _, text := range [][]byte{nil, []byte("no zip"), other} {
		if _, err := Packed(bytes.NewReader(text), int64(len(text))); err == nil {
			t.Errorf("%d bytes are taken for a packed program", len(text))
		}
	}
}

func TestVersions(t *testing.T) {
	for _, c := range []struct{ version, semantic, tuple string }{
		{"1.2.3", "1.2.3", "(1, 2, 3)"},
		{"v1.20.3", "1.20.3", "(1, 20, 3)"},
		{"0.1.0-dev", "0.1.0-dev", "(0, 1, 0)"},
		{"v0.1.0-14-gabc1234-dirty", "0.1.0-14-gabc1234-dirty", "(0, 1, 0)"},
		{"1.2.3-01", "1.2.3+01", "(1, 2, 3)"},
		{"1.2.3-rc.1+build.5", "1.2.3-rc.1+build.5", "(1, 2, 3)"},
		{"1.2.3-a_b", "1.2.3+a-b", "(1, 2, 3)"},
		{"01.2.3", "0.0.0+01-2-3", "(0, 0, 0)"},
		{"71a6202-dirty", "0.0.0+71a6202-dirty", "(0, 0, 0)"},
		{"dev", "0.0.0+dev", "(0, 0, 0)"},
		{"a \"quote\"\n", "0.0.0+a-quote", "(0, 0, 0)"},
		{"", "0.0.0", "(0, 0, 0)"},
	} {
		if got := semantic(c.version); got != c.semantic {
			t.Errorf("semantic(%q) = %q, not %q", c.version, got, c.semantic)
		}
		if got := tuple(c.version); got != c.tuple {
			t.Errorf("tuple(%q) = %q, not %q", c.version, got, c.tuple)
		}
	}
}

// TestInspect builds small programs of that name for several platforms: what counts is what Go writes into them.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	if testing.Short() {
		t.Skip("it builds programs for every platform")
	}
	build := func(goos, goarch string) string {
		t.Helper()
		src := filepath.Join(dir, "source")
		if err := os.MkdirAll(src, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"go.mod": "module example.com/cmd/netrender\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() {}\n"} {
			if err := os.WriteFile(filepath.Join(src, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out := filepath.Join(dir, "netrender-"+goos+"-"+goarch)
		cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", out, ".")
		cmd.Dir, cmd.Env = src, append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOWORK=off")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return out
	}
	ask := func(file string) (Platform, string) {
		t.Helper()
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p, err := Inspect(f)
		if err != nil {
			return p, err.Error()
		}
		return p, ""
	}
	for _, p := range Platforms {
		goos, goarch, _ := strings.Cut(string(p), "-")
		if got, wrong := ask(build(goos, goarch)); got != p || wrong != "" {
			t.Errorf("%s is found to be %q, %s", p, got, wrong)
		}
	}
	changed := func(name, of string, edit func([]byte) []byte) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, of))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, edit(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	machine := func(code byte) func([]byte) []byte {
		return func(b []byte) []byte { b[18] = code; return b }
	}
	word := func(old, with string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(old), []byte(with)) }
	}
	const elf, exe = "netrender-linux-amd64", "netrender-windows-amd64"
	for file, want := range map[string]string{
		changed("text", elf, func([]byte) []byte { return []byte("#!/bin/sh\n") }):            "no program for",
		changed("half", elf, func(b []byte) []byte { return b[:4096] }):                       "no program for",
		changed("liar", elf, machine(183)):                                                    "its head says linux-arm64, but it was made for linux-amd64",
		changed("old", elf, machine(3)):                                                       "another processor",
		changed("other", elf, word("example.com/cmd/netrender", "example.com/cmd/netrendor")): "another program than netrender",
		changed("bsd", elf, word("GOOS=linux", "GOOS=linbs")):                                 "made for linbs-amd64",
		changed("arm", exe, func(b []byte) []byte {
			at := bytes.Index(b, []byte("PE\x00\x00")) + 4
			return word("GOARCH=amd64", "GOARCH=arm64")(append(append(slices.Clone(b[:at]), 0x64, 0xaa), b[at+2:]...))
		}): "the add-on is made for none such",
	} {
		if got, wrong := ask(file); got != "" || !strings.Contains(wrong, want) {
			t.Errorf("%s is found to be %q, %q; want %q", filepath.Base(file), got, wrong, want)
		}
	}
}
