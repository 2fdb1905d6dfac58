// Command demo shows a farm on one machine: it makes an animated scene, starts a master and two workers, renders the
// scene on them with the program in bin/, renders it again locally, and compares every frame, pixel by pixel and pass
// by pass. Run it with make demo.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/png" // to decode frames
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/exr"
)

const (
	first, last = 1, 12
	folder      = "demo"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	program, err := filepath.Abs("bin/netrender")
	if err != nil {
		return err
	}
	blender := os.Getenv("NETRENDER_BLENDER")
	if blender == "" {
		blender = "blender"
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	say("making the scene")
	if err := quietly(blender, "-b", "--factory-startup", "--python-exit-code", "1", "--python", "test/scenes/plain.py", "--",
		filepath.Join(root, "scene"), "--samples", "16"); err != nil {
		return err
	}
	blend := filepath.Join(root, "scene", "plain.blend")

	say("starting a master and two workers, each with a folder of its own")
	data := filepath.Join(root, "master")
	master, err := start(nil, program, "master", "--data", data, "--listen", "127.0.0.1:0", "--quiet-network")
	if err != nil {
		return err
	}
	defer stop(master)
	env := []string{"NETRENDER_DATA=" + data}
	for !answers(env, program) {
		time.Sleep(100 * time.Millisecond)
	}
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		return err
	}
	url, err := urlOf(filepath.Join(data, "master.json"))
	if err != nil {
		return err
	}
	env = append(env, "NETRENDER_MASTER="+url, "NETRENDER_TOKEN="+strings.TrimSpace(string(token)))
	for _, name := range []string{"oak", "elm"} {
		w, err := start(env, program, "worker", "--data", filepath.Join(root, name), "--name", name, "--blender", blender)
		if err != nil {
			return err
		}
		defer stop(w)
	}

	say("waiting until both have asked their Blender what it can do")
	for !online(env, program, 2) {
		time.Sleep(100 * time.Millisecond)
	}

	// One thread a worker: two share this machine's cores, and with several threads Cycles itself does not always give
	// the same last bit twice (docs/blender-facts.md).
	frames := filepath.Join(root, "frames")
	say("netrender render scene/plain.blend -f %d-%d -o frames/ --threads 1", first, last)
	cmd := exec.Command(program, "render", blend, "-f", fmt.Sprintf("%d-%d", first, last), "-o", frames, "--threads", "1", "--blender", blender)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	onFarm := time.Since(began)
	show := exec.Command(program, "workers")
	show.Env, show.Stdout, show.Stderr = append(os.Environ(), env...), os.Stdout, os.Stderr
	if err := show.Run(); err != nil {
		return err
	}

	say("rendering the same frames locally, one thread, to compare")
	local := filepath.Join(root, "local")
	began = time.Now()
	if err := quietly(blender, "-b", "--factory-startup", "-t", "1", blend, "--python-exit-code", "1", "--python", "test/outputs.py", "--",
		local, fmt.Sprintf("%d-%d", first, last)); err != nil {
		return err
	}
	alone := time.Since(began)
	args := []string{"-b", "--factory-startup", "-t", "1", blend, "--python-exit-code", "1", "--python", "test/multilayer.py", "--", filepath.Join(local, "exr")}
	for f := first; f <= last; f++ {
		args = append(args, fmt.Sprint(f))
	}
	if err := quietly(blender, args...); err != nil {
		return err
	}
	fmt.Println()
	bad := 0
	for f := first; f <= last; f++ {
		text, same, err := compare(local, frames, f)
		if err != nil {
			return err
		}
		if !same {
			bad++
		}
		fmt.Printf("frame %2d  %s\n", f, text)
	}
	fmt.Printf("\nTwo workers with a thread each took %s, with the scene's reading, sending and the start of Blender; one Blender with a thread took %s.\n",
		onFarm.Round(100*time.Millisecond), alone.Round(100*time.Millisecond))
	fmt.Printf("Frames: %s\n", frames)
	if bad > 0 {
		return fmt.Errorf("%d of %d frames differ from the local render", bad, last-first+1)
	}
	fmt.Printf("All %d frames equal the local render.\n", last-first+1)
	return nil
}

// compare compares the picture and the multilayer EXR of one frame.
func compare(local, farm string, frame int) (text string, same bool, err error) {
	name := fmt.Sprintf("plain_%04d.png", frame)
	n, err := differentPixels(filepath.Join(local, name), filepath.Join(farm, name))
	if err != nil {
		return "", false, err
	}
	raw := fmt.Sprintf("exr/%04d.exr", frame)
	diff, err := exr.CompareFiles(filepath.Join(local, raw), filepath.Join(farm, raw))
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf("%s: %d pixels differ; %s: %s", name, n, raw, &diff), n == 0 && diff.Equal(), nil
}

func differentPixels(a, b string) (int, error) {
	x, err := picture(a)
	if err != nil {
		return 0, err
	}
	y, err := picture(b)
	if err != nil {
		return 0, err
	}
	if x.Bounds() != y.Bounds() {
		return 0, errors.New(b + " has another size")
	}
	n := 0
	for py := range x.Bounds().Dy() {
		for px := range x.Bounds().Dx() {
			if x.At(px, py) != y.At(px, py) {
				n++
			}
		}
	}
	return n, nil
}

func picture(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	im, _, err := image.Decode(f)
	return im, err
}

func say(format string, args ...any) { fmt.Printf("\n== "+format+"\n", args...) }

// quietly runs a command and shows its output only when it fails.
func quietly(name string, args ...string) error {
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out.String())
	}
	return nil
}

func start(env []string, name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	log, err := os.CreateTemp(folder, args[0]+"-*.log")
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
		log, err = os.CreateTemp(folder, args[0]+"-*.log")
	}
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	return cmd, cmd.Start()
}

func stop(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		<-done
	}
}

// online tells whether so many workers are there.
func online(env []string, program string, want int) bool {
	cmd := exec.Command(program, "workers")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	return err == nil && strings.Count(string(out), "online") == want
}

// answers tells whether the master is up.
func answers(env []string, program string) bool {
	cmd := exec.Command(program, "rules")
	cmd.Env = append(os.Environ(), env...)
	return cmd.Run() == nil
}

func urlOf(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(text), `"url":"`)
	url, _, ok := strings.Cut(rest, `"`)
	if !ok {
		return "", errors.New(path + " does not name the master")
	}
	return url, nil
}
