package blender

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fakeBlender speaks the agent's side of the channel and misbehaves on render as mode says.
func fakeBlender(mode string, args []string) int {
	if mode == "dies" {
		fmt.Println("cannot open shared object file")
		return 3
	}
	path := args[len(args)-1]
	text, err := os.ReadFile(path)
	if err != nil {
		fmt.Println(err)
		return 70
	}
	os.Remove(path)
	var h handover
	json.Unmarshal(text, &h)
	var conn net.Conn
	if h.FD > 0 {
		conn, err = net.FileConn(os.NewFile(uintptr(h.FD), "channel"))
	} else {
		conn, err = net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(h.Port))
	}
	if err != nil {
		fmt.Println(err)
		return 71
	}
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\n", args...) }
	if h.FD == 0 {
		if mode == "stranger" {
			h.Secret = "guess"
		}
		say(`{"secret":%q}`, h.Secret)
	}
	if mode == "silent" {
		select {}
	}
	say(`{"event":"hello","version":"9.9","pid":%d}`, os.Getpid())
	requests := bufio.NewScanner(conn)
	for requests.Scan() {
		var request struct {
			Verb, Out_dir string
			ID            int
			Tile          []int
		}
		json.Unmarshal(requests.Bytes(), &request)
		switch {
		case request.Verb == "quit":
			if mode == "stubborn" {
				select {}
			}
			return 0
		case request.Verb == "render":
			if code := fakeRender(mode, request.Out_dir, say); code >= 0 {
				return code
			}
		}
		if request.Verb == "bake" {
			os.WriteFile(filepath.Join(request.Out_dir, "1.bphys"), []byte("cache"), 0o600)
			os.WriteFile(filepath.Join(request.Out_dir, "empty"), nil, 0o600)
			say(`{"event":"baked","files":[{"path":%q,"name":%q}],"frame":1}`, filepath.Join(request.Out_dir, os.Getenv("FAKE_CACHE")), os.Getenv("FAKE_NAME"))
		}
		fmt.Printf("%s%d\n", h.Mark, request.ID)
		switch {
		case request.Verb == "bake":
			say(`{"id":%d,"ok":{"files":%s}}`, request.ID, os.Getenv("FAKE_COUNT"))
		case request.Verb == "open":
			say(`{"id":%d,"ok":{"name":"Scene","engine":"CYCLES"}}`, request.ID)
		case mode == "outside":
			say(`{"id":%d,"ok":{"files":[{"kind":"exr","path":"/etc/passwd","name":"../passwd"}]}}`, request.ID)
		case mode == "elsewhere":
			file := filepath.Join(request.Out_dir, "0001.exr")
			os.WriteFile(file, smallEXR(), 0o600)
			say(`{"id":%d,"ok":{"files":[{"kind":"exr","path":%q,"name":"exr/0001.exr"}],"window":%s}}`, request.ID, file, os.Getenv("FAKE_WINDOW"))
		case mode == "noframe":
			say(`{"id":%d,"ok":{"files":[]}}`, request.ID)
		case mode == "camera":
			say(`{"id":%d,"error":{"kind":"no-camera","message":"no camera"}}`, request.ID)
		default:
			file := filepath.Join(request.Out_dir, "0001.exr")
			os.WriteFile(file, smallEXR(), 0o600)
			window, _ := json.Marshal(request.Tile)
			say(`{"id":%d,"ok":{"files":[{"kind":"exr","path":%q,"name":"exr/0001.exr"}],"window":%s}}`, request.ID, file, window)
		}
	}
	return 0
}

// fakeRender is what happens before the answer; a result that is not negative is the exit status.
func fakeRender(mode, folder string, say func(string, ...any)) int {
	switch mode {
	case "crash":
		fmt.Println("Writing: /tmp/blender.crash.txt")
		crash()
	case "leaves":
		fmt.Println("Blender quit")
		return 0
	case "hangs":
		fmt.Println("Fra:1 Mem:2.00M (Peak 3.00M) | Time:00:01.50 | Scene, ViewLayer | Sample 3/64")
		select {}
	case "nonsense":
		say("Fra:1 this is no message")
		select {}
	case "endless":
		say(strings.Repeat("x", maxMessage+1))
		select {}
	case "stray":
		say(`{"event":"surprise"}`)
		select {}
	case "wrong":
		say(`{"id":4711,"ok":{}}`)
		select {}
	case "bytes":
		os.Stdout.WriteString("caf\xe9 \xff\xfe\r\nplain\n" + strings.Repeat("long ", 10000) + "\n")
	case "noisy":
		megabytes, _ := strconv.Atoi(os.Getenv("FAKE_MEGABYTES"))
		block := strings.Repeat("Warning: this line is printed again and again and again\n", 1<<20/56)
		fmt.Println("first words")
		for range megabytes {
			os.Stdout.WriteString(block)
		}
		fmt.Println("last words")
	case "endless line":
		megabytes, _ := strconv.Atoi(os.Getenv("FAKE_MEGABYTES"))
		block := strings.Repeat("no end of it ", 1<<20/13)
		for range megabytes {
			os.Stdout.WriteString(block)
		}
	case "counts up":
		megabytes, _ := strconv.Atoi(os.Getenv("FAKE_MEGABYTES"))
		out := bufio.NewWriter(os.Stdout)
		for i := range megabytes << 20 / 40 {
			fmt.Fprintf(out, "\rbaking %010d of 9999999999 ........", i)
		}
		out.Flush()
	case "grandchild":
		// A process in a session of its own that keeps our stdout open.
		cmd := exec.Command("/bin/sh", "-c", "echo $$ > "+filepath.Join(folder, "pid.new")+"; mv "+filepath.Join(folder, "pid.new")+" "+filepath.Join(folder, "pid")+"; trap '' TERM HUP; sleep 1000")
		cmd.SysProcAttr = newSession()
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.Start()
		if strings.HasSuffix(folder, "orphan") { // its parent ends by itself, so the grandchild is an orphan by then
			for {
				if _, err := os.Stat(filepath.Join(folder, "pid")); err == nil {
					return 0
				}
			}
		}
		select {}
	}
	return -1
}

// startFake runs a session whose Blender is the test binary.
func startFake(t testing.TB, mode string, change ...func(*Options)) (*Session, error) {
	t.Helper()
	runner := testRunner(t)
	opts := Options{
		Install: Install{Path: runner[0], Kind: Executable}, Runner: runner, Home: t.TempDir(),
		Env: []string{"FAKE_BLENDER=" + mode}, Environ: os.Environ(),
	}
	for _, f := range change {
		f(&opts)
	}
	s, err := Start(t.Context(), opts)
	if err == nil {
		t.Cleanup(func() {
			s.Kill()
			<-s.Done()
			if left, _ := os.ReadDir(filepath.Join(opts.Home, "tmp")); len(left) != 0 {
				t.Errorf("the session left %v behind", left)
			}
		})
	}
	return s, err
}
