//go:build unix

package test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestLeave: whoever renders and is told to end, or is read by nobody any more, ends at once, leaves no half of a file
// behind and leaves the job alone; whether it waits for frames or a frame is on its way that goes no further.
func TestLeave(t *testing.T) {
	for _, how := range []string{"signal", "closed"} {
		for _, when := range []string{"waits", "fetches"} {
			t.Run(how+" while it "+when, func(t *testing.T) { leave(t, how, when) })
		}
	}
}

func leave(t *testing.T, how, when string) {
	f := startFarm(t)
	blend, collected := collectedScene(t, "CYCLES")
	if when == "fetches" {
		f.worker("oak", append(fastFake, "--fake-size", "2048")...) // 64 MB, more than lies in sockets
	}
	dir := t.TempDir()
	cmd := exec.Command(program, "render", blend, "--collected", collected, "-f", "1", "-o", dir, "--json", "--progress", "--only", "exr")
	cmd.Env = append(append(cleanEnv(), f.env()...), "NETRENDER_DATA="+filepath.Join(f.data, "client"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line struct {
			Job      int
			Out      string
			Progress struct{ What string }
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if when == "waits" && line.Out != "" || line.Progress.What == "fetching" {
			break
		}
	}
	if when == "fetches" { // it comes no further
		if err := f.proc.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if parts := filesBelow(t, dir); len(parts) != 1 {
			t.Errorf("on their way are %q", parts)
		}
	}
	if how == "signal" {
		err = cmd.Process.Signal(syscall.SIGTERM)
	} else {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := cmd.Process.Wait()
		ended <- err
	}()
	select {
	case <-ended:
	case <-time.After(2 * time.Second):
		t.Fatal("it does not end")
	}
	if left := filesBelow(t, dir); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
	if when == "fetches" {
		if err := f.proc.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	if j := f.job("1"); j.State == "canceled" {
		t.Error("the job was canceled")
	}
}
