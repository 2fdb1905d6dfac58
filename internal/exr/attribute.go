package exr

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
)

// Attribute is an entry of a header as it stands in the file ("Attribute Layout"). Values of types that are not known
// here are kept as they are.
type Attribute struct {
	Name, Type string
	Value      []byte
}

// The values of the less usual attribute types ("Predefined Attribute Types").
type (
	// Box2f is a box of floats: least x, y, greatest x, y.
	Box2f [4]float32
	// Chromaticities are the CIE x, y of red, green, blue and white.
	Chromaticities [8]float32
	// EnvMap is 0 for latitude and longitude, 1 for a cube.
	EnvMap byte
	// Keycode is film manufacturer, type, roll prefix, count, perforation offset, perforations per frame and count.
	Keycode [7]int32
	// Rational is a fraction.
	Rational struct {
		Num int32
		Den uint32
	}
	// Timecode is SMPTE 12M-1999.
	Timecode struct{ TimeAndFlags, UserData uint32 }
	// Tiles are the tile size and, in Mode, the level mode (low 4 bits) and rounding mode (high 4 bits).
	Tiles struct {
		Width, Height uint32
		Mode          byte
	}
	// Preview is a small picture of 8-bit RGBA pixels, line by line.
	Preview struct {
		Width, Height uint32
		RGBA          []byte
	}
)

// fixed are the attribute types of a fixed size, and the Go types that hold their values.
var fixed = map[string]reflect.Type{
	"box2f":          reflect.TypeFor[Box2f](),
	"box2i":          reflect.TypeFor[Box](),
	"chromaticities": reflect.TypeFor[Chromaticities](),
	"compression":    reflect.TypeFor[Compression](),
	"double":         reflect.TypeFor[float64](),
	"envmap":         reflect.TypeFor[EnvMap](),
	"float":          reflect.TypeFor[float32](),
	"int":            reflect.TypeFor[int32](),
	"keycode":        reflect.TypeFor[Keycode](),
	"lineOrder":      reflect.TypeFor[LineOrder](),
	"m33d":           reflect.TypeFor[[9]float64](),
	"m33f":           reflect.TypeFor[[9]float32](),
	"m44d":           reflect.TypeFor[[16]float64](),
	"m44f":           reflect.TypeFor[[16]float32](),
	"rational":       reflect.TypeFor[Rational](),
	"tiledesc":       reflect.TypeFor[Tiles](),
	"timecode":       reflect.TypeFor[Timecode](),
	"v2d":            reflect.TypeFor[[2]float64](),
	"v2f":            reflect.TypeFor[[2]float32](),
	"v2i":            reflect.TypeFor[[2]int32](),
	"v3d":            reflect.TypeFor[[3]float64](),
	"v3f":            reflect.TypeFor[[3]float32](),
	"v3i":            reflect.TypeFor[[3]int32](),
}

var fixedNames = func() map[reflect.Type]string {
	names := make(map[reflect.Type]string, len(fixed))
	for name, t := range fixed {
		names[t] = name
	}
	return names
}()

// Decode returns the value as a Go value: int32, float32, float64, string, []string, []float32, []Channel, arrays of
// them for vectors and matrices, Box, Compression, LineOrder or one of the types above; []byte for types that are not
// known here. It fails if the bytes do not fit the type.
func (a Attribute) Decode() (any, error) {
	if t, ok := fixed[a.Type]; ok {
		v := reflect.New(t)
		if n, err := binary.Decode(a.Value, binary.LittleEndian, v.Interface()); err != nil || n != len(a.Value) {
			return nil, a.wrong()
		}
		return v.Elem().Interface(), nil
	}
	switch a.Type {
	case "string":
		return string(a.Value), nil
	case "stringvector":
		list := []string{}
		for b := a.Value; len(b) > 0; {
			if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
				return nil, a.wrong()
			}
			n := 4 + int(binary.LittleEndian.Uint32(b))
			list, b = append(list, string(b[4:n])), b[n:]
		}
		return list, nil
	case "floatvector":
		list := make([]float32, len(a.Value)/4)
		if n, err := binary.Decode(a.Value, binary.LittleEndian, list); err != nil || n != len(a.Value) {
			return nil, a.wrong()
		}
		return list, nil
	case "chlist":
		return parseChannels(a.Value)
	case "preview":
		if len(a.Value) < 8 {
			return nil, a.wrong()
		}
		p := Preview{binary.LittleEndian.Uint32(a.Value), binary.LittleEndian.Uint32(a.Value[4:]), a.Value[8:]}
		// The product of two words fits into 64 bits, four times it may not.
		if n := uint64(p.Width) * uint64(p.Height); n != uint64(len(p.RGBA))/4 || len(p.RGBA)%4 != 0 {
			return nil, a.wrong()
		}
		return p, nil
	}
	return a.Value, nil
}

