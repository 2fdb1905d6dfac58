package blob

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// ProbeSize is how many bytes of a file ShouldCompress wants to see.
	ProbeSize = 64 << 10
	// maxWindow is the most memory that a sender may ask a decoder for (RFC 8878, 3.1.1.1.2: 8 MB is what every
	// decoder should support). The encoders below stay within it.
	maxWindow = 8 << 20
)

// packed are formats that do not shrink, by the first bytes of a file.
var packed = [][]byte{
	{0x76, 0x2f, 0x31, 0x01},       // OpenEXR
	[]byte("\x89PNG\r\n\x1a\n"),    //
	{0xff, 0xd8, 0xff},             // JPEG
	{0x28, 0xb5, 0x2f, 0xfd},       // zstd, also a .blend that Blender 3.0 and later compressed
	{0x1f, 0x8b},                   // gzip, also a .blend compressed by an older one
	[]byte("PK\x03\x04"),           // zip, and what is made of it
	[]byte("7z\xbc\xaf\x27\x1c"),   //
	[]byte("\xfd7zXZ\x00"),         //
	[]byte("OggS"),                 //
	[]byte("fLaC"),                 //
	{0x1a, 0x45, 0xdf, 0xa3},       // Matroska, WebM
	[]byte("\x00\x00\x00\x0cjP  "), // JPEG 2000
}

// packedNames are formats with no clear first bytes, by the end of the name.
var packedNames = map[string]bool{
	".exr": true, ".png": true, ".jpg": true, ".jpeg": true, ".webp": true, ".mp4": true, ".mov": true, ".mkv": true,
	".webm": true, ".mp3": true, ".m4a": true, ".ogg": true, ".flac": true, ".zip": true, ".gz": true, ".zst": true, ".xz": true,
	".avif": true, ".heic": true, ".jxl": true, ".jp2": true,
}

// ShouldCompress says whether a file is worth compressing for the wire. head is its beginning, ProbeSize bytes or the
// whole if it is shorter. What is known to be packed is not; the rest is if head shrinks by a tenth or more.
func ShouldCompress(head []byte, name string) bool {
	head = head[:min(len(head), ProbeSize)]
	if len(head) < 256 || packedNames[strings.ToLower(path.Ext(strings.ReplaceAll(name, `\`, "/")))] {
		return false
	}
	for _, magic := range packed {
		if bytes.HasPrefix(head, magic) {
			return false
		}
	}
	if len(head) > 12 && string(head[4:8]) == "ftyp" || string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP" {
		return false
	}
	e := encoders.Get().(*zstd.Encoder)
	defer encoders.Put(e)
	return len(e.EncodeAll(head, nil)) < len(head)*9/10
}

var encoders = sync.Pool{New: func() any {
	// One goroutine each: several transfers run at once, and level 1 is faster than most networks.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(4<<20), zstd.WithZeroFrames(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
}}

var decoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}}

// CompressTo returns a writer whose bytes reach w as one zstd frame (RFC 8878). Close ends the frame and leaves w open.
func CompressTo(w io.Writer) io.WriteCloser {
	e := encoders.Get().(*zstd.Encoder)
	e.Reset(w)
	return &compressor{e: e}
}

type compressor struct{ e *zstd.Encoder }

var errClosed = errors.New("zstd stream is closed")

func (c *compressor) Write(b []byte) (int, error) {
	if c.e == nil {
		return 0, errClosed
	}
	return c.e.Write(b)
}

func (c *compressor) Close() error {
	if c.e == nil {
		return nil
	}
	err := c.e.Close()
	c.e.Reset(nil)
	encoders.Put(c.e)
	c.e = nil
	return err
}

// Compress is CompressTo turned round: reading it reads r and gives the frame. Close ends it early; r stays open, but
// may be read from until Close returns.
func Compress(r io.Reader) io.ReadCloser {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w := CompressTo(pw)
		b := chunkPool.Get().(*[chunkSize]byte)
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, b[:])
		chunkPool.Put(b)
		pw.CloseWithError(errors.Join(err, w.Close())) // nil makes it io.EOF
	}()
	return &compressing{pr, done}
}

type compressing struct {
	*io.PipeReader
	done chan struct{}
}

func (c *compressing) Close() error {
	c.PipeReader.Close()
	<-c.done
	return nil
}

// Decompress reads zstd frames from r and gives at most limit bytes: one more is ErrTooLarge, and so is a frame that
// asks for a window of more than 8 MiB. Close frees the decoder and leaves r open.
func Decompress(r io.Reader, limit int64) io.ReadCloser {
	d := decoders.Get().(*zstd.Decoder)
	return &decompressor{d: d, err: d.Reset(r), left: min(limit, math.MaxInt64-1)}
}

type decompressor struct {
	d    *zstd.Decoder
	left int64
	err  error
}

func (d *decompressor) Read(b []byte) (int, error) {
	if d.err != nil || len(b) == 0 {
		return 0, d.err
	}
	// One byte more than is allowed may come, to see that it comes.
	n, err := d.d.Read(b[:min(int64(len(b)), max(d.left, 0)+1)])
	if int64(n) > d.left {
		n, err = int(d.left), fmt.Errorf("%w after decompression", ErrTooLarge)
	} else if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = fmt.Errorf("%w: zstd window", ErrTooLarge)
	}
	d.left -= int64(n)
	d.err = err
	return n, err
}

func (d *decompressor) Close() error {
	if d.d == nil {
		return nil
	}
	d.d.Reset(nil)
	decoders.Put(d.d)
	d.d, d.err = nil, errClosed
	return nil
}
