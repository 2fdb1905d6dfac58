package fake

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
)

// picture is what a frame shows: a gradient that moves with the frame.
type picture struct{ frame, width, height int }

// at is the colour at a pixel, each channel 0..1.
func (p picture) at(x, y int) (r, g, b float32) {
	f := float32(uint32(p.frame)%256) / 255
	return float32(x) / float32(p.width), float32(y) / float32(p.height), f
}

func (p picture) image() image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, p.width, p.height))
	for y := range p.height {
		for x := range p.width {
			r, g, b := p.at(x, y)
			img.SetNRGBA(x, y, color.NRGBA{R: uint8(r * 255), G: uint8(g * 255), B: uint8(b * 255), A: 255})
		}
	}
	return img
}

func (p picture) png() ([]byte, error) {
	var b bytes.Buffer
	err := png.Encode(&b, p.image())
	return b.Bytes(), err
}

func (p picture) jpeg() ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, p.image(), nil)
	return b.Bytes(), err
}

// exr is the picture as a single-part scan line OpenEXR without compression, with the channel names that Blender
// gives the combined pass. Format: openexr.com, "OpenEXR File Layout".
func (p picture) exr() ([]byte, error) {
	var b bytes.Buffer
	le := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a Buffer does not fail
	attribute := func(name, kind string, value []byte) {
		b.WriteString(name + "\x00" + kind + "\x00")
		le(int32(len(value)))
		b.Write(value)
	}
	channels := []string{"ViewLayer.Combined.A", "ViewLayer.Combined.B", "ViewLayer.Combined.G", "ViewLayer.Combined.R"}
	var list bytes.Buffer
	for _, name := range channels {
		list.WriteString(name + "\x00")
		_ = binary.Write(&list, binary.LittleEndian, []int32{2, 0, 1, 1}) // 32-bit float, not linear, every pixel
	}
	list.WriteByte(0)
	var window bytes.Buffer
	_ = binary.Write(&window, binary.LittleEndian, []int32{0, 0, int32(p.width - 1), int32(p.height - 1)})
	one := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1))
	le(uint32(20000630)) // magic
	le(uint32(2))        // version 2, single part, scan lines
	attribute("channels", "chlist", list.Bytes())
	attribute("compression", "compression", []byte{0})
	attribute("dataWindow", "box2i", window.Bytes())
	attribute("displayWindow", "box2i", window.Bytes())
	attribute("lineOrder", "lineOrder", []byte{0})
	attribute("pixelAspectRatio", "float", one)
	attribute("screenWindowCenter", "v2f", make([]byte, 8))
	attribute("screenWindowWidth", "float", one)
	b.WriteByte(0)
	line := len(channels) * 4 * p.width
	first := b.Len() + 8*p.height
	for y := range p.height {
		le(uint64(first + y*(8+line)))
	}
	for y := range p.height {
		le(int32(y))
		le(int32(line))
		row := make([][]float32, len(channels))
		for x := range p.width {
			r, g, blue := p.at(x, y)
			for c, v := range []float32{1, blue, g, r} {
				row[c] = append(row[c], v)
			}
		}
		for _, samples := range row {
			le(samples)
		}
	}
	return b.Bytes(), nil
}
