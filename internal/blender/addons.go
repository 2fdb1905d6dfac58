package blender

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Addon is a Blender add-on: one that the install brings, one that the machine's owner installed, or a zip file.
type Addon struct {
	// Name is that of its module: node_wrangler, or bl_ext.REPOSITORY.NAME for an extension of Blender 4.2 and later; of a
	// zip file whatever names it for people.
	Name string `json:"name"`
	// Folder holds the module, or is the repository of the extension; "" for an add-on that the install brings.
	Folder string `json:"folder,omitempty"`
	// Zip is the add-on as a file, absolute, of either kind; it is unpacked for the session alone.
	Zip string `json:"zip,omitempty"`
}

// extensionPrefix is how Blender names the modules of extensions.
const extensionPrefix = "bl_ext."

// UserAddons lists the add-ons that the user of this machine installed into Blenders of in's series, by name. Nothing of
// them is run. home is the user's own folder, environ as in Options. Sources: the manual's "Blender's Directory Layout"
// and addon_utils.py.
func (in Install) UserAddons(home string, environ []string) []Addon {
	found := map[string]Addon{}
	for _, base := range in.userFolders(home, environ) {
		scripts, extensions := filepath.Join(base, "scripts"), filepath.Join(base, "extensions")
		if own := lookup(environ, "BLENDER_USER_SCRIPTS"); own != "" {
			scripts = own
		}
		if own := lookup(environ, "BLENDER_USER_EXTENSIONS"); own != "" {
			extensions = own
		}
		for _, a := range legacyAddons(filepath.Join(scripts, "addons")) {
			found[a.Name] = a
		}
		repositories, _ := os.ReadDir(extensions)
		for _, r := range repositories {
			for _, a := range extensionsIn(filepath.Join(extensions, r.Name()), r.Name()) {
				found[a.Name] = a
			}
		}
	}
	list := make([]Addon, 0, len(found))
	for _, a := range found {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b Addon) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// userFolders are where this series keeps what a user adds.
func (in Install) userFolders(home string, environ []string) []string {
	if own := lookup(environ, "BLENDER_USER_RESOURCES"); own != "" {
		return []string{own}
	}
	if home == "" || in.Series == "" {
		return nil
	}
	switch runtime.GOOS {
	case "windows":
		if base := lookup(environ, "APPDATA"); base != "" {
			return []string{filepath.Join(base, "Blender Foundation", "Blender", in.Series)}
		}
		return nil
	case "darwin":
		return []string{filepath.Join(home, "Library", "Application Support", "Blender", in.Series)}
	}
	config := lookup(environ, "XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join(home, ".config")
	}
	return []string{filepath.Join(config, "blender", in.Series)}
}

// legacyAddons are modules with a bl_info.
func legacyAddons(folder string) (list []Addon) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		name, source := e.Name(), filepath.Join(folder, e.Name())
		if stem, isFile := strings.CutSuffix(name, ".py"); isFile {
			name = stem
		} else {
			source = filepath.Join(source, "__init__.py")
		}
		if strings.HasPrefix(name, ".") || name == "__init__" || !hasInfo(source) {
			continue
		}
		list = append(list, Addon{Name: name, Folder: folder})
	}
	return list
}

// infoLimit is how much of a module is looked at; bl_info stands near its start.
const infoLimit = 256 << 10

func hasInfo(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, infoLimit)
	n, _ := f.Read(head)
	return bytes.Contains(head[:n], []byte("bl_info"))
}

func extensionsIn(folder, repository string) (list []Addon) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(folder, e.Name(), "blender_manifest.toml")); err == nil {
			list = append(list, Addon{Name: extensionPrefix + repository + "." + e.Name(), Folder: folder})
		}
	}
	return list
}

// Addon finds an add-on that the install can enable, by name.
func (in Install) Addon(name string) (Addon, bool) {
	for _, a := range in.Added {
		if a.Name == name {
			return a, true
		}
	}
	return Addon{Name: name}, slices.Contains(in.Addons, name)
}

// folders are the places of add-ons that a session reads.
func folders(addons []Addon) (list []string) {
	for _, a := range addons {
		for _, path := range []string{a.Folder, a.Zip} {
			if path != "" {
				list = append(list, path)
			}
		}
	}
	return list
}
