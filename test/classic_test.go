package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/exr"
)

// classicDoor is a farm with a door for the original Netrender.
type classicDoor struct {
	*farm
	dialect, address string
	args             []string
}

func openClassic(t *testing.T, dialect string, args ...string) *classicDoor {
	t.Helper()
	c := &classicDoor{dialect: dialect, address: "127.0.0.1:" + strconv.Itoa(freePort(t))}
	c.args = append([]string{"--classic", c.address, "--classic-dialect", dialect, "--classic-blender", "3.4.1"}, args...)
	c.farm = startFarm(t, c.args...)
	return c
}

// script is a client or slave of the original.
func (c *classicDoor) script(args ...string) *exec.Cmd {
	c.t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		lacking(c.t, "no python3 to run a client of the original with")
	}
	return exec.Command(python, append([]string{"classic.py", c.dialect, c.address}, args...)...)
}

// ask runs a client to its end.
func (c *classicDoor) ask(args ...string) string {
	c.t.Helper()
	out, err := c.script(args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("classic.py %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// slave starts a slave that ends when it has sent so many frames.
func (c *classicDoor) slave(name string, count int, blender ...string) *exec.Cmd {
	c.t.Helper()
	var out lockedBuffer
	cmd := c.script(append([]string{"slave", name, strconv.Itoa(count), c.t.TempDir()}, blender...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if c.t.Failed() {
			c.t.Logf("slave %s: %s", name, out.String())
		}
	})
	return cmd
}

// TestClassicFarm: a client of the original submits, its slave renders, it fetches.
func TestClassicFarm(t *testing.T) {
	for _, dialect := range []string{"1.8", "page"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			c := openClassic(t, dialect)
			scene := filepath.Join(t.TempDir(), "shot.blend")
			if err := os.WriteFile(scene, []byte("BLENDER-v279 and a scene of "+dialect), 0o600); err != nil {
				t.Fatal(err)
			}
			id := c.ask("submit", "1-5", scene)
			slave := c.slave("old", 5)
			home := t.TempDir()
			c.ask("fetch", id, "1-5", home)
			if err := slave.Wait(); err != nil {
				t.Fatal(err)
			}
			for frame := 1; frame <= 5; frame++ {
				path := filepath.Join(home, "00000"+strconv.Itoa(frame)+".exr")
				if err := exr.VerifyFile(path); err != nil {
					t.Errorf("frame %d: %v", frame, err)
				}
			}
			eventually(t, 20*time.Second, "the job is done", func() bool { return c.job("1").State == "done" })
			if log := c.ok("logs", "1", "-f", "2"); !strings.Contains(log, "rendering") && dialect == "1.8" {
				t.Errorf("the log of a frame is %q", log)
			}
		})
	}
}

// TestClassicKilled: what the door has answered is there after a kill -9, and a slave from before goes on.
func TestClassicKilled(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	c := openClassic(t, "1.8", "--classic-root", root)
	for _, name := range []string{"sent.blend", "read.blend"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("the scene "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "sent.blend")
	if err := os.Rename(filepath.Join(root, "sent.blend"), elsewhere); err != nil {
		t.Fatal(err)
	}
	sent, read := c.ask("submit", "1-3", elsewhere), c.ask("announce", "1-3", filepath.Join(root, "read.blend"))
	c.proc.kill()
	c.start(c.args...)
	slave := c.slave("old", 6)
	home := t.TempDir()
	c.ask("fetch", sent, "1-3", home)
	c.ask("fetch", read, "1-3", home)
	if err := slave.Wait(); err != nil {
		t.Fatal(err)
	}
	if out := c.ok("workers"); !strings.Contains(out, "old") {
		t.Errorf("the slave is not among the workers:\n%s", out)
	}
}

// TestClassicBlender: real Blender renders what the door's slave was sent, of a client's job and of a modern one; a modern
// worker renders a client's job, and the pictures are the same.
func TestClassicBlender(t *testing.T) {
	blender := blenders(t)[0]
	if strings.HasPrefix(filepath.Base(blender), "python") {
		lacking(t, "no Blender that is an executable, which slaves of the original start")
	}
	blend := scene(t, blender, "tiny", "tiny.blend", "--frames", "4", "--size", "32x18", "--threads", "1")
	c := openClassic(t, "1.8")
	fetch := func(id string) string {
		home := t.TempDir()
		c.ask("fetch", id, "2-3", home)
		return home
	}
	slave := c.slave("old", 2, blender)
	byOld := fetch(c.ask("submit", "2-3", blend))
	if err := slave.Wait(); err != nil {
		t.Fatal(err)
	}

	c.ok("worker-set", "old", "enabled=no")
	worker := c.workerIn(knownBlender(t, blender), "new", "--blender", blender)
	byNew := fetch(c.ask("submit", "2-3", blend))
	worker.kill()
	for _, name := range []string{"000002.exr", "000003.exr"} {
		d, err := exr.CompareFiles(filepath.Join(byOld, name), filepath.Join(byNew, name))
		if err != nil || !d.Equal() {
			t.Errorf("%s: a slave's picture differs from a worker's: %v, %v", name, d, err)
		}
	}

	c.ok("worker-set", "old", "enabled=yes")
	id := strings.TrimSpace(c.ok("submit", blend, "-f", "4", "--no-outputs", "--blender", blender))
	again := c.slave("old", 1, blender)
	eventually(t, 60*time.Second, "the modern job is done", func() bool { return c.job(id).State == "done" })
	_ = again.Wait()
	home := t.TempDir()
	c.ok("fetch", id, "-o", home)
	found := 0
	for _, path := range filesBelow(t, home) {
		if filepath.Ext(path) == ".exr" {
			found++
			if err := exr.VerifyFile(filepath.Join(home, path)); err != nil {
				t.Error(err)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d pictures came home: %v", found, filesBelow(t, home))
	}
}
