package blender

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Fence confines a Blender: what it may read and write, besides what every program needs of the system, and nothing of
// the network. It can be put up on Linux with Landlock; see CanFence.
type Fence struct {
	Read  []string `json:"read"`  // files and folders, absolute
	Write []string `json:"write"` // folders, absolute; they may be read too
	// Local lets it talk to other programs of this machine through sockets in the file system, which a window system needs.
	// Start sets it.
	Local bool `json:"local"`
}

// around adds what the install, its environment and its own folders need.
func (f Fence) around(in Install, environ []string, own ...string) Fence {
	f.Read = append(append([]string{}, f.Read...), in.roots()...)
	for _, name := range []string{"LD_LIBRARY_PATH", "PYTHONPATH", "OCIO", "BLENDER_OCIO", "XAUTHORITY", "BLENDER_SYSTEM_RESOURCES", "BLENDER_SYSTEM_SCRIPTS", "BLENDER_SYSTEM_DATAFILES", "BLENDER_SYSTEM_PYTHON"} {
		for _, path := range filepath.SplitList(lookup(environ, name)) {
			if name == "OCIO" || name == "BLENDER_OCIO" {
				path = filepath.Dir(path)
			}
			if filepath.IsAbs(path) && path != "/" {
				f.Read = append(f.Read, path)
			}
		}
	}
	f.Write = append(append([]string{}, f.Write...), own...)
	f.Local = lookup(environ, "DISPLAY") != "" || lookup(environ, "WAYLAND_DISPLAY") != "" || in.virtual()
	return f
}

// virtual tells whether some engine needs the display that a session starts.
func (f Facts) virtual() bool {
	return slices.ContainsFunc(f.Engines, func(e Engine) bool { return e.Virtual })
}

// roots are the folders an install lies in: that of the executable, and those a virtual environment stands on.
func (in Install) roots() []string {
	var roots []string
	for _, path := range []string{in.Path, resolved(in.Path)} {
		dir := filepath.Dir(path)
		if in.Kind == Module || filepath.Base(dir) == "bin" {
			dir = filepath.Dir(dir)
		}
		if dir != "/" {
			roots = append(roots, dir)
		}
	}
	// pyvenv.cfg names the folder of the interpreter that the environment was made of, see Python's library reference, venv.
	text, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(in.Path)), "pyvenv.cfg"))
	if in.Kind != Module || err != nil {
		return roots
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, "=")
		if value = strings.TrimSpace(value); strings.TrimSpace(key) == "home" && filepath.IsAbs(value) {
			roots = append(roots, filepath.Dir(value), filepath.Dir(resolved(value)))
		}
	}
	return roots
}

func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

func (f Fence) write(path string) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func readFence(path string) (f Fence, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	if err = json.Unmarshal(text, &f); err == nil {
		for _, p := range append(append([]string{}, f.Read...), f.Write...) {
			if !filepath.IsAbs(p) {
				return f, fmt.Errorf("%q is not an absolute path", p)
			}
		}
	}
	return f, err
}
