package api

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// layer is a pass of a file, as Blender names it, and where its channels are.
type layer struct {
	wire.Layer
	part     *exr.Part
	channels []int // in the order of Layer.Channels
}

// nothing is from where on a depth means that there is nothing: Blender has 1e10 there.
const nothing = 1e9

// order is how the channels of a pass follow; those that it does not have come behind.
const order = "RGBXYZUVWA"

// layersOf sorts the channels of a file by passes. Blender names a channel Layer.Pass.Channel, with Layer.Pass.View.Channel
// where a scene has several views, in one part or with a part for each pass; a file of one picture has channels R, G, B
// and A alone.
func layersOf(f *exr.File) (list []layer) {
	for _, p := range f.Parts {
		at := map[string]int{}
		for c, ch := range p.Channels {
			base, last := "", ch.Name
			if i := strings.LastIndexByte(ch.Name, '.'); i >= 0 {
				base, last = ch.Name[:i], ch.Name[i+1:]
			}
			i, known := at[base]
			if !known {
				i = len(list)
				at[base] = i
				list = append(list, newLayer(p, base, ch.Type))
			}
			if l := &list[i]; len(l.channels) < 4 {
				l.channels, l.Channels = append(l.channels, c), append(l.Channels, last)
			}
		}
	}
	names := map[string]int{}
	for i := range list {
		l := &list[i]
		l.sort()
		l.Kind = l.kind()
		if names[l.Name]++; names[l.Name] > 1 && l.part.Header.Name != "" {
			l.Name = l.part.Header.Name + "." + l.Name
		}
	}
	return list
}

func newLayer(p *exr.Part, base string, t exr.PixelType) layer {
	l := layer{part: p}
	d, all := p.Data, p.Display
	l.Name, l.Type, l.Width, l.Height = base, t.String(), int(d.Width()), int(d.Height())
	l.X, l.Y = int(int64(d.MinX)-int64(all.MinX)), int(int64(d.MinY)-int64(all.MinY))
	words := strings.Split(base, ".")
	if base == "" {
		l.Name = cmp.Or(p.Header.Name, "Combined")
		words = []string{l.Name}
	}
	if n := len(words); n > 2 && slices.Contains(viewsOf(p), words[n-1]) {
		l.View, words = words[n-1], words[:n-1]
	}
	n := len(words) - 1 // a view layer's name may have dots
	l.ViewLayer, l.Pass = strings.Join(words[:n], "."), words[n]
	return l
}

// viewsOf are the views that a part may be of.
func viewsOf(p *exr.Part) []string {
	views := []string{"left", "right"}
	for _, name := range []string{"multiView", "view"} {
		a, ok := p.Get(name)
		if !ok {
			continue
		}
		switch v, _ := a.Decode(); v := v.(type) {
		case string:
			views = append(views, v)
		case []string:
			views = append(views, v...)
		}
	}
	return views
}

func (l *layer) sort() {
	place := func(name string) int {
		if i := strings.Index(order, name); i >= 0 && len(name) == 1 {
			return i
		}
		return len(order)
	}
	at := make([]int, len(l.channels))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int { return place(l.Channels[a]) - place(l.Channels[b]) })
	names, channels := slices.Clone(l.Channels), slices.Clone(l.channels)
	for i, k := range at {
		l.Channels[i], l.channels[i] = names[k], channels[k]
	}
}

func (l *layer) kind() wire.LayerKind {
	has := func(names string) bool {
		for _, name := range strings.Split(names, "") {
			if !slices.Contains(l.Channels, name) {
				return false
			}
		}
		return true
	}
	switch {
	case strings.HasPrefix(l.Pass, "Crypto"):
		return wire.LayerCrypto
	case has("RGB"):
		return wire.LayerColor
	case has("UV"):
		return wire.LayerUV
	case len(l.channels) > 1:
		return wire.LayerVector
	case strings.HasSuffix(l.Pass, "Depth") || l.Pass == "Z":
		return wire.LayerDepth
	case strings.HasPrefix(l.Pass, "Index") || strings.HasSuffix(l.Pass, " Index"):
		return wire.LayerIndex
	}
	return wire.LayerScalar
}

// view is how the pass is scaled down to a width.
func (l *layer) view(width int) exr.View {
	v := exr.View{Channels: l.channels, Width: width, Most: wire.MaxLayerPixels}
	switch l.Kind {
	case wire.LayerCrypto, wire.LayerIndex:
		v.Nearest = true
	case wire.LayerDepth, wire.LayerScalar:
		v.Nothing = nothing
	case wire.LayerColor, wire.LayerVector, wire.LayerUV:
	}
	return v
}

// halves are a row of the picture as it travels: red, green, blue, alpha. What has one channel is grey; what has no fourth
// is opaque; what has fewer than three has 0 in the others.
func (l *layer) halves(pic *exr.Picture, row int, scale float32, out []byte) {
	in := pic.Pixels[row*pic.Width*pic.N : (row+1)*pic.Width*pic.N]
	const opaque = 0x3c00
	for x := range pic.Width {
		pixel := [4]uint16{3: opaque}
		switch pic.N {
		case 1:
			grey := exr.ToHalf(in[x] / scale)
			pixel[0], pixel[1], pixel[2] = grey, grey, grey
		default:
			for c, s := range in[x*pic.N : (x+1)*pic.N] {
				pixel[c] = exr.ToHalf(s / scale)
			}
		}
		for c, h := range pixel {
			out[8*x+2*c], out[8*x+2*c+1] = byte(h), byte(h>>8)
		}
	}
}

// unreadable turns an error of a file into one for people; what is not the file's stays what it is.
func unreadable(name string, err error) error {
	return &farm.Error{Kind: farm.Invalid, Text: path.Base(name) + " cannot be shown: " + err.Error(), Err: err}
}
