package api

import (
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

const (
	probe     = 64 << 10 // bytes that decide whether packing is worth it
	maxWindow = 8 << 20  // memory an unpacker may take, as RFC 8878 recommends
	freeRatio = 64 << 20 // so many bytes may come of anything, and
	maxRatio  = 1000     // beyond that so many of one
)

// unpack reads zstd with bounded memory, and refuses what grows beyond measure.
func unpack(body *pacedBody) (io.ReadCloser, error) {
	z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return &unpacked{z: z, body: body}, nil
}

type unpacked struct {
	z    *zstd.Decoder
	body *pacedBody
	n    int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	u.n += int64(n)
	switch {
	case u.n > freeRatio && u.n/maxRatio > u.body.n:
		return 0, farm.Errorf(farm.TooLarge, "the packed body grows beyond measure").WithHint("send it plain")
	case err == nil || err == io.EOF:
	case u.body.fail != nil:
		err = u.body.fail
	default:
		err = farm.Errorf(farm.Invalid, "the body is not proper zstd: %w", err)
	}
	return n, err
}

func (u *unpacked) Close() error {
	u.z.Close()
	return nil
}

// worthPacking looks at the beginning of a blob.
func worthPacking(in blob.Reader) bool {
	if in.Size() < probe {
		return false
	}
	sample := make([]byte, probe)
	n, _ := in.ReadAt(sample, 0)
	return worthIt(sample[:n])
}

func worthIt(sample []byte) bool {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	return err == nil && len(enc.EncodeAll(sample, nil)) < len(sample)*7/8
}

func pack(w io.Writer, r io.Reader) error {
	enc, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return err
	}
	if _, err := io.Copy(enc, r); err != nil {
		return err // not closed: what was sent must not look whole
	}
	return enc.Close()
}
