package exr

import (
	"fmt"
	"io"
)

// Crop writes the part of a picture that lies in a window, which becomes the whole picture, with one line in memory at a
// time: all parts, channels and attributes, but not compressed. Pixels of the window that the file does not have are an
// error, as are parts that are not Readable.
func Crop(w io.WriterAt, f *File, window Box) error {
	var headers [][]Attribute
	for _, p := range f.Parts {
		if err := p.Readable(); err != nil {
			return err
		}
		if d := p.Data; window.MinX < d.MinX || window.MinY < d.MinY || window.MaxX > d.MaxX || window.MaxY > d.MaxY || window.MinX > window.MaxX || window.MinY > window.MaxY {
			return fmt.Errorf("the window %v does not lie in the picture, which is %v", window, p.Data)
		}
		whole := Box{MaxX: window.MaxX - window.MinX, MaxY: window.MaxY - window.MinY}
		list := Replace(p.Attributes, NewAttribute("dataWindow", whole))
		list = Replace(list, NewAttribute("displayWindow", whole))
		list = Replace(list, NewAttribute("lineOrder", Increasing))
		headers = append(headers, Replace(list, NewAttribute("compression", None)))
	}
	out, err := NewWriter(w, headers...)
	if err != nil {
		return err
	}
	for i, p := range f.Parts {
		if err := cropPart(out, i, p, window); err != nil {
			return err
		}
	}
	return out.Close()
}

func cropPart(out *Writer, part int, p *Part, window Box) error {
	h, lines := out.Header(part), p.Lines()
	left, width := int(window.MinX-p.Data.MinX), int(window.Width())
	var block []byte
	for i := range h.Chunks {
		first, n := h.BlockLines(i)
		block = block[:0]
		for y := first; y < first+n; y++ {
			line, err := lines.Read(y + int(window.MinY))
			if err != nil {
				return err
			}
			for c := range p.Channels {
				from, to := p.Span(c)
				one := (to - from) / int(p.Data.Width())
				block = append(block, line[from+left*one:from+(left+width)*one]...)
			}
		}
		if err := out.WriteBlock(part, i, block); err != nil {
			return err
		}
	}
	return nil
}
