package main

import (
	"testing"
	"time"
)

// TestUp: one command is a farm.
func TestUp(t *testing.T) {
	command(t, "version")
	up := begin(t, t.Context(), "up", "--listen", "127.0.0.1:0", "--quiet-network", "--fake-renderer", "1ms", "--json")
	waitFor(t, "it says where it runs", func() bool { return up.out.String() != "" })
	waitFor(t, "its worker is there", func() bool {
		out, _, _ := command(t, "workers")
		return len(out) > 0 && out[:6] == "WORKER"
	})
	up.stop()
	select {
	case code := <-up.done:
		if up.done <- 0; code != exitDone {
			t.Errorf("exit %d", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not stop")
	}
}

// A machine without Blender can be a master all the same, and is told so.
func TestUpWithoutBlender(t *testing.T) {
	_, errs, code := command(t, "up", "--listen", "127.0.0.1:0", "--quiet-network", "--blender", "/nowhere/blender")
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
	contains(t, errs, "/nowhere/blender", "netrender master runs a farm whose frames other machines render")
}
