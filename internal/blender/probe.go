package blender

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// probeLimit bounds one run of an install that is asked what it is; drivers can take their time.
const probeLimit = 3 * time.Minute

// probeAge is how long an answer holds: drivers come and go without a change of the install.
const probeAge = 7 * 24 * time.Hour

// probeFormat is part of the cache's key: raise it when Facts or probe.py change their meaning.
const probeFormat = 4

// Prober finds out what installs can do, by running each once.
type Prober struct {
	Runner  []string // ends in RunTree; see Options.Runner
	Home    string   // absolute path of a private folder
	Cache   string   // folder for answers; "" asks every time
	Environ []string // as in Options
	Xvfb    string   // as in Options
	// Quick leaves engines that draw through the window system untried: they count as working. It takes one to two seconds
	// instead of up to thirty.
	Quick bool
}

// Probe says what the Blender executable or Python interpreter at path is. An answer is kept in the cache for a week, or
// until the file there, the module, the virtual display server or a graphics driver changes. Engines that need a display are tried out, each in a process of its own.
func (p Prober) Probe(ctx context.Context, path string) (Install, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Install{}, &Error{Kind: NoStart, Message: err.Error(), cause: err}
	}
	in := Install{Path: path, Kind: kindOf(path), Runner: p.Runner}
	key, err := p.key(in, p.Quick)
	if err != nil {
		return Install{}, &Error{Kind: NoStart, Message: fmt.Sprintf("there is no Blender at %s: %v", path, err), cause: err}
	}
	if p.kept(key, &in.Facts) {
		return in, nil
	}
	if p.Quick { // a whole answer is as good
		if whole, err := p.key(in, false); err == nil && p.kept(whole, &in.Facts) {
			return in, nil
		}
	}
	if err := p.ask(ctx, in, p.Environ, &in.Facts); err != nil {
		return Install{}, err
	}
	if in.Version == "" {
		return Install{}, &Error{Kind: NoStart, Message: fmt.Sprintf("%s does not say which Blender it is", path)}
	}
	if err := p.tryEngines(ctx, &in); err != nil {
		return Install{}, err
	}
	if key != "" {
		if data, err := json.Marshal(in.Facts); err == nil {
			// Without its cache the answer is as good, only slower.
			path, now := filepath.Join(p.Cache, key), time.Now()
			_ = replaceFile(path, data)
			_ = os.Chtimes(path, now, now) // also when it said the same before
		}
	}
	return in, nil
}

// kept reads the cached answer that key names.
func (p Prober) kept(key string, facts *Facts) bool {
	if key == "" {
		return false
	}
	path := filepath.Join(p.Cache, key)
	if !recent(path) {
		return false
	}
	data, err := os.ReadFile(path)
	var read Facts
	if err != nil || json.Unmarshal(data, &read) != nil || read.Version == "" {
		return false
	}
	*facts = read
	return true
}

// key names the cached answer; "" when it cannot be known whether the install has changed.
func (p Prober) key(in Install, quick bool) (string, error) {
	files, module := []string{in.Path}, false
	if in.Kind == Module {
		root := filepath.Dir(filepath.Dir(in.Path))
		for _, pattern := range []string{"lib/python*/site-packages/bpy/__init__.*", "../Lib/site-packages/bpy/__init__.*", "Lib/site-packages/bpy/__init__.*"} {
			found, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
			files, module = append(files, found...), module || len(found) > 0
		}
	}
	text := fmt.Sprintf("%d %s %v\n%s", probeFormat, p.Xvfb, quick, graphics())
	if xvfb, err := exec.LookPath(cmp.Or(p.Xvfb, "Xvfb")); err == nil && p.Xvfb != "none" {
		files = append(files, xvfb)
	}
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY"} {
		text += fmt.Sprintf(" %q", lookup(p.Environ, name))
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return "", err
		}
		if info.IsDir() {
			return "", errors.New("it is a folder")
		}
		text += fmt.Sprintf("\n%s %d %d", file, info.Size(), info.ModTime().UnixNano())
	}
	if p.Cache == "" || in.Kind == Module && !module {
		return "", nil
	}
	sum := sha256.Sum256([]byte(text))
	return "install-" + hex.EncodeToString(sum[:12]) + ".json", nil
}

// graphics names the graphics cards that programs can reach, and the driver that says its version.
func graphics() string {
	var names []string
	for _, pattern := range []string{"/dev/nvidia[0-9]*", "/dev/dri/renderD*", "/dev/kfd"} {
		found, _ := filepath.Glob(pattern)
		names = append(names, found...)
	}
	version, _ := os.ReadFile("/proc/driver/nvidia/version") // is not there without one
	return strings.Join(names, " ") + string(version)
}

