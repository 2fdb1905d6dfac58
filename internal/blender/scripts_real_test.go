package blender

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// realRaising: what a scene's Python raises is told with the script and the line, and the frames are rendered.
func realRaising(t *testing.T, s *Session, dir string) {
	blend := filepath.Join(dir, "raising.blend")
	contains := func(what string, list []string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, w) }) {
				t.Errorf("%s: nobody says %q in %q", what, w, list)
			}
		}
		if len(list) != len(want) {
			t.Errorf("%s: %d sentences instead of %d: %q", what, len(list), len(want), list)
		}
	}
	facts := open(t, s, Scene{Blend: blend, Scripts: true})
	opened := []string{
		"the script turn.py raised NameError (name 'nosuchname' is not defined) in line 6", "the script odd.py raised SyntaxError (",
		"a driver raised NameError (name 'nosuch' is not defined)", "the driver of Cube, location, fails: nosuch(frame)",
	}
	contains("opened", facts.ScriptErrors, opened...)
	contains("frame 1", render(t, s, Task{Frame: 1, EXR: EXRFull}).ScriptErrors, opened[3])
	// A scene with a handler is opened anew for each frame.
	contains("frame 2", render(t, s, Task{Frame: 2, EXR: EXRFull}).ScriptErrors,
		append(opened, "the script turn.py raised ValueError (two is too many) in line 4")...)
	contains("frame 3", render(t, s, Task{Frame: 3, EXR: EXRFull}).ScriptErrors, append(opened, "a driver raised ZeroDivisionError (")...)
	facts = open(t, s, Scene{Blend: blend})
	contains("without scripts", append(facts.ScriptErrors, render(t, s, Task{Frame: 1, EXR: EXRFull}).ScriptErrors...),
		"the driver of Cube, location, fails without the scene's Python: nosuch(frame)")
}

// realTrouble: what our own part stumbles over is neither the scene's fault nor a script's; a preview is no frame.
func realTrouble(t *testing.T, in Install, s *Session, dir string) {
	open(t, s, Scene{Blend: filepath.Join(dir, "plain.blend")})
	block := func(name string) string {
		out := t.TempDir()
		if err := os.WriteFile(filepath.Join(out, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return out
	}
	r := render(t, s, Task{Frame: 1, OutDir: block("preview"), EXR: EXRFull, Outputs: true, Preview: true})
	if len(r.Files) != 2 || len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], "the preview could not be made: ") {
		t.Errorf("without a preview: %+v", r)
	}
	_, err := s.Render(t.Context(), Task{Frame: 1, OutDir: block("output"), EXR: EXRFull}, nil)
	if !errors.Is(err, &Error{Kind: Agent}) || !strings.Contains(err.Error(), "Netrender's own part in Blender failed: FileExistsError") {
		t.Errorf("got %v", err)
	}
	script := filepath.Join(t.TempDir(), "script.py")
	folder, err := unpackAgent(t.TempDir())
	if err == nil {
		err = os.WriteFile(script, []byte("import sys\nsys.path.insert(0, sys.argv[-1])\nimport agent, errno\n"+
			"for e in (OSError(errno.ENOSPC, 'full'), OSError(errno.EIO, 'bad'), MemoryError(), KeyError('x')):\n"+
			"    print('KIND', agent.unexpected(e)['kind'])\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := in.Command(t.Context(), script, folder).CombinedOutput()
	if err != nil || strings.Count(string(out), "KIND") != 4 || !strings.Contains(string(out), "KIND no-space\nKIND agent\nKIND no-memory\nKIND agent\n") {
		t.Errorf("%v %s", err, out)
	}
}
