package exr

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"sync"
)

var errDamaged = errors.New("its bytes cannot be unpacked")

// unpack writes the block into out, which has its exact size. A block that did not get smaller is stored as it is.
func unpack(c Compression, packed, out []byte) error {
	if len(packed) == len(out) || c == None {
		if len(packed) != len(out) {
			return errDamaged
		}
		copy(out, packed)
		return nil
	}
	tmp := scratch(len(out))
	defer free(tmp)
	var err error
	if c == RLE {
		err = unrle(packed, *tmp)
	} else {
		err = inflate(packed, *tmp)
	}
	if err != nil {
		return err
	}
	interleave(*tmp, out)
	return nil
}

var scratches sync.Pool

func scratch(n int) *[]byte {
	if b, ok := scratches.Get().(*[]byte); ok && cap(*b) >= n {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n)
	return &b
}

func free(b *[]byte) { scratches.Put(b) }

var inflaters sync.Pool

// inflate fills out, no more and no less.
func inflate(packed, out []byte) error {
	src := bytes.NewReader(packed)
	var z io.ReadCloser
	if old, ok := inflaters.Get().(io.ReadCloser); ok {
		if err := old.(zlib.Resetter).Reset(src, nil); err != nil {
			return errDamaged
		}
		z = old
	} else {
		fresh, err := zlib.NewReader(src)
		if err != nil {
			return errDamaged
		}
		z = fresh
	}
	defer inflaters.Put(z)
	if _, err := io.ReadFull(z, out); err != nil {
		return errDamaged
	}
	var one [1]byte
	if n, err := z.Read(one[:]); n != 0 || err != io.EOF { // also checks the checksum
		return errDamaged
	}
	return nil
}

// unrle undoes run lengths: a count n >= 0 repeats the next byte n+1 times, n < 0 copies -n bytes.
func unrle(packed, out []byte) error {
	for len(packed) > 0 {
		n := int(int8(packed[0]))
		packed = packed[1:]
		if n < 0 {
			if -n > len(packed) || -n > len(out) {
				return errDamaged
			}
			copy(out, packed[:-n])
			packed, out = packed[-n:], out[-n:]
			continue
		}
		if len(packed) < 1 || n+1 > len(out) {
			return errDamaged
		}
		for i := range n + 1 {
			out[i] = packed[0]
		}
		packed, out = packed[1:], out[n+1:]
	}
	if len(out) != 0 {
		return errDamaged
	}
	return nil
}

// interleave undoes the predictor (each byte is kept as its difference from the one before, plus 128) and joins the
// halves: even bytes stand in the first half, odd ones in the second.
func interleave(tmp, out []byte) {
	p := byte(0)
	if len(tmp) > 0 {
		p = tmp[0]
	}
	for i := 1; i < len(tmp); i++ {
		p += tmp[i] - 128
		tmp[i] = p
	}
	half := (len(tmp) + 1) / 2
	even, odd := tmp[:half], tmp[half:]
	for i, b := range odd {
		out[2*i] = even[i]
		out[2*i+1] = b
	}
	if len(even) > len(odd) {
		out[len(out)-1] = even[half-1]
	}
}

// deinterleave is the inverse of interleave.
func deinterleave(in, tmp []byte) {
	half := (len(in) + 1) / 2
	even, odd := tmp[:half], tmp[half:]
	for i := range odd {
		even[i] = in[2*i]
		odd[i] = in[2*i+1]
	}
	if len(even) > len(odd) {
		even[half-1] = in[len(in)-1]
	}
	p := byte(0)
	for i, b := range tmp {
		if i > 0 {
			tmp[i] = b - p + 128
		}
		p = b
	}
}

// packer compresses blocks.
type packer struct {
	z   *zlib.Writer
	buf bytes.Buffer
}

// pack returns the block's bytes as they are written; they hold until the next call. What does not get smaller is
// returned as it is.
func (k *packer) pack(c Compression, block []byte) ([]byte, error) {
	if c == None {
		return block, nil
	}
	tmp := scratch(len(block))
	defer free(tmp)
	deinterleave(block, *tmp)
	k.buf.Reset()
	if c == RLE {
		rle(*tmp, &k.buf)
	} else {
		if k.z == nil {
			k.z, _ = zlib.NewWriterLevel(&k.buf, 4) // Blender's own level; an error is not possible for it
		} else {
			k.z.Reset(&k.buf)
		}
		if _, err := k.z.Write(*tmp); err != nil {
			return nil, err
		}
		if err := k.z.Close(); err != nil {
			return nil, err
		}
	}
	if k.buf.Len() >= len(block) {
		return block, nil
	}
	return k.buf.Bytes(), nil
}

// rle writes runs of three and more as a count and a byte, others as they are.
func rle(in []byte, out *bytes.Buffer) {
	for i := 0; i < len(in); {
		n := 1
		for n < 128 && i+n < len(in) && in[i+n] == in[i] {
			n++
		}
		if n >= 3 {
			out.WriteByte(byte(n - 1))
			out.WriteByte(in[i])
			i += n
			continue
		}
		start := i
		for i < len(in) && i-start < 127 && !(i+2 < len(in) && in[i] == in[i+1] && in[i] == in[i+2]) {
			i++
		}
		out.WriteByte(byte(start - i))
		out.Write(in[start:i])
	}
}
