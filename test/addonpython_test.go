package test

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// TestAddonWithoutBlender runs the tests of those parts of the add-on that know nothing of Blender.
func TestAddonWithoutBlender(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs that stand in for netrender are scripts")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		lacking(t, "no python3 to run it with")
	}
	parts, err := filepath.Abs("../addon")
	if err != nil {
		t.Fatal(err)
	}
	exrs, err := filepath.Abs("../internal/exr/testdata")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", "-m", "unittest", "discover", "-s", "addon")
	cmd.Env = append(cleanEnv(), "PYTHONPATH="+parts, "EXRS="+exrs, "PROGRAM="+program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
