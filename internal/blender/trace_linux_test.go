package blender

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png" // what Blender writes
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tracedFrames are rendered under the tracer; the last of them is rendered once more without each of the files.
var tracedFrames = []int{1, 2, 5}

// tracedScene is a scene of test/scenes that reads files of many kinds, each kind in a file or a folder of its own.
type tracedScene struct {
	name, blend string
	only        string // executable or module, where the other cannot make it
	// same are files and folders of the project that no picture needs, with the reason why they are sent all the same; after
	// executable/ or module/ if that is so in one of them.
	same  map[string]string
	crash []string // what is never taken away: without it, a Blender crashes
}

// tracedBlenders are the system's Blender and, where it is installed, the newest one as a module.
func tracedBlenders(t *testing.T) map[string]Install {
	all := map[string]Install{"executable": realBlender(t)}
	path, _ := filepath.Abs("../../.cache/bpy/bin/python")
	if _, err := os.Stat(filepath.Join(path, "../../ready")); err == nil {
		all["module"] = Install{Path: path, Kind: kindOf(path), Runner: testRunner(t)}
	}
	return all
}

// TestCollectorListsWhatBlenderReads has Blender render under a tracer of system calls. Every file of the project that it
// opens is in the collector's list, for that frame; and a picture changes when what the list names for it is taken away.
func TestCollectorListsWhatBlenderReads(t *testing.T) {
	tracer, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("NETRENDER_TEST_BLENDER") == "required" {
			t.Fatal("strace is needed: tools/setup installs it")
		}
		t.Skip("there is no strace")
	}
	for kind, in := range tracedBlenders(t) {
		for _, scene := range tracedScenes {
			if scene.only != "" && scene.only != kind {
				continue
			}
			t.Run(scene.name+"/"+kind, func(t *testing.T) { traceScene(t, tracer, kind, in, scene) })
		}
	}
}

func traceScene(t *testing.T, tracer, kind string, in Install, scene tracedScene) {
	dir := t.TempDir()
	script, _ := filepath.Abs("../../test/scenes/" + scene.name + ".py")
	cmd := in.Command(t.Context(), script, dir)
	cmd.Env = environment(os.Environ(), dir, dir, nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	blend := filepath.Join(dir, filepath.FromSlash(scene.blend))
	project := filepath.Dir(blend)
	c, err := Collect(t.Context(), in, blend, CollectOptions{Frames: tracedFrames, Environ: os.Environ(), Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		t.Log(strings.Join(lines(dir, c.Files), "\n"), c.Warnings)
	}
	files := map[string]CollectedFile{}
	needed := map[string]bool{}
	last := tracedFrames[len(tracedFrames)-1]
	for _, f := range c.Files {
		if files[f.Path] = f; f.Missing {
			t.Errorf("%s is missing", f.Path)
		} else if !strings.HasPrefix(f.Path, dir+"/") {
			t.Errorf("%s is none of the artist's", f.Path)
		} else if covers(f, last) {
			needed[thing(project, f.Path)] = true
		}
	}
	out := filepath.Join(dir, "out")
	before, groups := filesBelow(dir), map[string][]string{}
	for path := range before {
		if name := thing(project, path); needed[name] && !slices.Contains(scene.crash, kind+"/"+name) {
			groups[name] = append(groups[name], path)
		}
	}
	for _, line := range traced(t, tracer, in, map[string]any{"blend": blend, "frames": tracedFrames, "out": out, "without": groups, "frame": last}) {
		inside, ok := strings.CutPrefix(line.path, dir+"/")
		if !ok || line.path == blend || strings.HasPrefix(line.path, out+"/") || line.opened && !before[line.path] {
			continue
		}
		f, listed := files[line.path]
		switch {
		case line.opened && !listed:
			t.Errorf("frame %d reads %s, which is not in the list", line.frame, inside)
		case line.opened && !line.opening && !covers(f, line.frame): // opening shows the frame that was saved, to nobody
			t.Errorf("frame %d reads %s, which is in the list for other frames: %s", line.frame, inside, lines(dir, []CollectedFile{f}))
		case !line.opened && !(listed && f.Missing):
			t.Logf("frame %d looked for %s", line.frame, inside)
		}
	}
	whole := decoded(t, filepath.Join(out, fmt.Sprintf("frame-%d", last)))
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		changed := !bytes.Equal(decoded(t, filepath.Join(out, "without-"+name)), whole)
		if why := cmp.Or(scene.same[name], scene.same[kind+"/"+name]); changed == (why != "") {
			t.Errorf("without %s the picture changes: %v (%s)", name, changed, cmp.Or(why, "it should"))
		}
	}
}

var cacheOf = regexp.MustCompile(`^(.*)_\d{6}(_\d\d)?\.bphys$`)

// thing names what of the scene a file belongs to: its file or folder in the project, or its simulation.
func thing(project, path string) string {
	inside := strings.TrimPrefix(path, project+"/")
	if found := cacheOf.FindStringSubmatch(inside); found != nil {
		return strings.ReplaceAll(found[1], "/", "-")
	}
	if strings.HasPrefix(inside, "usd/") { // files that refer to one another
		return strings.ReplaceAll(inside, "/", "-")
	}
	if strings.HasPrefix(inside, "cache_") { // a fluid's, each part in a folder
		return strings.ReplaceAll(filepath.Dir(inside), "/", "-")
	}
	name, _, _ := strings.Cut(inside, "/")
	return name
}

// filesBelow are the regular files there: what Blender writes itself, and reads again, is none of the scene's.
func filesBelow(dir string) map[string]bool {
	all := map[string]bool{}
	filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			all[path] = true
		}
		return err
	})
	return all
}

