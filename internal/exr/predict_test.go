package exr

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// rearranged does what predict.go describes, byte by byte.
func rearranged(in []byte) []byte {
	var out []byte
	for _, start := range []int{0, 1} {
		for i := start; i < len(in); i += 2 {
			out = append(out, in[i])
		}
	}
	for i := len(out) - 1; i > 0; i-- {
		out[i] = out[i] - out[i-1] + 128
	}
	return out
}

func TestRearrange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "in")
		if rapid.Bool().Draw(t, "extreme") {
			for i := range in {
				in[i] = []byte{0, 1, 127, 128, 255}[in[i]%5]
			}
		}
		want := rearranged(in)
		got, back := make([]byte, len(in)), make([]byte, len(in))
		rearrange(in, got)
		if !bytes.Equal(got, want) {
			t.Fatalf("%v is rearranged as %v, not %v", in, got, want)
		}
		if restore(got, back); !bytes.Equal(back, in) {
			t.Fatalf("%v is restored as %v, not %v", got, back, in)
		}
	})
}
