package blender

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The test binary is also the runner and the fake Blender: "TEST run-tree ARGS...", and "TEST ARGS..." with FAKE_BLENDER set.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "run-tree" {
		os.Exit(RunTree(os.Args[2:]))
	}
	if mode := os.Getenv("FAKE_BLENDER"); mode != "" {
		os.Exit(fakeBlender(mode, os.Args[1:]))
	}
	code := m.Run()
	if sceneFolder != "" {
		os.RemoveAll(sceneFolder)
	}
	os.Exit(code)
}

func testRunner(t testing.TB) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self, "run-tree"}
}

// realBlender is the install that tests render with: NETRENDER_TEST_BLENDER, or the one on PATH.
func realBlender(t testing.TB) Install {
	t.Helper()
	if testing.Short() {
		t.Skip("a real Blender is slow: run without -short")
	}
	path := os.Getenv("NETRENDER_TEST_BLENDER")
	required := path == "required"
	if path == "" || required {
		found, err := exec.LookPath("blender")
		if err != nil {
			if required {
				t.Fatal("no Blender found on PATH")
			}
			t.Skip("no Blender found: none on PATH, and NETRENDER_TEST_BLENDER names none")
		}
		path = found
	}
	return Install{Path: path, Kind: kindOf(path), Runner: testRunner(t)}
}

var (
	scenesOnce  sync.Once
	sceneFolder string
	scenesError string
)

// scenes is a folder with what testdata/scenes.py makes; made once, never changed.
func scenes(t testing.TB, in Install) string {
	t.Helper()
	scenesOnce.Do(func() {
		folder, err := os.MkdirTemp("", "netrender-scenes-")
		if err != nil {
			scenesError = err.Error()
			return
		}
		sceneFolder = folder
		script, _ := filepath.Abs("testdata/scenes.py")
		cmd := in.Command(t.Context(), script, folder)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.Env = environment(os.Environ(), folder, folder, nil)
		if err := cmd.Run(); err != nil {
			scenesError = err.Error() + "\n" + out.String()
		}
	})
	if scenesError != "" {
		t.Fatal("the scenes cannot be made: ", scenesError)
	}
	return sceneFolder
}

// lockedBuffer is a writer that can be read meanwhile.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func names(files []File, kind Kind) string {
	var all []string
	for _, f := range files {
		if f.Kind == kind {
			all = append(all, f.Name)
		}
	}
	return strings.Join(all, " ")
}
