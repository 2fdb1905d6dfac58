package blender

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMappingOnWindows runs the part of the session that finds files' new places as Windows' Python would.
func TestMappingOnWindows(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("NETRENDER_TEST_BLENDER") == "required" {
			t.Fatal("no python3 to run it with")
		}
		t.Skip("no python3 to run it with")
	}
	out, err := exec.CommandContext(t.Context(), python, filepath.FromSlash("testdata/windows_paths.py"), filepath.FromSlash("agent/netagent")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
