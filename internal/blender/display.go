package blender

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// display is a virtual X server of ours. Nobody without its cookie can reach it.
type display struct {
	name   string // ":99"
	cookie string // path of the Xauthority file
	cmd    *exec.Cmd
	ended  chan struct{}
}

// displayLimit bounds how long a virtual display may take to come up.
const displayLimit = 30 * time.Second

// displayWanted says whether Blender would find no window system in this environment.
func displayWanted(env []string) bool {
	return runtime.GOOS == "linux" && lookup(env, "DISPLAY") == "" && lookup(env, "WAYLAND_DISPLAY") == ""
}

// startDisplay runs Xvfb (path "" looks on PATH) and waits until it can be reached.
func startDisplay(ctx context.Context, runner []string, path, tmp string, env []string) (*display, error) {
	if path == "" {
		found, err := exec.LookPath("Xvfb")
		if err != nil {
			return nil, errors.New("there is no Xvfb on PATH")
		}
		path = found
	}
	key := make([]byte, 16)
	rand.Read(key)
	d := &display{cookie: filepath.Join(tmp, "xauth-"+rand.Text()), ended: make(chan struct{})}
	if err := os.WriteFile(d.cookie, xauthority(key), 0o600); err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	d.cmd = runnerCommand(context.Background(), runner, 1, "", []string{
		path, "-displayfd", "3", "-screen", "0", "1280x1024x24",
		"-nolisten", "tcp", "-noreset", "-auth", d.cookie,
	})
	d.cmd.ExtraFiles = []*os.File{write}
	d.cmd.Env = env
	err = d.cmd.Start()
	write.Close()
	if err != nil {
		os.Remove(d.cookie)
		return nil, fmt.Errorf("the virtual display Xvfb cannot be started: %w", err)
	}
	go func() {
		d.cmd.Wait()
		close(d.ended)
	}()
	stop := context.AfterFunc(ctx, func() { d.cmd.Cancel() })
	defer stop()
	number, err := bufio.NewReader(read).ReadString('\n')
	number = strings.TrimSpace(number)
	if err != nil || number == "" {
		d.close()
		return nil, errors.New("the virtual display Xvfb ended before it was ready")
	}
	d.name = ":" + number
	return d, nil
}

// xauthority is an Xauthority file with one MIT-MAGIC-COOKIE-1 for any address (FamilyWild, Xau(3)).
func xauthority(key []byte) []byte {
	file := []byte{0xff, 0xff}
	for _, field := range [][]byte{nil, nil, []byte("MIT-MAGIC-COOKIE-1"), key} {
		file = append(file, byte(len(field)>>8), byte(len(field)))
		file = append(file, field...)
	}
	return file
}

func (d *display) close() {
	d.cmd.Cancel()
	<-d.ended
	os.Remove(d.cookie)
}
