package exr

// Before packing, the bytes of a block are rearranged: those at even places make the first half, those at odd places
// the second; then each byte but the first is replaced by its difference to the one before, plus 128. (Not in
// "OpenEXR File Layout", which sends readers to the library for the compressed formats.)

// restore undoes the rearrangement of in into out, which is as long. in is changed.
func restore(in, out []byte) {
	p := byte(0)
	if len(in) > 0 {
		p = in[0]
	}
	for i := 1; i < len(in); i++ {
		p += in[i] - 128
		in[i] = p
	}
	half := (len(in) + 1) / 2
	even, odd := in[:half], in[half:]
	for i, b := range odd {
		out[2*i] = even[i]
		out[2*i+1] = b
	}
	if len(even) > len(odd) {
		out[len(out)-1] = even[half-1]
	}
}

// rearrange is the inverse of restore; in stays as it is.
func rearrange(in, out []byte) {
	half := (len(in) + 1) / 2
	even, odd := out[:half], out[half:]
	for i := range odd {
		even[i] = in[2*i]
		odd[i] = in[2*i+1]
	}
	if len(even) > len(odd) {
		even[half-1] = in[len(in)-1]
	}
	p := byte(0)
	for i, b := range out {
		if i > 0 {
			out[i] = b - p + 128
		}
		p = b
	}
}
