package exr

import "encoding/binary"

// Before packing, the bytes of a block are rearranged: those at even places make the first half, those at odd places
// the second; then each byte but the first is replaced by its difference to the one before, plus 128. (Not in
// "OpenEXR File Layout", which sends readers to the library for the compressed formats.)
//
// Both directions work on eight bytes of a word at a time. Adding 128 to a byte is the same as turning its top bit.

const (
	lanes = 0x00ff00ff00ff00ff // every other byte
	ones  = 0x0001000100010001
	tops  = 0x8080808080808080
)

// restore undoes the rearrangement of in into out, which is as long. in is changed.
func restore(in, out []byte) {
	integrate(in)
	half := (len(in) + 1) / 2
	plait(in[:half], in[half:], out)
}

// restoreSome is restore for some ranges of out, each from a byte to before another. The others stay as they are.
func restoreSome(in, out []byte, ranges func(yield func(from, to int) bool)) {
	integrate(in)
	half := (len(in) + 1) / 2
	even, odd := in[:half], in[half:]
	for from, to := range ranges {
		from &^= 1
		plait(even[from/2:(to+1)/2], odd[from/2:to/2], out[from:to])
	}
}

// plait lays bytes at the even and at the odd places of out.
func plait(even, odd, out []byte) {
	i := 0
	for ; i <= len(odd)-8; i += 8 {
		e, o := binary.LittleEndian.Uint64(even[i:]), binary.LittleEndian.Uint64(odd[i:])
		to := out[2*i : 2*i+16]
		binary.LittleEndian.PutUint64(to, spread(e&0xffffffff)|spread(o&0xffffffff)<<8)
		binary.LittleEndian.PutUint64(to[8:], spread(e>>32)|spread(o>>32)<<8)
	}
	for ; i < len(even); i++ {
		out[2*i] = even[i]
		if i < len(odd) {
			out[2*i+1] = odd[i]
		}
	}
}

// integrate replaces the differences by what they are differences of.
func integrate(b []byte) {
	p := uint64(128) // the first byte is no difference; 128 more makes it one to 0
	i := 0
	for ; i <= len(b)-8; i += 8 {
		at := b[i : i+8]
		x := binary.LittleEndian.Uint64(at) ^ tops
		// The sums over the even and over the odd bytes so far, in four lanes of 16 bits: they cannot overflow.
		e, o := x&lanes*ones+p*ones, x>>8&lanes*ones
		binary.LittleEndian.PutUint64(at, (e+o<<16)&lanes|(e+o)&lanes<<8)
		p = (e + o) >> 48 & 0xff
	}
	for ; i < len(b); i++ {
		p += uint64(b[i]) + 128
		b[i] = byte(p)
	}
}

// spread moves four bytes apart, to the even places.
func spread(x uint64) uint64 {
	x = (x | x<<16) & 0x0000ffff0000ffff
	return (x | x<<8) & lanes
}

// rearrange is the inverse of restore; in stays as it is.
func rearrange(in, out []byte) {
	half := (len(in) + 1) / 2
	even, odd := out[:half], out[half:]
	if half == 0 {
		return
	}
	pe, po := uint64(128), uint64(in[2*half-2])
	i := 0
	for ; i <= len(odd)-8; i += 8 {
		from := in[2*i : 2*i+16]
		x, y := binary.LittleEndian.Uint64(from), binary.LittleEndian.Uint64(from[8:])
		e, o := gather(x)|gather(y)<<32, gather(x>>8)|gather(y>>8)<<32
		binary.LittleEndian.PutUint64(even[i:], minus(e, e<<8|pe)^tops)
		binary.LittleEndian.PutUint64(odd[i:], minus(o, o<<8|po)^tops)
		pe, po = e>>56, o>>56
	}
	e, o := byte(pe), byte(po)
	for ; i < len(even); i++ {
		even[i] = in[2*i] - e + 128
		e = in[2*i]
		if i < len(odd) {
			odd[i] = in[2*i+1] - o + 128
			o = in[2*i+1]
		}
	}
}

// gather is the inverse of spread; the bytes at odd places do not count.
func gather(x uint64) uint64 {
	x &= lanes
	x = (x | x>>8) & 0x0000ffff0000ffff
	return (x | x>>16) & 0xffffffff
}

// minus subtracts byte by byte.
func minus(a, b uint64) uint64 {
	return (a | tops - b&^tops) ^ (a^^b)&tops
}
