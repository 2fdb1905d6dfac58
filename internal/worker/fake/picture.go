package fake

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"

	"github.com/netrender/netrender/internal/exr"
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

// exr is the picture as a multilayer OpenEXR without compression, with the channel names that Blender gives the
// combined pass.
func (p picture) exr() ([]byte, error) {
	var planes [4][]byte // R, G, B, A
	for y := range p.height {
		for x := range p.width {
			r, g, b := p.at(x, y)
			for c, v := range []float32{r, g, b, 1} {
				planes[c] = binary.LittleEndian.AppendUint32(planes[c], math.Float32bits(v))
			}
		}
	}
	im := exr.Image{Width: p.width, Height: p.height, Compression: exr.None}
	for c, name := range []string{"R", "G", "B", "A"} {
		im.Planes = append(im.Planes, exr.Plane{Name: "ViewLayer.Combined." + name, Type: exr.Float, Bytes: planes[c]})
	}
	var b bytes.Buffer
	err := exr.Write(&b, &im)
	return b.Bytes(), err
}
