package wire

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// A file of which the master may have parts already is sent in chunks: it is cut, the master is asked which chunks it
// has, and those are named instead of sent. Asking runs ahead of sending. Whether that is worth it a probe tells, so
// that a file that nobody ever sent is not cut for nothing.

const (
	probes     = 8         // places of a file that a probe looks at,
	probeLeast = 384 << 10 // each of so many bytes at least
	probeMost  = 1 << 20   // and at most,
	probeShare = 256       // and this share of the file
	probeHits  = 16        // a file is cut if one of so many chunks is known
	firstAsk   = 64        // chunks that are asked for first; then twice as many, up to
	mostAsk    = 2048
	asksAhead  = 2 // questions whose answers are waited for
	// barrenMost is how many bodies in chunks may bring nothing before the file is sent plainly.
	barrenMost = 3
)

// knownChunks asks which chunks the master has.
func (c *Client) knownChunks(ctx context.Context, sums []blob.Ref) ([]bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errSilent)
	defer cancel()
	body := make([]byte, 0, len(sums)*len(blob.Ref{}))
	for i := range sums {
		body = append(body, sums[i][:]...)
	}
	r, err := http.NewRequest(http.MethodPost, c.base+Root+"/blobs/chunks", bytes.NewReader(body))
	if err != nil {
		return nil, farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	resp, err := c.request(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer := make([]byte, (len(sums)+7)/8)
	if _, err := io.ReadFull(resp.Body, answer); err != nil {
		return nil, c.broken(ctx, err)
	}
	known := make([]bool, len(sums))
	for i := range known {
		known[i] = answer[i/8]>>(i%8)&1 == 1
	}
	return known, nil
}

// worthCutting asks for chunks of some places of the file, and tells whether enough of them are known.
func (c *Client) worthCutting(ctx context.Context, file io.ReaderAt, offset, size int64) bool {
	left := size - offset
	if left < blob.ChunkFrom {
		return false
	}
	length := min(max(left/probeShare, probeLeast), probeMost)
	var sums []blob.Ref
	for i := range int64(probes) {
		at := offset + (left-length)/(probes-1)*i
		cutter := blob.NewCutter(io.NewSectionReader(file, at, length))
		last := blob.Ref{}
		for k := 0; ; k++ {
			b, err := cutter.Next()
			if err != nil {
				break
			}
			if k > 1 || at == 0 && k > 0 { // the first begins and the last ends where no chunk does
				sums = append(sums, last)
			}
			last = blob.RefOf(b)
		}
	}
	known, err := c.knownChunks(ctx, sums)
	hits := 0
	for _, k := range known {
		if k {
			hits++
		}
	}
	return err == nil && hits > 0 && hits*probeHits >= len(sums)
}

// Lacks tells how many bytes of a file the master lacks, and whether it lacks the file at all. Where a probe shows that it
// has parts of the file, that is read and cut.
func (c *Client) Lacks(ctx context.Context, ref string, size int64, file io.ReaderAt) (lacks bool, bytes int64, err error) {
	state, err := c.askBlob(ctx, ref)
	if err != nil || state.there {
		return false, 0, err
	}
	left := size - state.offset
	if !state.cut || !c.worthCutting(ctx, file, state.offset, size) {
		return true, left, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	windows := make(chan *window, asksAhead)
	cut := make(chan error, 1)
	go func() {
		defer close(windows)
		cut <- c.cutAndAsk(ctx, io.NewSectionReader(file, state.offset, left), state.offset, size, windows)
	}()
	for w := range windows {
		for i, known := range <-w.known {
			if !known {
				bytes += int64(w.chunks[i].Size)
			}
		}
	}
	return true, bytes, <-cut
}

// window is a row of chunks that was asked for.
type window struct {
	at     int64 // where it begins in the file
	chunks []blob.Chunk
	known  chan []bool // one answer; nil when there is none
}

// packChunks compresses a body in chunks where that is worth it for the file.
func (c *Client) packChunks(d *differing, file io.ReaderAt, offset int64, plain bool) (body io.ReadCloser, encoding string) {
	head := make([]byte, blob.ProbeSize)
	if plain || c.local() {
		return d, EncodingChunks
	}
	if n, _ := file.ReadAt(head, offset); !blob.ShouldCompress(head[:n], "") {
		return d, EncodingChunks
	}
	return blob.Compress(d), EncodingChunks + ", zstd"
}

// inChunks is the bytes of the file from offset up to size as a body in chunks. tell hears how far it is.
func (c *Client) inChunks(ctx context.Context, file io.ReaderAt, offset, size int64, guard *guard, tell func(at int64)) *differing {
	ctx, cancel := context.WithCancel(ctx)
	cutting, stop := context.WithCancel(ctx)
	r, w := io.Pipe()
	d := &differing{PipeReader: r}
	windows := make(chan *window, asksAhead)
	cutErr := make(chan error, 1)
	go func() {
		defer close(windows)
		cutErr <- c.cutAndAsk(cutting, io.NewSectionReader(file, offset, size-offset), offset, size, windows)
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stop()
		out := bufio.NewWriterSize(w, 64<<10)
		var err error
		for next := range windows {
			if err == nil {
				err = next.write(ctx, out, file, func(at int64) {
					guard.moved()
					tell(at)
				})
			}
			if err != nil {
				stop()
			}
		}
		if e := <-cutErr; err == nil {
			err = e
		}
		if err == nil {
			err = out.Flush()
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, io.ErrClosedPipe) {
			d.err.Store(&err)
		}
		guard.timer.Reset(5 * guard.silence) // the master copies, verifies and syncs now
		w.CloseWithError(err)
	}()
	d.end = func() { cancel(); r.Close(); <-done }
	return d
}

type differing struct {
	*io.PipeReader
	end func()
	err atomic.Pointer[error] // why the file could not be read
}

func (d *differing) Close() error {
	d.end()
	return nil
}

// failure is why the file could not be read, or nil.
func (d *differing) failure() error {
	if err := d.err.Load(); err != nil {
		return *err
	}
	return nil
}

// cutAndAsk cuts what r gives and asks for the chunks, window by window.
func (c *Client) cutAndAsk(ctx context.Context, r io.Reader, at, size int64, windows chan<- *window) error {
	cutter := blob.NewCutter(r)
	for ask, end := firstAsk, false; !end; ask = min(2*ask, mostAsk) {
		w := &window{at: at, known: make(chan []bool, 1)}
		for len(w.chunks) < ask {
			b, err := cutter.Next()
			if err == io.EOF {
				end = true
				break
			}
			if err != nil {
				return err
			}
			w.chunks = append(w.chunks, blob.Chunk{Sum: blob.RefOf(b), Size: len(b)})
			at += int64(len(b))
		}
		if len(w.chunks) == 0 {
			break
		}
		go func() {
			sums := make([]blob.Ref, len(w.chunks))
			for i := range sums {
				sums[i] = w.chunks[i].Sum
			}
			known, err := c.knownChunks(ctx, sums)
			if err != nil {
				known = make([]bool, len(sums)) // they are sent, if there is still somebody to take them
			}
			w.known <- known
		}()
		select {
		case windows <- w:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if at < size {
		return farm.Errorf(farm.Mismatch, "the file is %d bytes shorter than it was", size-at)
	}
	return nil
}

// write waits for the answer and writes the window.
func (w *window) write(ctx context.Context, out *bufio.Writer, file io.ReaderAt, tell func(at int64)) error {
	var known []bool
	select {
	case known = <-w.known:
	case <-ctx.Done():
		return ctx.Err()
	}
	at := w.at
	for i, op := 0, []byte(nil); i < len(w.chunks); {
		if known[i] {
			op = blob.AppendCopy(op[:0], w.chunks[i].Sum)
			if _, err := out.Write(op); err != nil {
				return err
			}
			at += int64(w.chunks[i].Size)
			tell(at)
			i++
			continue
		}
		n := 0
		for ; i < len(w.chunks) && !known[i] && n < 1<<20; i++ {
			n += w.chunks[i].Size
		}
		op = blob.AppendLiteral(op[:0], n)
		if _, err := out.Write(op); err != nil {
			return err
		}
		if k, err := io.Copy(out, io.NewSectionReader(file, at, int64(n))); err != nil {
			return err
		} else if k < int64(n) {
			return farm.Errorf(farm.Mismatch, "the file became shorter while it was sent")
		}
		at += int64(n)
		tell(at)
	}
	return nil
}
