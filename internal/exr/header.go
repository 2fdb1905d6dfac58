package exr

import "math/bits"

// Header is a part's header: all its attributes in their order, and what the most important of them say.
type Header struct {
	Attributes  []Attribute
	Name        string // of the part; may be empty in files of one part
	Kind        Kind
	Channels    []Channel // sorted by name
	Data        Box       // the data window: the pixels that are there
	Display     Box       // the display window: the pixels of the whole picture
	Compression Compression
	LineOrder   LineOrder
	Chunks      int // blocks or tiles; 0 if their number cannot be told because the compression or kind is unknown
}

// Get returns the first attribute of the name.
func (h *Header) Get(name string) (Attribute, bool) {
	for _, a := range h.Attributes {
		if a.Name == name {
			return a, true
		}
	}
	return Attribute{}, false
}

// Basics are the attributes that every header must have, for a picture of a size whose channels are sorted by name.
func Basics(width, height int32, c Compression, channels []Channel) []Attribute {
	box := Box{0, 0, width - 1, height - 1}
	return []Attribute{
		NewAttribute("channels", channels),
		NewAttribute("compression", c),
		NewAttribute("dataWindow", box),
		NewAttribute("displayWindow", box),
		NewAttribute("lineOrder", Increasing),
		NewAttribute("pixelAspectRatio", float32(1)),
		NewAttribute("screenWindowCenter", [2]float32{}),
		NewAttribute("screenWindowWidth", float32(1)),
	}
}

// value decodes the first attribute of the name into to. It tells whether there is one.
func value[T any](h *Header, name string, to *T) (bool, error) {
	a, ok := h.Get(name)
	if !ok {
		return false, nil
	}
	v, err := a.Decode()
	if err != nil {
		return false, err
	}
	if *to, ok = v.(T); !ok {
		return false, damaged("its attribute %s is of the wrong type %s", name, clean(a.Type))
	}
	return true, nil
}

// parse fills a header from its attributes and checks it. flags are those of the file's version field; they say what
// a part is in single-part files, and its type attribute in others ("Version field, valid values").
func parse(attributes []Attribute, flags uint32) (Header, error) {
	h := Header{Attributes: attributes, Kind: Scanline}
	for _, get := range []struct {
		name string
		read func() (bool, error)
	}{
		{"channels", func() (bool, error) { return value(&h, "channels", &h.Channels) }},
		{"compression", func() (bool, error) { return value(&h, "compression", &h.Compression) }},
		{"dataWindow", func() (bool, error) { return value(&h, "dataWindow", &h.Data) }},
		{"displayWindow", func() (bool, error) { return value(&h, "displayWindow", &h.Display) }},
		{"lineOrder", func() (bool, error) { return value(&h, "lineOrder", &h.LineOrder) }},
	} {
		if ok, err := get.read(); err != nil {
			return h, err
		} else if !ok {
			return h, damaged("a header lacks the attribute %s", get.name)
		}
	}
	if _, err := value(&h, "name", &h.Name); err != nil {
		return h, err
	}
	switch kind := ""; {
	case flags&(flagMulti|flagDeep) != 0:
		if ok, err := value(&h, "type", &kind); err != nil {
			return h, err
		} else if !ok {
			return h, damaged("a header lacks the attribute type")
		}
		h.Kind = Kind(kind)
	case flags&flagTiled != 0:
		h.Kind = Tiled
	}
	w, height := h.Data.Width(), h.Data.Height()
	switch {
	case w < 1 || height < 1:
		return h, damaged("its data window %v is empty", h.Data)
	case w > maxSide || height > maxSide || w*height > maxPixels:
		return h, damaged("its size of %d x %d pixels is beyond all reason", w, height)
	case h.LineOrder > Random:
		return h, damaged("its line order %d is not known", h.LineOrder)
	}
	n, err := h.chunks(flags)
	if err != nil {
		return h, err
	}
	if n < 0 || n > maxChunks {
		return h, damaged("it cannot have %d blocks", n)
	}
	h.Chunks = int(n)
	return h, nil
}

