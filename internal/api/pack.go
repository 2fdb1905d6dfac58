package api

import (
	"errors"
	"io"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

const (
	freeBytes = 64 << 20 // so many bytes may come of any packed body, and
	maxRatio  = 1000     // beyond that so many of each byte
)

// unpacked reads a zstd body within the bytes that were announced, and refuses what grows beyond measure: a disk
// must not be filled by a few kilobytes.
type unpacked struct {
	io.ReadCloser
	body *pacedBody
	n    int64
}

func unpack(body *pacedBody, limit int64) *unpacked {
	return &unpacked{ReadCloser: blob.Decompress(body, limit), body: body}
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	u.n += int64(n)
	switch {
	case u.n > freeBytes && u.n/maxRatio > u.body.n:
		return 0, farm.Errorf(farm.TooLarge, "the packed body grows beyond measure").WithHint("send it plain")
	case err == nil, err == io.EOF, errors.Is(err, blob.ErrTooLarge):
	case u.body.fail != nil:
		err = u.body.fail
	default:
		err = farm.Errorf(farm.Invalid, "the body is not proper zstd: %w", err)
	}
	return n, err
}

// worthPacking looks at the beginning of a blob.
func worthPacking(in blob.Reader) bool {
	head := make([]byte, min(in.Size(), blob.ProbeSize))
	n, _ := in.ReadAt(head, 0)
	return blob.ShouldCompress(head[:n], "")
}

func pack(w io.Writer, r io.Reader) error {
	z := blob.CompressTo(w)
	_, err := io.Copy(z, r)
	return errors.Join(err, z.Close())
}
