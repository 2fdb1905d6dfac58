package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// farm is a master with workers: two that have Blender, and a crowd that renders nothing.
type farm struct {
	program, dir, url, token, blender string
	running                           []*exec.Cmd
}

// startFarm starts it with the first two, and waits until they are there.
func startFarm(dir string) (f *farm, err error) {
	f = &farm{dir: dir, blender: "blender"}
	if b := os.Getenv("NETRENDER_BLENDER"); b != "" {
		f.blender = b
	}
	if f.program, err = filepath.Abs("bin/netrender"); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "master")
	if err := f.start("master", "--data", data, "--listen", "127.0.0.1:0", "--quiet-network"); err != nil {
		return f, err
	}
	if err := eventually("the master is up", time.Minute, func() bool {
		token, err := os.ReadFile(filepath.Join(data, "admin-token"))
		f.token = strings.TrimSpace(string(token))
		var at struct{ URL string }
		text, err2 := os.ReadFile(filepath.Join(data, "master.json"))
		return err == nil && err2 == nil && json.Unmarshal(text, &at) == nil && at.URL != "" && func() bool { f.url = at.URL; return true }()
	}); err != nil {
		return f, err
	}
	for _, name := range []string{"oak", "elm"} {
		if err := f.worker(name, "--blender", f.blender); err != nil {
			return f, err
		}
	}
	return f, f.online(2)
}

// crowd adds workers that render nothing.
func (f *farm) crowd() error {
	crowd := []string{"ash", "birch", "cedar", "fir", "hazel", "larch", "maple", "pine", "rowan", "yew"}
	for i, name := range crowd {
		args := []string{"--fake-renderer", (2500*time.Millisecond + time.Duration(i)*400*time.Millisecond).String(), "--fake-size", "320"}
		if i < 3 {
			args = append(args, "--tags", "gpu,big")
		}
		if err := f.worker(name, args...); err != nil {
			return err
		}
	}
	return f.online(len(crowd) + 2)
}

func (f *farm) online(want int) error {
	return eventually("all workers are there", 5*time.Minute, func() bool {
		list, err := f.client().Workers(context.Background())
		n := 0
		for i := range list {
			if list[i].Online {
				n++
			}
		}
		return err == nil && n == want
	})
}

func (f *farm) worker(name string, args ...string) error {
	return f.start(append([]string{"worker", "--data", filepath.Join(f.dir, name), "--name", name}, args...)...)
}

func (f *farm) env() []string {
	env := append(os.Environ(), "NETRENDER_DATA="+filepath.Join(f.dir, "me"), "NETRENDER_MASTER="+f.url)
	if f.token != "" {
		env = append(env, "NETRENDER_TOKEN="+f.token)
	}
	return env
}

func (f *farm) start(args ...string) error {
	cmd := exec.Command(f.program, args...)
	log, err := os.CreateTemp(f.dir, args[0]+"-*.log")
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Env, cmd.Stdout, cmd.Stderr = f.env(), log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	f.running = append(f.running, cmd)
	return nil
}

// stop ends all that was started, the master last.
func (f *farm) stop() {
	for i := len(f.running) - 1; i >= 0; i-- {
		_ = f.running[i].Process.Signal(os.Interrupt)
		done := make(chan struct{})
		go func() {
			_ = f.running[i].Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = f.running[i].Process.Kill()
		}
	}
}

// run runs a command of netrender's and returns what it says.
func (f *farm) run(args ...string) (string, error) {
	cmd := exec.Command(f.program, args...)
	cmd.Env = f.env()
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("netrender %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return string(out), err
}

func (f *farm) client() *wire.Client { return f.as(f.token) }

func (f *farm) as(token string) *wire.Client {
	c, err := wire.NewClient(f.url, token, wire.Options{Program: "pictures"})
	if err != nil {
		panic(err)
	}
	return c.Patient(time.Minute)
}

// send submits a job whose files are texts by their paths; one without text is not sent.
func (f *farm) send(c *wire.Client, name, frames string, files map[string]string, edit func(*nr.JobSpec)) (nr.JobID, error) {
	ctx := context.Background()
	set, err := nr.ParseFrameSet(frames)
	if err != nil {
		return 0, err
	}
	spec := nr.JobSpec{
		Name: name, Blend: name + ".blend", Frames: set, FPS: 24, Key: name,
		Needs: nr.Needs{Deny: []string{"oak", "elm"}}, Options: nr.Options{EXR: "none", Preview: true},
	}
	if edit != nil {
		edit(&spec)
	}
	list := []nr.File{}
	texts := map[string]string{}
	for path, text := range files {
		ref := blob.RefOf([]byte(path + text)).String()
		list = append(list, nr.File{Path: path, Original: "/projects/crossing/" + path, Size: int64(len(path + text)), Ref: ref})
		if text != "" {
			texts[ref] = path + text
		}
	}
	reply, err := c.Submit(ctx, spec, list)
	if err != nil {
		return 0, err
	}
	for _, ref := range reply.Missing {
		text, ok := texts[ref]
		if !ok {
			continue
		}
		if err := c.PutBlob(ctx, wire.Upload{Ref: ref, Size: int64(len(text)), Open: func() (io.ReadSeekCloser, error) {
			return closer{bytes.NewReader([]byte(text))}, nil
		}}); err != nil {
			return 0, err
		}
	}
	return reply.Job.ID, nil
}

type closer struct{ io.ReadSeeker }

func (closer) Close() error { return nil }

func eventually(what string, most time.Duration, holds func() bool) error {
	for end := time.Now().Add(most); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("waited in vain until " + what)
		}
	}
	return nil
}
