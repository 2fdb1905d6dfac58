package exr

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// TestCrop: the window's pixels are those of the whole picture, in every channel; nothing outside the picture is made up.
func TestCrop(t *testing.T) {
	const width, height = 7, 40
	floats, halves := make([]byte, 4*width*height), make([]byte, 2*width*height)
	for i := range width * height {
		binary.LittleEndian.PutUint32(floats[4*i:], uint32(i))
		binary.LittleEndian.PutUint16(halves[2*i:], uint16(1000+i))
	}
	var b bytes.Buffer
	im := Image{Width: width, Height: height, Compression: ZIP, Planes: []Plane{{"L.Depth.Z", Float, floats}, {"L.Combined.R", Half, halves}}}
	if err := Write(&b, &im); err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "part.exr")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	window := Box{MinX: 2, MinY: 11, MaxX: 4, MaxY: 30}
	if err := Crop(out, f, window); err != nil {
		t.Fatal(err)
	}
	if err := VerifyFile(path); err != nil {
		t.Fatal(err)
	}
	st, _ := out.Stat()
	cut, err := Open(out, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	if p := cut.Parts[0]; p.Data != (Box{MaxX: 2, MaxY: 19}) || p.Display != p.Data {
		t.Fatalf("the picture is %v", p.Data)
	}
	planes, err := cut.Parts[0].Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, plane := range planes {
		for y := range 20 {
			for x := range 3 {
				at, want := y*3+x, (y+11)*width+x+2
				switch plane.Name {
				case "L.Depth.Z":
					if got := binary.LittleEndian.Uint32(plane.Bytes[4*at:]); int(got) != want {
						t.Fatalf("depth at %d, %d is %d, not %d", x, y, got, want)
					}
				case "L.Combined.R":
					if got := binary.LittleEndian.Uint16(plane.Bytes[2*at:]); int(got) != 1000+want {
						t.Fatalf("red at %d, %d is %d, not %d", x, y, got, 1000+want)
					}
				default:
					t.Fatalf("a channel %s", plane.Name)
				}
			}
		}
	}
	for _, wrong := range []Box{{MaxX: width, MaxY: 1}, {MinX: -1, MaxX: 1, MaxY: 1}, {MaxX: 1, MaxY: height}, {MinX: 3, MaxX: 2, MaxY: 1}} {
		if err := Crop(out, f, wrong); err == nil {
			t.Errorf("a window %v was cut out", wrong)
		}
	}
}
