package fake

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/exr"
)

// Picture is what a frame shows: a gradient whose colours depend on every byte of the scene's files and on the frame.
// Whoever knows the manifest can make the very bytes that a worker delivers, and so check them.
type Picture struct {
	Scene         SceneMark
	Frame         int
	Width, Height int
}

// SceneMark stands for the bytes of a scene's files.
type SceneMark [sha256.Size]byte

// MarkOf is the mark of files, SHA-256 in hex by original path. A file that is not there has the hash "".
func MarkOf(files map[string]string) SceneMark {
	h := sha256.New()
	for _, original := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%q %s\n", original, files[original])
	}
	return SceneMark(h.Sum(nil))
}

// markOf reads the files of a scene as they are laid out.
func markOf(s *blender.Scene) (SceneMark, error) {
	files := make(map[string]string, len(s.Files))
	for original, path := range s.Files {
		f, err := os.Open(path)
		if os.IsNotExist(err) { // other frames need it
			files[original] = ""
			continue
		}
		if err != nil {
			return SceneMark{}, err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		_ = f.Close()
		if err != nil {
			return SceneMark{}, err
		}
		files[original] = hex.EncodeToString(h.Sum(nil))
	}
	return MarkOf(files), nil
}

// tint is what tells pictures of the same size apart.
func (p Picture) tint() (t [3]float32) {
	h := sha256.Sum256(binary.BigEndian.AppendUint64(p.Scene[:], uint64(p.Frame)))
	for i := range t {
		t[i] = float32(h[i]) / 256
	}
	return t
}

// planes are the red, green and blue of all pixels, each 0..1.
func (p Picture) planes() (rgb [3][]float32) {
	t := p.tint()
	for y := range p.Height {
		for x := range p.Width {
			for i, v := range [3]float32{float32(x) / float32(p.Width), float32(y) / float32(p.Height), 0} {
				if v += t[i]; v >= 1 {
					v--
				}
				rgb[i] = append(rgb[i], v)
			}
		}
	}
	return rgb
}

func (p Picture) image() image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, p.Width, p.Height))
	rgb := p.planes()
	for i := range rgb[0] {
		img.SetNRGBA(i%p.Width, i/p.Width, color.NRGBA{
			R: uint8(rgb[0][i] * 255), G: uint8(rgb[1][i] * 255), B: uint8(rgb[2][i] * 255), A: 255,
		})
	}
	return img
}

// Files are the files of the frame: kinds, names and bytes.
func (p Picture) Files(layers, outputs, preview bool) ([]File, error) {
	var list []File
	var b bytes.Buffer
	var err error
	add := func(kind blender.Kind, name string, write func(io.Writer) error) {
		if err == nil {
			b.Reset()
			if err = write(&b); err == nil {
				list = append(list, File{kind, fmt.Sprintf(name, p.Frame), bytes.Clone(b.Bytes())})
			}
		}
	}
	if layers {
		add(blender.KindEXR, "layers_%04d.exr", p.exr)
	}
	if outputs {
		add(blender.KindOutput, "%04d.png", func(w io.Writer) error { return png.Encode(w, p.image()) })
	}
	if preview {
		add(blender.KindPreview, "preview_%04d.jpg", func(w io.Writer) error { return jpeg.Encode(w, p.image(), nil) })
	}
	return list, err
}

// File is one file of a frame.
type File struct {
	Kind  blender.Kind
	Name  string
	Bytes []byte
}

// exr is the picture as a multilayer OpenEXR without compression, with the channel names that Blender gives the
// combined pass.
func (p Picture) exr(w io.Writer) error { return p.layers(w, 0) }

// layers is that, brighter by something.
func (p Picture) layers(w io.Writer, brighter float32) error {
	im := exr.Image{Width: p.Width, Height: p.Height, Compression: exr.None}
	rgb := p.planes()
	alpha := make([]float32, len(rgb[0]))
	for i := range alpha {
		alpha[i] = 1
	}
	for c, values := range [][]float32{rgb[0], rgb[1], rgb[2], alpha} {
		raw := make([]byte, 0, 4*len(values))
		for _, v := range values {
			if c < 3 {
				v += brighter
			}
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		im.Planes = append(im.Planes, exr.Plane{Name: "ViewLayer.Combined." + string("RGBA"[c]), Type: exr.Float, Bytes: raw})
	}
	return exr.Write(w, &im)
}

// tile writes a part of the picture into a folder.
func (p Picture) tile(dir string, r image.Rectangle) (blender.File, error) {
	files, err := p.Files(true, false, false)
	if err != nil {
		return blender.File{}, err
	}
	whole, err := exr.Open(bytes.NewReader(files[0].Bytes), int64(len(files[0].Bytes)))
	if err != nil {
		return blender.File{}, err
	}
	path := filepath.Join(dir, files[0].Name)
	out, err := os.Create(path)
	if err != nil {
		return blender.File{}, err
	}
	err = exr.Crop(out, whole, exr.Box{MinX: int32(r.Min.X), MinY: int32(r.Min.Y), MaxX: int32(r.Max.X) - 1, MaxY: int32(r.Max.Y) - 1})
	st, serr := out.Stat()
	if err = errors.Join(err, serr, out.Close()); err != nil {
		return blender.File{}, err
	}
	return blender.File{Kind: blender.KindEXR, Path: path, Name: files[0].Name, Size: st.Size()}, nil
}

// samples writes the picture as some of its samples show it: each is a bit brighter than the one before, and their mean is the
// picture.
func (p Picture) samples(dir string, s blender.Samples) (blender.File, error) {
	middle := float32(s.Offset) + float32(s.Count-1)/2 - float32(s.Total-1)/2
	var b bytes.Buffer
	if err := p.layers(&b, middle/float32(s.Total)/4); err != nil {
		return blender.File{}, err
	}
	name := fmt.Sprintf("layers_%04d.exr", p.Frame)
	path := filepath.Join(dir, name)
	return blender.File{Kind: blender.KindEXR, Path: path, Name: name, Size: int64(b.Len())}, os.WriteFile(path, b.Bytes(), 0o600)
}

// rounding is how far a mean may be from the picture.
const rounding = 1e-6

// is tells whether a file that was put together of parts shows the picture; nil: it does.
func (p Picture) is(path string) error {
	files, err := p.Files(true, false, false)
	if err != nil {
		return err
	}
	whole, err := exr.Open(bytes.NewReader(files[0].Bytes), int64(len(files[0].Bytes)))
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	made, err := exr.Open(f, st.Size())
	if err != nil {
		return err
	}
	d, err := exr.Compare(made, whole)
	if err != nil {
		return fmt.Errorf("the parts make another picture: %w", err)
	}
	for _, c := range d.Differences {
		if c.OnlyIn != "" || c.Text != "" || !(c.Largest <= rounding) {
			return fmt.Errorf("the parts make another picture: %s", d.String())
		}
	}
	return nil
}
