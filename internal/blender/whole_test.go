package blender

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// smallEXR is an uncompressed single-part EXR of two lines with one half channel, two pixels wide.
func smallEXR() []byte {
	file := []byte("\x76\x2f\x31\x01\x02\x00\x00\x00")
	add := func(name, kind string, value []byte) {
		file = append(file, name+"\x00"+kind+"\x00"...)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(value)))
		file = append(file, value...)
	}
	add("compression", "compression", []byte{0})
	add("dataWindow", "box2i", []byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0})
	file = append(file, 0)
	first := len(file) + 16
	file = binary.LittleEndian.AppendUint64(file, uint64(first))
	file = binary.LittleEndian.AppendUint64(file, uint64(first+12))
	for line := range byte(2) {
		file = append(file, line, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4)
	}
	return file
}

func pictureFiles(t testing.TB) map[string][]byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 9, 9))
	var p, j bytes.Buffer
	if err := png.Encode(&p, picture); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&j, picture, nil); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"png": p.Bytes(), "jpg": j.Bytes(), "exr": smallEXR()}
}

func TestHalfFilesAreNoticed(t *testing.T) {
	for name, data := range pictureFiles(t) {
		path := filepath.Join(t.TempDir(), "picture."+name)
		for _, size := range []int{len(data), len(data) - 1, len(data) / 2, 9, 1} {
			os.WriteFile(path, data[:size], 0o600)
			if err := checkWhole(path); (err == nil) != (size == len(data)) {
				t.Errorf("%s, %d of %d bytes: %v", name, size, len(data), err)
			}
		}
	}
	exr := smallEXR()
	copy(exr[len(exr)-24-16:], make([]byte, 16)) // a table that was never written
	if checkPicture(bytes.NewReader(exr), int64(len(exr))) == nil {
		t.Error("an EXR without its table passed")
	}
}

func FuzzCheckPicture(f *testing.F) {
	for _, data := range pictureFiles(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkPicture(bytes.NewReader(data), int64(len(data)))
	})
}