func (a Attribute) wrong() error {
	return damaged("its attribute %s is not a %s", clean(a.Name), clean(a.Type))
}

// NewAttribute makes an attribute of a value of one of the types that Decode returns, []byte excepted. It panics for
// others: which type a value has is decided by the program, not by what it reads.
func NewAttribute(name string, value any) Attribute {
	if t, ok := fixedNames[reflect.TypeOf(value)]; ok {
		b, err := binary.Append(nil, binary.LittleEndian, value)
		if err != nil {
			panic("exr: " + err.Error())
		}
		return Attribute{name, t, b}
	}
	var b []byte
	switch v := value.(type) {
	case string:
		return Attribute{name, "string", []byte(v)}
	case []string:
		for _, s := range v {
			b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
		}
		return Attribute{name, "stringvector", b}
	case []float32:
		b, _ = binary.Append(nil, binary.LittleEndian, v) // no error is possible for floats
		return Attribute{name, "floatvector", b}
	case []Channel:
		for _, c := range v {
			b = append(append(b, c.Name...), 0)
			b = binary.LittleEndian.AppendUint32(b, uint32(c.Type))
			b = append(b, c.Linear, 0, 0, 0)
			b = binary.LittleEndian.AppendUint32(b, uint32(c.XSampling))
			b = binary.LittleEndian.AppendUint32(b, uint32(c.YSampling))
		}
		return Attribute{name, "chlist", append(b, 0)}
	case Preview:
		b = binary.LittleEndian.AppendUint32(b, v.Width)
		b = binary.LittleEndian.AppendUint32(b, v.Height)
		return Attribute{name, "preview", append(b, v.RGBA...)}
	}
	panic(fmt.Sprintf("exr: no attribute can hold a %T", value))
}

// Replace returns the attributes with a in the place of the one of its name, or at the end. The list itself is not
// changed.
func Replace(list []Attribute, a Attribute) []Attribute {
	changed := append(make([]Attribute, 0, len(list)+1), list...)
	for i := range changed {
		if changed[i].Name == a.Name {
			changed[i] = a
			return changed
		}
	}
	return append(changed, a)
}

func parseChannels(b []byte) ([]Channel, error) {
	list := []Channel{}
	for {
		end := bytes.IndexByte(b[:min(len(b), 256)], 0)
		if end < 0 {
			return nil, damaged("its list of channels cannot be read")
		}
		name := string(b[:end])
		b = b[end+1:]
		if name == "" {
			if len(b) != 0 {
				return nil, damaged("something follows its list of channels")
			}
			return list, nil
		}
		if len(b) < 16 {
			return nil, damaged("its list of channels ends within channel %s", clean(name))
		}
		c := Channel{
			Name: name, Type: PixelType(binary.LittleEndian.Uint32(b)), Linear: b[4],
			XSampling: int32(binary.LittleEndian.Uint32(b[8:])), YSampling: int32(binary.LittleEndian.Uint32(b[12:])),
		}
		switch {
		case c.Type < Uint || c.Type > Float:
			return nil, damaged("its channel %s has the unknown %v", clean(name), c.Type)
		case c.XSampling < 1 || c.YSampling < 1:
			return nil, damaged("its channel %s has a sampling below 1", clean(name))
		case len(list) > 0 && list[len(list)-1].Name >= name:
			// The samples follow the names, so readers would not agree on which is whose.
			return nil, damaged("its channels are not in the order of their names at %s", clean(name))
		case len(list) == maxChannels:
			return nil, damaged("it has over %d channels", maxChannels)
		}
		list = append(list, c)
		b = b[16:]
	}
}