// covers tells whether the list sends a file to who renders frame.
func covers(f CollectedFile, frame int) bool {
	return (f.First == nil || *f.First <= frame) && (f.Last == nil || frame <= *f.Last)
}

// decoded are the pixels of a picture, or of those of two eyes; stem is its path without what differs.
func decoded(t *testing.T, stem string) []byte {
	t.Helper()
	var pixels bytes.Buffer
	for _, eye := range []string{"", "_L", "_R"} {
		file, err := os.Open(stem + eye + ".png")
		if err != nil {
			continue
		}
		defer file.Close()
		img, _, err := image.Decode(file)
		if err != nil {
			t.Fatal(stem, err)
		}
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				fmt.Fprintln(&pixels, img.At(x, y))
			}
		}
	}
	if pixels.Len() == 0 {
		t.Fatal("there is no picture ", stem)
	}
	return pixels.Bytes()
}

// tracedOpen is a file that Blender opened, or looked for, while it rendered a frame.
type tracedOpen struct {
	path    string
	frame   int
	opening bool // the scene; rendering the frame else
	opened  bool
}

var (
	openCall   = regexp.MustCompile(`^(\d+) +open(?:at2?)?\((?:AT_FDCWD, )?"((?:\\x[0-9a-f]{2})*)", (.*)$`)
	resumeCall = regexp.MustCompile(`^(\d+) +<\.\.\. open\S* resumed>(.*)$`)
)

// traced runs testdata/trace.py and returns what was opened for reading, each once.
func traced(t *testing.T, tracer string, in Install, request map[string]any) []tracedOpen {
	t.Helper()
	home := t.TempDir()
	data, _ := json.Marshal(request)
	asked, log := filepath.Join(home, "request.json"), filepath.Join(home, "trace")
	os.WriteFile(asked, data, 0o600)
	script, _ := filepath.Abs("testdata/trace.py")
	plain := in
	plain.Runner = nil
	cmd := plain.Command(t.Context(), script, asked)
	args := []string{"-f", "--seccomp-bpf", "-xx", "-e", "signal=none", "-e", "trace=open,openat,openat2", "-o", log, cmd.Path}
	cmd.Args = append(append([]string{tracer}, args...), cmd.Args[1:]...)
	cmd.Path, cmd.Dir = tracer, home
	cmd.Env = environment(os.Environ(), home, home, nil)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-4000):])
	}
	file, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	return parseTrace(t, bufio.NewScanner(file))
}

func parseTrace(t *testing.T, trace *bufio.Scanner) []tracedOpen {
	t.Helper()
	var all []tracedOpen
	frame, opening, seen, marks := 0, false, map[tracedOpen]bool{}, 0
	begun := map[string]string{} // by thread: a call's path and flags
	for trace.Scan() {
		line := trace.Text()
		var path, rest string
		if found := openCall.FindStringSubmatch(line); found != nil {
			path, _ = strconv.Unquote(`"` + found[2] + `"`)
			if rest = found[3]; strings.HasSuffix(rest, "<unfinished ...>") {
				begun[found[1]] = path + "\x00" + rest
				continue
			}
		} else if found := resumeCall.FindStringSubmatch(line); found != nil {
			path, rest, _ = strings.Cut(begun[found[1]], "\x00")
			rest += found[2]
		} else {
			continue
		}
		if mark, ok := strings.CutPrefix(path, "/netrender-mark/"); ok {
			marks++
			if mark == "end" {
				break
			}
			number, step, _ := strings.Cut(mark, "/")
			frame, _ = strconv.Atoi(number)
			opening = step == "open"
			continue
		}
		for _, flag := range []string{"O_WRONLY", "O_CREAT", "O_DIRECTORY"} {
			if strings.Contains(rest, flag) {
				path = ""
			}
		}
		one := tracedOpen{filepath.Clean(path), frame, opening, !strings.Contains(rest, " = -1 ")}
		if frame != 0 && path != "" && !seen[one] {
			seen[one] = true
			all = append(all, one)
		}
	}
	if marks != 2*len(tracedFrames)+1 {
		t.Fatalf("the trace has %d marks", marks)
	}
	return all
}