// chunks is the length of the offset table ("Offset Table Size"). For the kinds whose length follows from their size,
// a length that the header gives too must be the same.
func (h *Header) chunks(flags uint32) (int64, error) {
	var given int32
	has, err := value(h, "chunkCount", &given)
	if err != nil {
		return 0, err
	}
	var n int64
	switch {
	case h.Kind == Scanline && h.Compression.known():
		lines := int64(h.Compression.Lines())
		n = (h.Data.Height() + lines - 1) / lines
	case h.Kind == Tiled:
		var t Tiles
		if ok, err := value(h, "tiles", &t); err != nil {
			return 0, err
		} else if !ok {
			return 0, damaged("the header of a tiled image lacks the attribute tiles")
		}
		if n, err = t.count(h.Data.Width(), h.Data.Height()); err != nil {
			return 0, err
		}
	case has:
		return int64(given), nil
	case h.Kind == DeepScanline || h.Kind == DeepTiled:
		return 0, damaged("the header of a deep image lacks the attribute chunkCount")
	}
	if has && flags&flagMulti != 0 && int64(given) != n {
		return 0, damaged("its part %s claims %d blocks instead of %d", clean(h.Name), given, n)
	}
	return n, nil
}

// count is the number of tiles of all levels.
func (t Tiles) count(w, h int64) (int64, error) {
	mode, up := t.Mode&15, int64(t.Mode>>4)
	if t.Width < 1 || t.Height < 1 || mode > 2 || up > 1 {
		return 0, damaged("its tiles cannot be read")
	}
	levels := func(side int64) int {
		n := bits.Len64(uint64(side))
		if up == 1 && side&(side-1) != 0 {
			n++
		}
		return n
	}
	across := func(side int64, size uint32, level int) int64 {
		s := max(1, (side+up*(1<<level-1))>>level)
		return (s + int64(size) - 1) / int64(size)
	}
	n := int64(0)
	switch mode {
	case 0:
		n = across(w, t.Width, 0) * across(h, t.Height, 0)
	case 1:
		for l := range levels(max(w, h)) {
			n += across(w, t.Width, l) * across(h, t.Height, l)
		}
	case 2:
		for x := range levels(w) {
			for y := range levels(h) {
				n += across(w, t.Width, x) * across(h, t.Height, y)
			}
		}
	}
	return n, nil
}

// verifiable is nil if it is known how the part's chunks are laid out.
func (h *Header) verifiable() error {
	if _, ok := heads[h.Kind]; !ok {
		return unsupported("an image of the kind %s cannot be verified here", clean(string(h.Kind)))
	}
	if h.Kind == Scanline && !h.Compression.known() {
		return unsupported("an image with the compression %v cannot be verified here", h.Compression)
	}
	return nil
}

// Readable is nil if the part's pixels can be read and written here, else an error that says why not; it is
// ErrUnsupported.
func (h *Header) Readable() error {
	switch {
	case h.Kind != Scanline:
		return unsupported("the pixels of a %s cannot be read here, only those of scanline images", clean(string(h.Kind)))
	case h.Compression > ZIP:
		return unsupported("pixels with the compression %v cannot be read here, only those with NONE, RLE, ZIPS and ZIP", h.Compression)
	}
	for _, c := range h.Channels {
		if c.XSampling != 1 || c.YSampling != 1 {
			return unsupported("the channel %s has fewer samples than the picture has pixels, which cannot be read here", clean(c.Name))
		}
	}
	if h.LineBytes()*int64(h.Compression.Lines()) > maxBlock {
		return unsupported("%d bytes of pixels in a line are too many to be read here", h.LineBytes())
	}
	return nil
}

// LineBytes is the size of a line.
func (h *Header) LineBytes() int64 {
	n := int64(0)
	for _, c := range h.Channels {
		n += int64(c.Type.Size())
	}
	return n * h.Data.Width()
}

// Span tells where in a line the samples of the i-th channel are.
func (h *Header) Span(i int) (from, to int) {
	for _, c := range h.Channels[:i] {
		from += c.Type.Size()
	}
	w := int(h.Data.Width())
	return from * w, (from + h.Channels[i].Type.Size()) * w
}

// BlockLines tells which lines the i-th block holds, counted from the top of the data window.
func (h *Header) BlockLines(i int) (first, n int) {
	lines := h.Compression.Lines()
	first = i * lines
	return first, min(lines, int(h.Data.Height())-first)
}