// ask runs probe.py and reads its answer.
func (p Prober) ask(ctx context.Context, in Install, environ []string, answer any, args ...string) error {
	fail := func(text string, cause error, log []byte) error {
		lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(log), "\uFFFD")), "\n")
		return &Error{Kind: NoStart, Message: fmt.Sprintf("%s %s", in.Path, text), Log: lines[max(0, len(lines)-lastLines):], cause: cause}
	}
	if !filepath.IsAbs(p.Home) {
		return fail("cannot be asked: the home given for it is not an absolute path", nil, nil)
	}
	folder, err := unpackAgent(p.Home)
	if err != nil {
		return fail("cannot be asked: "+err.Error(), err, nil)
	}
	scratch := filepath.Join(p.Home, "tmp", "probe-"+rand.Text())
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return fail("cannot be asked: "+err.Error(), err, nil)
	}
	defer os.RemoveAll(scratch)
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	file := filepath.Join(scratch, "answer.json")
	cmd := in.Command(ctx, filepath.Join(folder, "probe.py"), append([]string{file}, args...)...)
	cmd.Env = environment(environ, p.Home, scratch, nil)
	cmd.Dir = scratch
	var log limitedBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	running := cmd.Run()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, answer)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fail("did not say what it is in time", ctx.Err(), log.Bytes())
	case running != nil && cmd.ProcessState != nil:
		text := "is no Blender, and no Python with the bpy module: it " + statusText(cmd.ProcessState.ExitCode())
		return fail(text, running, log.Bytes())
	case running != nil:
		return fail("cannot be started: "+running.Error(), running, nil)
	}
	return fail("is no Blender, and no Python with the bpy module", err, log.Bytes())
}

// tryEngines renders a picture with every engine that draws through the window system: as the machine is, and where that
// fails and there is no display, on a virtual one. Not the other way round: a virtual display hides the graphics card.
func (p Prober) tryEngines(ctx context.Context, in *Install) error {
	var virtual *display
	var environ []string
	defer func() {
		if virtual != nil {
			virtual.close()
		}
	}()
	for i := range in.Engines {
		e := &in.Engines[i]
		if !e.Display {
			continue
		}
		if p.Quick {
			e.Works, e.Why = true, "untried"
			continue
		}
		e.Works, e.Why = p.tryEngine(ctx, *in, e.ID, p.Environ)
		if err := ctx.Err(); err != nil {
			return &Error{Kind: NoStart, Message: "the install was not asked to the end", cause: err}
		}
		if e.Works || !displayWanted(p.Environ) || p.Xvfb == "none" {
			continue
		}
		if virtual == nil {
			limit, cancel := context.WithTimeout(ctx, displayLimit)
			d, err := startDisplay(limit, p.Runner, p.Xvfb, p.Home, environment(p.Environ, p.Home, p.Home, nil))
			cancel()
			if err != nil {
				e.Why = "there is no display (" + err.Error() + "), and without one " + e.Why
				continue
			}
			virtual = d
			environ = append(append([]string{}, p.Environ...), "DISPLAY="+d.name, "XAUTHORITY="+d.cookie)
		}
		works, why := p.tryEngine(ctx, *in, e.ID, environ)
		e.Works, e.Virtual = works, works
		if !works {
			e.Why = "without a display " + e.Why + "; with a virtual one " + why
		} else {
			e.Why = ""
		}
	}
	return nil
}

// tryEngine renders one picture in a process of its own, since drivers crash.
func (p Prober) tryEngine(ctx context.Context, in Install, engine string, environ []string) (works bool, why string) {
	var answer struct {
		Works bool   `json:"works"`
		Why   string `json:"why"`
	}
	err := p.ask(ctx, in, environ, &answer, engine)
	var failure *Error
	if errors.As(err, &failure) {
		return false, "a test picture failed: " + failure.lastLine()
	}
	return answer.Works, answer.Why
}

// limitedBuffer keeps the last of what is written to it.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(data []byte) (int, error) {
	n, err := b.Buffer.Write(data)
	if over := b.Len() - tailBytes; over > 0 {
		b.Next(over)
	}
	return n, err
}

// CanBake says whether an install that Probe described can bake a kind of simulation, and if not, why, in a sentence. Fluids
// it tries the first time, which takes some seconds, in a process of its own: some builds abort. The answer is kept as those
// of Probe are. When ctx ends first it is no, and is not kept.
func (p Prober) CanBake(ctx context.Context, in Install, kind string) (can bool, why string) {
	if !slices.Contains(in.Bakes, kind) {
		return false, fmt.Sprintf("Blender %s cannot bake this kind of simulation (%s)", in.Version, kind)
	}
	if kind != Fluid {
		return true, ""
	}
	var answer struct {
		Works bool   `json:"works"`
		Why   string `json:"why"`
	}
	key, err := p.key(in, true)
	path := filepath.Join(p.Cache, "fluid-"+strings.TrimPrefix(key, "install-"))
	if err == nil && key != "" && recent(path) {
		if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &answer) == nil {
			return answer.Works, answer.Why
		}
	}
	if failed := p.ask(ctx, in, p.Environ, &answer, "bake:fluid"); failed != nil {
		answer.Works, answer.Why = false, fmt.Sprintf("Blender %s cannot bake fluids on this machine: it ended where it tried to", in.Version)
		if ctx.Err() != nil {
			return false, "whether Blender " + in.Version + " can bake fluids was not tried to the end"
		}
	} else if !answer.Works {
		answer.Why = fmt.Sprintf("Blender %s cannot bake fluids on this machine: %s", in.Version, answer.Why)
	}
	if data, wrong := json.Marshal(answer); wrong == nil && err == nil && key != "" {
		now := time.Now()
		_ = replaceFile(path, data) // not kept it is asked again
		_ = os.Chtimes(path, now, now)
	}
	return answer.Works, answer.Why
}

// recent tells whether a kept answer still holds.
func recent(path string) bool {
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()).Abs() <= probeAge
}
