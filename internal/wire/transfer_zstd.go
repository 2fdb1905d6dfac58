package wire

import (
	"io"

	"github.com/netrender/netrender/internal/blob"
)

// packed puts the bytes from offset on into in, and returns the body to send: in itself, or in compressed when the
// master is not on this machine and a probe shrinks. length is -1 where it is not known beforehand.
func (c *Client) packed(file io.ReadSeeker, offset, left int64, in *source, plain bool) (body io.ReadCloser, length int64, encoding string, err error) {
	in.r = io.LimitReader(file, left)
	if plain || c.local() || left < blob.ProbeSize {
		return in, left, "", nil
	}
	head := make([]byte, blob.ProbeSize)
	n, err := io.ReadFull(file, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, 0, "", err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, 0, "", err
	}
	if !blob.ShouldCompress(head[:n], "") {
		return in, left, "", nil
	}
	return blob.Compress(in), -1, "zstd", nil
}
