package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	fakes "github.com/netrender/netrender/internal/worker/fake"
)

// strangePrefix begins the name of an executable that is this test binary standing in for Blender; what follows is how
// it behaves. Blender's environment carries no settings of ours, so the name must.
const strangePrefix = "strange-"

// strange makes a Blender that behaves as mode says.
func strange(t *testing.T, mode string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), strangePrefix+mode)
	if err := os.Symlink(self, path); err != nil {
		t.Skipf("no links to files here: %v", err)
	}
	return path
}

// strangeBlender is what such an executable does: `--python probe.py -- ANSWER [ENGINE]` tells what it is,
// `--python agent.py -- HANDOVER` renders. It speaks the agent's side of the channel (internal/blender/channel.go).
func strangeBlender(mode string, args []string) int {
	at := len(args)
	for i, a := range args {
		if a == "--" {
			at = i
		}
	}
	if at+1 >= len(args) {
		return 2
	}
	if rest := args[at+1:]; filepath.Base(args[at-1]) == "probe.py" {
		return strangeProbe(mode, rest)
	}
	var h struct {
		FD   int
		Mark string
	}
	text, err := os.ReadFile(args[at+1])
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		fmt.Println(err)
		return 70
	}
	conn, err := net.FileConn(os.NewFile(uintptr(h.FD), "channel"))
	if err != nil {
		fmt.Println(err)
		return 71
	}
	say := func(v any) {
		line, _ := json.Marshal(v)
		_, _ = conn.Write(append(line, '\n'))
	}
	say(map[string]any{"event": "hello", "version": "99.0.0", "pid": os.Getpid()})
	requests := bufio.NewScanner(conn)
	requests.Buffer(nil, 1<<20)
	for requests.Scan() {
		var r strangeRequest
		if json.Unmarshal(requests.Bytes(), &r) != nil || r.Verb == "quit" {
			return 0
		}
		ok := map[string]any{"name": "Scene", "engine": "CYCLES"}
		if mode == "warns" {
			ok["missing"] = []string{"/home/artist/sky.png"}
			ok["script_errors"] = []string{"the script turn.py raised NameError (name 'x' is not defined) in line 6"}
		}
		if r.Verb == "render" {
			var code int
			if ok, code = r.render(mode); code >= 0 {
				return code
			}
		}
		fmt.Printf("%s%d\n", h.Mark, r.ID)
		say(map[string]any{"id": r.ID, "ok": ok})
	}
	return 0
}

func strangeProbe(mode string, args []string) int {
	var answer any = map[string]any{"works": false, "why": "it crashed"} // of an engine that is tried
	if len(args) == 1 {
		engines := []map[string]any{
			{"id": "CYCLES", "name": "Cycles", "works": true},
			{"id": "BLENDER_EEVEE", "name": "EEVEE", "display": true, "works": true},
			{"id": "BLENDER_WORKBENCH", "name": "Workbench", "display": true, "works": true},
		}
		if mode == "draws" { // it has nothing but engines that do not work here
			engines = engines[1:]
		}
		answer = map[string]any{"version": "99.0.0", "series": "99.0", "engines": engines, "devices": []map[string]any{{"id": "cpu", "name": "CPU"}}}
	}
	text, err := json.Marshal(answer)
	if err == nil {
		err = os.WriteFile(args[0], text, 0o600)
	}
	if err != nil {
		fmt.Println(err)
		return 70
	}
	return 0
}

type strangeRequest struct {
	Verb, Out_dir, EXR string
	ID, Frame          int
	Outputs, Preview   bool
}

// stayStrange hangs. An empty select would not do: Go ends a program none of whose goroutines can ever go on.
func stayStrange() { <-time.After(24 * time.Hour) }

// render misbehaves as mode says; a code that is not negative ends the process.
func (r *strangeRequest) render(mode string) (ok map[string]any, code int) {
	const line = "this line is printed again and again and again, until nobody wants to read it any more\n"
	fmt.Printf("Fra:%d Mem:1.00M (Peak 1.00M) | Scene, ViewLayer | Sample 1/4\n", r.Frame)
	switch mode {
	case "hangs":
		stayStrange()
	case "slow":
		for i := 0; ; i++ {
			fmt.Printf("Fra:%d Mem:1.00M (Peak 1.00M) | Scene, ViewLayer | Sample 1/4 %d\n", r.Frame, i)
			<-time.After(100 * time.Millisecond)
		}
	case "leaves":
		fmt.Println("Blender quit")
		return nil, 0
	case "crashes":
		fmt.Println("Writing: /tmp/scene.crash.txt")
		crashStrange()
	case "nothing":
		return map[string]any{"files": []any{}}, -1
	case "bytes":
		_, _ = os.Stdout.WriteString("caf\xe9 \xff\xfe \xe4\xb8\n")
	case "noisy":
		fmt.Println("first words")
		block := strings.Repeat(line, 1<<20/len(line))
		for range 1 << 10 {
			_, _ = os.Stdout.WriteString(block)
		}
		fmt.Println("last words")
	case "endless":
		block := strings.Repeat("no end ", 1<<20/7)
		for range 1 << 10 {
			_, _ = os.Stdout.WriteString(block)
		}
	case "greedy":
		held := make([]byte, 900<<20)
		for i := 0; i < len(held); i += 4096 {
			held[i] = 1
		}
		fmt.Println("held", len(held))
		stayStrange()
	}
	files, err := fakes.Picture{Frame: r.Frame, Width: 16, Height: 16}.Files(r.EXR != "none", r.Outputs, r.Preview)
	var list []map[string]any
	for _, f := range files {
		path := filepath.Join(r.Out_dir, f.Name)
		if err == nil {
			err = os.WriteFile(path, f.Bytes, 0o600)
		}
		list = append(list, map[string]any{"kind": f.Kind, "path": path, "name": f.Name})
	}
	if err != nil {
		fmt.Println(err)
		return nil, 72
	}
	ok = map[string]any{"files": list, "seconds": 0.1}
	if mode == "warns" {
		ok["warnings"] = []string{"the File Output node Mist wrote no file"}
	}
	return ok, -1
}
