package wire

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// probe is how many bytes decide whether compressing is worth it.
const probe = 64 << 10

// packed puts the bytes from offset on into in, and returns the body to send: in itself, or in compressed when the
// master is not on this machine and a probe shrinks. length is -1 where it is not known beforehand.
func (c *Client) packed(file io.ReadSeeker, offset, left int64, in *source) (body io.ReadCloser, length int64, encoding string, err error) {
	in.r = io.LimitReader(file, left)
	if c.local || left < probe {
		return in, left, "", nil
	}
	sample := make([]byte, probe)
	n, err := io.ReadFull(file, sample)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, 0, "", err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, 0, "", err
	}
	if !worthIt(sample[:n]) {
		return in, left, "", nil
	}
	r, w := io.Pipe()
	p := &packer{PipeReader: r, done: make(chan struct{})}
	enc, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, 0, "", err
	}
	go func() {
		defer close(p.done)
		_, err := io.Copy(enc, in)
		if closed := enc.Close(); err == nil {
			err = closed
		}
		w.CloseWithError(err)
	}()
	return p, -1, "zstd", nil
}

func worthIt(sample []byte) bool {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	return err == nil && len(enc.EncodeAll(sample, nil)) < len(sample)*7/8
}

// packer is the reading end of a compression; Close waits until the file is no longer read.
type packer struct {
	*io.PipeReader
	done chan struct{}
}

func (p *packer) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}
