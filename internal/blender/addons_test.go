package blender

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestUserAddons(t *testing.T) {
	base := t.TempDir()
	for path, text := range map[string]string{
		"scripts/addons/weave/__init__.py":                           "bl_info = {}",
		"scripts/addons/knit.py":                                     "import bpy\nbl_info = {}",
		"scripts/addons/library/__init__.py":                         "import bpy", // no add-on
		"scripts/addons/__init__.py":                                 "bl_info",
		"scripts/addons/.hidden/__init__.py":                         "bl_info",
		"scripts/addons/notes.txt":                                   "bl_info",
		"extensions/user_default/sew/blender_manifest.toml":          "",
		"extensions/blender_org/sew/blender_manifest.toml":           "",
		"extensions/blender_org/half/readme.md":                      "",
		"extensions/.local/lib/python3.11/site-packages/x/readme.md": "",
	} {
		path = filepath.Join(base, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	legacy := filepath.Join(base, "scripts", "addons")
	want := []Addon{
		{Name: "bl_ext.blender_org.sew", Folder: filepath.Join(base, "extensions", "blender_org")},
		{Name: "bl_ext.user_default.sew", Folder: filepath.Join(base, "extensions", "user_default")},
		{Name: "knit", Folder: legacy},
		{Name: "weave", Folder: legacy},
	}
	in := Install{Facts: Facts{Series: "4.5", Addons: []string{"cycles"}}}
	in.Added = in.UserAddons("", []string{"BLENDER_USER_RESOURCES=" + base})
	if !slices.Equal(in.Added, want) {
		t.Errorf("found %+v", in.Added)
	}
	for name, want := range map[string]bool{"knit": true, "cycles": true, "library": false} {
		if _, has := in.Addon(name); has != want {
			t.Errorf("it has the add-on %s: %v", name, has)
		}
	}
	if folders := in.userFolders("/home/ada", nil); len(folders) > 0 && filepath.Base(folders[0]) != "4.5" {
		t.Errorf("without its own folder it looks in %s", folders)
	}
	if found := in.UserAddons("", nil); len(found) != 0 {
		t.Errorf("a user without a home has %+v", found)
	}
}

func TestLostEngine(t *testing.T) {
	for _, c := range []struct{ log, scene, want string }{
		{"Error: Engine 'LUX' not available for scene 'Scene' (an add-on may need to be installed or enabled)\n", "Scene", "LUX"},
		{"00:00.681  reports          | ERROR Engine 'LUX' not available for scene 'A' (an add-on may)\n", "A", "LUX"},
		{"ERROR Engine 'LUX' not available for scene 'Other' (an add-on may)\n", "Scene", ""},
		{"ERROR Engine 'LUX' not available for scene 'Scene", "Scene", ""},
		{"Engine '", "", ""},
		{"", "", ""},
	} {
		if got := lostEngine(c.log, c.scene); got != c.want {
			t.Errorf("%q: %q", c.log, got)
		}
	}
}
