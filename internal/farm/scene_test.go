package farm

import "testing"

// TestSceneKey pins what databases hold.
func TestSceneKey(t *testing.T) {
	spec := JobSpec{Blend: "shot.blend", Options: Options{Scripts: true, Threads: 3}}
	files := []File{{Path: "tex/ä.png", Original: "//tex/ä.png", Size: 7, Ref: "0a"}, {Path: "shot.blend", Original: "/home/anna/shot.blend", Ref: "ff"}}
	const want = "f51ad049479b582f6b78a75cd3fd1a58"
	if key := SceneKey(&spec, files); key != want {
		t.Errorf("the key is %s, not %s", key, want)
	}
	files[0], files[1] = files[1], files[0]
	if key := SceneKey(&spec, files); key != want {
		t.Errorf("in another order the key is %s, not %s", key, want)
	}
	for what, change := range map[string]func(){
		"scripts": func() { spec.Options.Scripts = false }, "a file": func() { files[0].Ref = "fe" }, "a place": func() { files[1].Path = "tex/a.png" },
		"the engine": func() { spec.Options.Engine = "CYCLES" },
	} {
		before := SceneKey(&spec, files)
		if change(); SceneKey(&spec, files) == before {
			t.Errorf("%s does not matter", what)
		}
	}
}
