package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// artist sits before a Blender with a window.
type artist struct {
	*desktop
	t        *testing.T
	name     string // of pictures
	home     string
	cmd      *exec.Cmd
	out      *lockedBuffer // all that Blender says
	done     chan struct{}
	left     bool // on purpose
	talk     net.Conn
	said     *bufio.Reader
	page     map[string]image.Point // where buttons were found
	patience time.Duration          // with facts
}

// openBlender starts Blender on a desktop, as somebody whose settings lie below home does, with the variables of env.
func openBlender(t *testing.T, d *desktop, blender, home, name string, env []string, files ...string) *artist {
	t.Helper()
	script, err := filepath.Abs("addonwindow.py")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "talk")
	if len(socket) > 100 { // a name of a socket has 107 bytes at most
		t.Fatalf("%s is too long for a socket", socket)
	}
	a := &artist{desktop: d, t: t, name: name, home: home, out: &lockedBuffer{}, done: make(chan struct{}), page: map[string]image.Point{}, patience: time.Minute}
	a.cmd = exec.Command(blender, append(files, "--python-exit-code", "1", "--python", script, "--", socket)...)
	a.cmd.Env = append(homeOf(home), append(env, "DISPLAY="+d.name, "LIBGL_ALWAYS_SOFTWARE=1")...)
	if dir := os.Getenv("NETRENDER_SCREENSHOTS"); dir != "" {
		a.cmd.Env = append(a.cmd.Env, "NETRENDER_SCREENSHOTS="+dir)
	}
	a.cmd.Stdout, a.cmd.Stderr = a.out, a.out
	a.cmd.SysProcAttr = ownGroup()
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = a.cmd.Wait()
		close(a.done)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-a.cmd.Process.Pid, syscall.SIGKILL)
		<-a.done
		if t.Failed() {
			t.Logf("output of Blender:\n%s", tail(a.out.String(), 6000))
		}
	})
	a.eventually("Blender has a window", func() bool { return len(d.windows()) > 0 })
	a.eventually("Blender talks", func() bool {
		a.talk, err = net.Dial("unix", socket)
		return err == nil
	})
	t.Cleanup(func() { _ = a.talk.Close() })
	a.said = bufio.NewReader(a.talk)
	return a
}

// homeOf is the environment of somebody with a home of their own.
func homeOf(home string) []string {
	env := slices.DeleteFunc(cleanEnv(), func(kv string) bool { return strings.HasPrefix(kv, "PYTHONDONTWRITEBYTECODE=") })
	return append(env, "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"), "XDG_CACHE_HOME="+filepath.Join(home, "cache"),
		"XDG_DATA_HOME="+filepath.Join(home, "data"))
}

// eventually waits for a fact as long as Blender runs, or after it was left. What is on the screen when it fails is kept.
func (a *artist) eventually(what string, fact func() bool) {
	a.t.Helper()
	deadline := time.Now().Add(a.patience)
	ended := a.done
	if a.left {
		ended = nil // the farm goes on
	}
	for !fact() {
		select {
		case <-ended:
			a.t.Fatalf("Blender ended before %s", what)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			a.keep(a.name + "-failed")
			a.t.Fatalf("after %s it is still not so that %s", a.patience, what)
		}
	}
}

// ask has Blender evaluate some Python, and returns the value of its last expression.
func ask[T any](a *artist, code string, args ...any) T {
	a.t.Helper()
	if len(args) > 0 {
		code = fmt.Sprintf(code, args...)
	}
	question, err := json.Marshal(map[string]string{"code": code})
	if err != nil {
		a.t.Fatal(err)
	}
	_ = a.talk.SetDeadline(time.Now().Add(time.Minute))
	_, err = a.talk.Write(append(question, '\n'))
	var line []byte
	if err == nil {
		line, err = a.said.ReadBytes('\n')
	}
	var answer struct {
		Value T
		Error string
	}
	if err == nil {
		err = json.Unmarshal(line, &answer)
	}
	if err != nil || answer.Error != "" {
		a.keep(a.name + "-failed")
		a.t.Fatalf("%s: %v\n%s", code, err, answer.Error)
	}
	return answer.Value
}

// do has Blender run some Python.
func (a *artist) do(code string, args ...any) {
	a.t.Helper()
	ask[any](a, code+"\nNone", args...)
}

// until waits until a Python expression is true.
func (a *artist) until(what, code string, args ...any) {
	a.t.Helper()
	a.eventually(what, func() bool { return ask[bool](a, "bool("+code+")", args...) })
}

