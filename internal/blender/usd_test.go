//go:build unix

package blender

import (
	"os"
	"os/exec"
	"testing"
)

// TestLayersOfUSD: what USD files refer to is found in sound ones, and broken and hostile ones cost a sentence, not a
// crash, nor time or memory without bounds.
func TestLayersOfUSD(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("NETRENDER_TEST_BLENDER") == "required" {
			t.Fatal("no python3 to run it with")
		}
		t.Skip("no python3 to run it with")
	}
	out, err := exec.CommandContext(t.Context(), python, "testdata/usd_layers.py", "collector/netcollect", "testdata/layers.usdc").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
