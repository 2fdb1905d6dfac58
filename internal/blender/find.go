package blender

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// Search says where to look for installs.
type Search struct {
	// Named are executables, interpreters with bpy, or folders that hold one; an entry may be a list as in PATH. They come
	// first and in this order. Names without a slash are looked up on PATH.
	Named []string
	// OnlyNamed leaves PATH and the usual places alone.
	OnlyNamed bool
	// Home is the user's home folder, "" for none.
	Home string
	// Programs are the folders that programs are installed in on Windows (the values of ProgramFiles and its kin).
	Programs []string
}

// Find lists installs by path, without running them; Prober tells which of them work. The errors name entries of Named
// that are not there.
func (s Search) Find() (paths []string, missing []error) {
	seen := map[string]bool{}
	add := func(path string) {
		same := path
		if kindOf(path) == Executable { // an interpreter is another one under each of its links: they name its environment
			if real, err := filepath.EvalSymlinks(path); err == nil {
				same = real
			}
		}
		if !seen[same] {
			seen[same] = true
			paths = append(paths, path)
		}
	}
	for _, list := range s.Named {
		for _, name := range filepath.SplitList(list) {
			if name == "" {
				continue
			}
			path, err := locate(name)
			if err != nil {
				missing = append(missing, err)
				continue
			}
			add(path)
		}
	}
	if s.OnlyNamed {
		return paths, missing
	}
	if path, err := exec.LookPath("blender"); err == nil {
		if path, err = filepath.Abs(path); err == nil {
			add(path)
		}
	}
	for _, pattern := range s.usual(runtime.GOOS) {
		found, _ := filepath.Glob(pattern)
		slices.Reverse(found) // newer versions sort last
		for _, path := range found {
			if isProgram(path) {
				add(path)
			}
		}
	}
	return paths, missing
}

// usual are patterns of the places Blender's installers, archives and stores use on each system.
func (s Search) usual(system string) []string {
	var patterns []string
	join := func(root string, names ...string) {
		if root != "" {
			patterns = append(patterns, filepath.Join(append([]string{root}, names...)...))
		}
	}
	switch system {
	case "windows":
		for _, root := range s.Programs {
			join(root, "Blender Foundation", "Blender*", "blender.exe")
			join(root, "Steam", "steamapps", "common", "Blender", "blender.exe")
		}
	case "darwin":
		for _, root := range []string{"/Applications", filepath.Join(s.Home, "Applications")} {
			join(root, "Blender*.app", "Contents", "MacOS", "Blender")
			join(root, "Blender*", "Blender.app", "Contents", "MacOS", "Blender")
		}
	default:
		join("/opt", "blender*", "blender")
		join("/usr/local", "blender*", "blender")
		join("/snap/bin", "blender")
		join("/var/lib/flatpak/exports/bin", "org.blender.Blender")
		join(s.Home, "blender*", "blender")
		join(s.Home, "Applications", "blender*", "blender")
		join(s.Home, ".steam", "steam", "steamapps", "common", "Blender", "blender")
	}
	return patterns
}

// locate turns what a person wrote into the path of a program.
func locate(name string) (string, error) {
	if filepath.Base(name) == name {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("%s is no path: %w", name, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("there is no Blender at %s", name)
	}
	if !info.IsDir() {
		if !isProgram(path) {
			return "", fmt.Errorf("%s is not executable", name)
		}
		return path, nil
	}
	for _, inside := range []string{
		"blender", "blender.exe", "Contents/MacOS/Blender", "Blender.app/Contents/MacOS/Blender",
		"bin/python", "bin/python3", "Scripts/python.exe",
	} {
		if inner := filepath.Join(path, filepath.FromSlash(inside)); isProgram(inner) {
			return inner, nil
		}
	}
	return "", fmt.Errorf("the folder %s holds no Blender and no Python", name)
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0)
}