// area is where the main region of an area, as PROPERTIES, is on the screen.
func (a *artist) area(kind string) image.Rectangle {
	a.t.Helper()
	at := ask[[6]int](a, "place(%q)", kind)
	for _, w := range a.windows() {
		if w.Size() == image.Pt(at[0], at[1]) {
			return image.Rect(at[2], at[3], at[4], at[5]).Add(w.Min)
		}
	}
	a.t.Fatalf("no window has %d x %d pixels: %v", at[0], at[1], a.windows())
	return image.Rectangle{}
}

// edge is the top left corner of an area with its header on the screen.
func (a *artist) edge(kind string) image.Point {
	a.t.Helper()
	at := ask[[4]int](a, "border(%q)", kind)
	for _, w := range a.windows() {
		if w.Size() == image.Pt(at[0], at[1]) {
			return image.Pt(at[2], at[3]).Add(w.Min)
		}
	}
	a.t.Fatalf("no window has %d x %d pixels: %v", at[0], at[1], a.windows())
	return image.Point{}
}

// still keeps a picture of the screen when it does not change any more, where somebody wants to see it.
func (a *artist) still(name string) {
	a.t.Helper()
	if os.Getenv("NETRENDER_SCREENSHOTS") == "" {
		return
	}
	a.settle()
	a.keep(a.name + "-" + name)
}

// settle waits until what is on the screen does not change any more.
func (a *artist) settle() {
	a.t.Helper()
	whole := image.Rect(0, 0, a.wide, a.high)
	before := a.look(whole)
	same := 0
	a.eventually("the screen does not change", func() bool {
		a.do("1")
		now := a.look(whole)
		if same++; !bytes.Equal(before.Pix, now.Pix) {
			same = 0
		}
		before = now
		return same >= 5
	})
}

// turns waits until Blender has seen what was done with keys and mouse.
func (a *artist) turns() {
	a.t.Helper()
	a.do("1")
	a.do("1") // what was there at the first answer is dealt with before the second
}

// drag drags with the left button.
func (a *artist) drag(from, to image.Point) {
	a.t.Helper()
	a.move(from)
	a.turns()
	a.grip(true)
	a.turns()
	for part := 1; part <= 4; part++ {
		a.move(from.Add(to.Sub(from).Mul(part).Div(4)))
		a.turns()
	}
	a.grip(false)
	a.turns()
}

// hover moves the mouse to a place in an area, and says what the button there does.
func (a *artist) hover(kind string, at image.Point) string {
	a.t.Helper()
	a.move(at)
	a.turns()
	return ask[string](a, "under(%q)", kind)
}

// find finds a button of the properties by the beginning of what it does, and leaves the mouse there. The place is looked
// for in a column at so many hundredths of the width, from the top of the area to its end.
func (a *artist) find(what string, column int) (image.Point, bool) {
	a.t.Helper()
	key := func(what string) string { return fmt.Sprint(what, column) }
	if at, ok := a.page[key(what)]; ok && strings.HasPrefix(a.hover("PROPERTIES", at), what) {
		return at, true
	}
	area := a.area("PROPERTIES")
	for y := area.Min.Y + 6; y < area.Max.Y-4; y += 13 {
		at := image.Pt(area.Min.X+area.Dx()*column/100, y)
		found := a.hover("PROPERTIES", at)
		if found == "" {
			continue
		}
		a.page[key(found)] = at
		if strings.HasPrefix(found, what) {
			a.page[key(what)] = at
			return at, true
		}
	}
	return image.Point{}, false
}

// click clicks a button of the properties, and returns where it is.
func (a *artist) click(what string, column int) image.Point {
	a.t.Helper()
	at, ok := a.find(what, column)
	if !ok {
		a.keep(a.name + "-failed")
		a.t.Fatalf("there is no button that does %q", what)
	}
	a.tap()
	return at
}

// tap clicks where the mouse is. A key comes first: two clicks one soon after the other are a double click.
func (a *artist) tap() {
	a.t.Helper()
	a.press(keyControl)
	a.button(1)
}

// ended waits until Blender was left.
func (a *artist) ended() {
	a.t.Helper()
	select {
	case <-a.done:
		a.left = true
	case <-time.After(time.Minute):
		a.keep(a.name + "-failed")
		a.t.Fatal("Blender is still there")
	}
}
