package test

import (
	"bufio"
	"cmp"
	"image"
	"image/png"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
)

// desktop is a virtual display of its own with a window manager, and the hands of whoever sits before it: keys and the
// mouse come by the XTEST extension, as if they were pressed and moved.
type desktop struct {
	t    *testing.T
	name string // of the display
	conn *xgb.Conn
	root xproto.Window
	wide int
	high int
	keys map[uint32]byte // keysym -> keycode
}

// Keysyms, see keysymdef.h; those of letters are their characters.
const (
	keyEscape  = 0xff1b
	keyF12     = 0xffc9
	keyLeft    = 0xff51
	keyControl = 0xffe3
)

// openDesktop starts a display that nobody else uses; without the programs for it the test is skipped, or fails where all
// is required.
func openDesktop(t *testing.T) *desktop {
	t.Helper()
	server, err := exec.LookPath("Xvfb")
	if err != nil {
		lacking(t, "there is no Xvfb; make setup installs it on Linux")
	}
	d := &desktop{t: t, keys: map[uint32]byte{}}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command(server, "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{write} // the server takes a number that is free, and writes it there
	d.background(cmd)
	_ = write.Close()
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb ended before it was ready: %v", err)
	}
	d.name = ":" + strings.TrimSpace(number)
	xgb.Logger = log.New(io.Discard, "", 0) // it tells of the end of the connection
	if d.conn, err = xgb.NewConnDisplay(d.name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.conn.Close)
	if err := xtest.Init(d.conn); err != nil {
		t.Fatal(err)
	}
	setup := xproto.Setup(d.conn)
	screen := setup.DefaultScreen(d.conn)
	d.root, d.wide, d.high = screen.Root, int(screen.WidthInPixels), int(screen.HeightInPixels)
	mapping, err := xproto.GetKeyboardMapping(d.conn, setup.MinKeycode, byte(setup.MaxKeycode-setup.MinKeycode+1)).Reply()
	if err != nil {
		t.Fatal(err)
	}
	for at, sym := range mapping.Keysyms {
		if column := at % int(mapping.KeysymsPerKeycode); column == 0 { // the key alone
			d.keys[uint32(sym)] = byte(at/int(mapping.KeysymsPerKeycode)) + byte(setup.MinKeycode)
		}
	}
	manager, err := exec.LookPath("openbox")
	if err != nil {
		t.Log("there is no openbox: windows have no manager")
		return d
	}
	cmd = exec.Command(manager)
	cmd.Env = append(os.Environ(), "DISPLAY="+d.name)
	d.background(cmd)
	eventually(t, 30*time.Second, "a window manager is there", func() bool { return len(d.property(d.root, "_NET_SUPPORTING_WM_CHECK")) > 0 })
	return d
}

// background runs a program until the test ends.
func (d *desktop) background(cmd *exec.Cmd) {
	d.t.Helper()
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func (d *desktop) property(of xproto.Window, name string) []byte {
	atom, err := xproto.InternAtom(d.conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		d.t.Fatal(err)
	}
	reply, err := xproto.GetProperty(d.conn, false, of, atom.Atom, xproto.GetPropertyTypeAny, 0, 1000).Reply()
	if err != nil { // the window went away
		return nil
	}
	return reply.Value
}

// window is one that a program shows, with its place on the screen.
type window struct {
	id    xproto.Window
	title string
	image.Rectangle
}

// windows are those of Blender that can be seen, the oldest first.
func (d *desktop) windows() []window {
	var found []window
	var walk func(at xproto.Window)
	walk = func(at xproto.Window) {
		tree, err := xproto.QueryTree(d.conn, at).Reply()
		if err != nil {
			return
		}
		for _, id := range tree.Children {
			walk(id)
			if !strings.Contains(string(d.property(id, "WM_CLASS")), "Blender") {
				continue
			}
			look, err := xproto.GetWindowAttributes(d.conn, id).Reply()
			if err != nil || look.MapState != xproto.MapStateViewable {
				continue
			}
			size, err := xproto.GetGeometry(d.conn, xproto.Drawable(id)).Reply()
			if err != nil {
				continue
			}
			at, err := xproto.TranslateCoordinates(d.conn, id, d.root, 0, 0).Reply()
			if err != nil {
				continue
			}
			place := image.Rect(0, 0, int(size.Width), int(size.Height)).Add(image.Pt(int(at.DstX), int(at.DstY)))
			found = append(found, window{id, string(d.property(id, "WM_NAME")), place})
		}
	}
	walk(d.root)
	slices.SortFunc(found, func(a, b window) int { return cmp.Compare(a.id, b.id) })
	return found
}

func (d *desktop) fake(kind, detail byte, at image.Point) {
	d.t.Helper()
	if err := xtest.FakeInputChecked(d.conn, kind, detail, 0, d.root, int16(at.X), int16(at.Y), 0).Check(); err != nil {
		d.t.Fatal(err)
	}
}

// press presses keys together, and lets them go.
func (d *desktop) press(syms ...uint32) {
	d.t.Helper()
	for _, sym := range syms {
		if d.keys[sym] == 0 {
			d.t.Fatalf("the keyboard has no key %#x", sym)
		}
		d.fake(xproto.KeyPress, d.keys[sym], image.Point{})
	}
	for _, sym := range slices.Backward(syms) {
		d.fake(xproto.KeyRelease, d.keys[sym], image.Point{})
	}
}

// move moves the mouse to a place on the screen.
func (d *desktop) move(to image.Point) {
	d.t.Helper()
	d.fake(xproto.MotionNotify, 0, to)
}

// button presses a button of the mouse, 1 is the left one, where the mouse is, and lets it go; 4 and 5 are the wheel.
func (d *desktop) button(number byte) {
	d.t.Helper()
	d.fake(xproto.ButtonPress, number, image.Point{})
	d.fake(xproto.ButtonRelease, number, image.Point{})
}

// grip presses the left button of the mouse, or lets it go.
func (d *desktop) grip(down bool) {
	d.t.Helper()
	kind := byte(xproto.ButtonPress)
	if !down {
		kind = xproto.ButtonRelease
	}
	d.fake(kind, 1, image.Point{})
}

// look is what is on a part of the screen now.
func (d *desktop) look(at image.Rectangle) *image.RGBA {
	d.t.Helper()
	at = at.Intersect(image.Rect(0, 0, d.wide, d.high))
	size := at.Size()
	reply, err := xproto.GetImage(d.conn, xproto.ImageFormatZPixmap, xproto.Drawable(d.root), int16(at.Min.X), int16(at.Min.Y),
		uint16(size.X), uint16(size.Y), 0xffffffff).Reply()
	if err != nil {
		d.t.Fatal(err)
	}
	picture := image.NewRGBA(image.Rectangle{Max: size})
	for at := 0; at+3 < len(reply.Data) && at+3 < len(picture.Pix); at += 4 {
		picture.Pix[at], picture.Pix[at+1], picture.Pix[at+2], picture.Pix[at+3] = reply.Data[at+2], reply.Data[at+1], reply.Data[at], 255
	}
	return picture
}

// keep writes a picture of the screen into the folder NETRENDER_SCREENSHOTS, if one is named.
func (d *desktop) keep(name string) {
	d.t.Helper()
	dir := os.Getenv("NETRENDER_SCREENSHOTS")
	if dir == "" {
		return
	}
	file, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, d.look(image.Rect(0, 0, d.wide, d.high))); err != nil {
		d.t.Fatal(err)
	}
}
