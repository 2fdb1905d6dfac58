package blender

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// blendWith is the beginning of a .blend with a thumbnail of 2 by 3 pixels, whose lowest row is red.
func blendWith(head string, edges ...int32) []byte {
	if len(edges) == 0 {
		edges = []int32{2, 3}
	}
	pixels := binary.LittleEndian.AppendUint32(nil, uint32(edges[0]))
	pixels = binary.LittleEndian.AppendUint32(pixels, uint32(edges[1]))
	for row := range 3 {
		for range 2 {
			if row == 0 {
				pixels = append(pixels, 255, 0, 0, 255)
			} else {
				pixels = append(pixels, 0, 0, 255, 128)
			}
		}
	}
	out := []byte(head)
	block := func(code string, data []byte) {
		out = append(out, code...)
		switch {
		case head[9] == '-': // 5.0
			out = append(out, make([]byte, 4+8)...)
			out = binary.LittleEndian.AppendUint64(out, uint64(len(data)))
			out = append(out, make([]byte, 8)...)
		default:
			out = binary.LittleEndian.AppendUint32(out, uint32(len(data)))
			pointer := 8
			if head[7] == '_' {
				pointer = 4
			}
			out = append(out, make([]byte, pointer+8)...)
		}
		out = append(out, data...)
	}
	block("REND", make([]byte, 72))
	block("TEST", pixels)
	block("GLOB", make([]byte, 100))
	return out
}

func TestThumbnail(t *testing.T) {
	dir := t.TempDir()
	of := func(data []byte) []byte {
		path := filepath.Join(dir, "a.blend")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return Thumbnail(path)
	}
	for _, head := range []string{"BLENDER-v304", "BLENDER_v279", "BLENDER17-01v0500"} {
		plain := blendWith(head)
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		_, _ = z.Write(plain)
		_ = z.Close()
		pack, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		for how, data := range map[string][]byte{"plain": plain, "gzip": zipped.Bytes(), "zstd": pack.EncodeAll(plain, nil)} {
			img, err := png.Decode(bytes.NewReader(of(data)))
			if err != nil {
				t.Errorf("%s, %s: %v", head, how, err)
				continue
			}
			if b := img.Bounds(); b.Dx() != 2 || b.Dy() != 3 {
				t.Errorf("%s, %s: %v", head, how, b)
			}
			if c := color.NRGBAModel.Convert(img.At(0, 2)); c != (color.NRGBA{255, 0, 0, 255}) {
				t.Errorf("%s, %s: the lowest row is %v", head, how, c)
			}
			if c := color.NRGBAModel.Convert(img.At(1, 0)); c != (color.NRGBA{0, 0, 255, 128}) {
				t.Errorf("%s, %s: the highest row is %v", head, how, c)
			}
		}
		for n := range plain {
			if n < bytes.LastIndex(plain, []byte("GLOB")) && of(plain[:n]) != nil {
				t.Fatalf("%s: a picture comes of the first %d bytes", head, n)
			}
		}
	}
	big := blendWith("BLENDER-v304", 1<<20, 1<<20)
	negative := blendWith("BLENDER-v304", -2, -3)
	short := blendWith("BLENDER-v304", 2, 4)
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("no scene at all, but long enough"), "big": big, "negative": negative, "more than there is": short,
		"big endian": blendWith("BLENDER-V304"), "none": []byte("BLENDER-v304" + "GLOB" + strings.Repeat("\x00", 40)), "odd": []byte("BLENDERxx-01v0500" + strings.Repeat("x", 99)),
	} {
		if got := of(data); got != nil {
			t.Errorf("%s: a picture of %d bytes", name, len(got))
		}
	}
	if Thumbnail(dir) != nil || Thumbnail(filepath.Join(dir, "nothing")) != nil {
		t.Error("a folder has a picture")
	}
}
