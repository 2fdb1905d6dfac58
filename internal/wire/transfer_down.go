package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// Download reads bytes from the master and goes on after breaks, until the context it was opened with ends. The last
// read verifies the SHA-256 where it is known: bytes that do not match end in farm.Mismatch instead of io.EOF.
// It belongs to one goroutine.
type Download struct {
	Size int64  // bytes of the whole; -1: not known
	Ref  string // SHA-256, hex; "": not known

	c       *Client
	ctx     context.Context
	path    string
	at      int64
	end     int64 // where the range that is wanted ends; -1: with the whole
	body    io.ReadCloser
	guard   *guard
	etag    string
	sum     hash.Hash // nil: the first bytes are not read, so the whole cannot be verified
	back    backoff
	barren  int // connections since the last byte that came
	zstd    bool
	done    bool
	lastErr error
}

// maxBarren is how many answers in a row may bring no byte before a file is taken for damaged on the master.
const maxBarren = 6

// OpenBlob starts reading a blob. It fails at once when the master does not have it.
func (c *Client) OpenBlob(ctx context.Context, ref string) (*Download, error) {
	return c.openBlob(ctx, ref, 0)
}

func (c *Client) openBlob(ctx context.Context, ref string, offset int64) (*Download, error) {
	d := c.download(ctx, BlobPath(ref), ref)
	d.zstd = !c.local()
	if offset > 0 {
		d.at, d.sum = offset, nil
	}
	return d, d.openFirst()
}

func (c *Client) download(ctx context.Context, path, ref string) *Download {
	return &Download{Size: -1, end: -1, Ref: ref, c: c, ctx: ctx, path: path, sum: sha256.New(), back: backoff{first: c.first}}
}

// OpenResult starts reading a result of a job: its Name, and its Ref and Size as the attempt's record has them. With
// an empty Ref the bytes cannot be verified.
func (c *Client) OpenResult(ctx context.Context, id farm.JobID, r farm.Result) (*Download, error) {
	d := c.download(ctx, ResultPath(id, r.Name), r.Ref)
	return d, d.openFirst()
}

// openFirst opens, waiting while the master is away.
func (d *Download) openFirst() error {
	for {
		err := d.open()
		if err == nil || !Again(err) {
			return err
		}
		if d.back.wait(d.ctx) != nil {
			return err
		}
	}
}

// open asks for the bytes from d.at on.
func (d *Download) open() error {
	r, err := http.NewRequest(http.MethodGet, d.c.base+d.path, nil)
	if err != nil {
		return farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	switch {
	case d.at > 0 || d.end >= 0:
		last := ""
		if d.end >= 0 {
			last = strconv.FormatInt(d.end-1, 10)
		}
		r.Header.Set("Range", "bytes="+strconv.FormatInt(d.at, 10)+"-"+last)
		if d.etag != "" {
			r.Header.Set("If-Range", d.etag)
		}
	case d.zstd:
		r.Header.Set("Accept-Encoding", "zstd")
	}
	guard, ctx := d.c.guard(d.ctx)
	resp, err := d.c.request(ctx, r)
	if err != nil {
		guard.stop()
		return err
	}
	d.guard, d.body = guard, resp.Body
	if err := d.accept(resp); err != nil {
		d.drop()
		return err
	}
	return nil
}

func (d *Download) accept(resp *http.Response) error {
	if (d.at > 0 || d.end >= 0) && resp.StatusCode != http.StatusPartialContent {
		return farm.Errorf(farm.Mismatch, "the file changed on the master while it was fetched").WithHint("fetch it again")
	}
	if d.at > 0 || d.end >= 0 {
		from, _, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || from != d.at {
			return farm.Errorf(farm.Outdated, "the master does not go on where the transfer broke")
		}
		if size, ok := number(resp.Header, HeaderSize); ok && d.Size < 0 {
			d.Size = size
		}
		return nil
	}
	d.etag = resp.Header.Get("ETag")
	if ref := resp.Header.Get(HeaderRef); d.Ref == "" {
		d.Ref = ref
	}
	if size, ok := number(resp.Header, HeaderSize); ok {
		d.Size = size
	} else if resp.Header.Get("Content-Encoding") == "" && resp.ContentLength >= 0 {
		d.Size = resp.ContentLength
	}
	switch enc := resp.Header.Get("Content-Encoding"); enc {
	case "":
	case "zstd":
		if d.Size < 0 {
			return farm.Errorf(farm.Outdated, "the master packs a file and does not say its size")
		}
		d.body = &unpacker{blob.Decompress(resp.Body, d.Size), resp.Body}
	default:
		return farm.Errorf(farm.Outdated, "the master packs files as %q, which is not understood", enc)
	}
	return nil
}

// contentRange reads `bytes FROM-TO/SIZE` (RFC 9110, 14.4).
func contentRange(h string) (from, to int64, ok bool) {
	span, _, ok := strings.Cut(strings.TrimPrefix(h, "bytes "), "/")
	first, last, dash := strings.Cut(span, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	return from, to, ok && dash && err1 == nil && err2 == nil
}

type unpacker struct {
	io.ReadCloser
	under io.Closer
}

func (u *unpacker) Close() error {
	return errors.Join(u.ReadCloser.Close(), u.under.Close())
}

func (d *Download) drop() {
	if d.body != nil {
		d.guard.cancel(nil) // first, so that closing does not read the rest
		d.body.Close()
		d.guard.stop()
		d.body = nil
	}
}

func (d *Download) Read(p []byte) (int, error) {
	for !d.done {
		if d.at == d.end {
			d.drop()
			return 0, d.fail(io.EOF)
		}
		if d.body == nil {
			if err := d.open(); err != nil {
				if !Again(err) {
					return 0, d.fail(err)
				}
				if d.back.wait(d.ctx) != nil {
					return 0, d.fail(err)
				}
				continue
			}
		}
		n, err := d.body.Read(d.within(p))
		if n > 0 {
			d.at += int64(n)
			if d.sum != nil {
				d.sum.Write(p[:n])
			}
			d.guard.moved()
			d.back.reset()
			d.barren = 0
		}
		if err == nil && (d.Size < 0 || d.at <= d.Size) {
			if n > 0 || len(p) == 0 {
				return n, nil
			}
			continue
		}
		ended := err == io.EOF && (d.Size < 0 || d.at >= d.Size) || d.Size >= 0 && d.at > d.Size
		d.drop()
		switch {
		case ended:
			return n, d.verify()
		case d.ctx.Err() != nil:
			return n, d.fail(d.ctx.Err())
		case d.Size < 0 && d.etag == "" && d.Ref == "":
			return n, d.fail(&Unreachable{Address: d.c.Address(), Err: err})
		}
		if n > 0 {
			return n, nil
		}
		if d.barren++; d.barren == maxBarren {
			return 0, d.fail(farm.Errorf(farm.Mismatch, "the master cannot read this file to its end").WithHint("its log says why"))
		}
		if d.back.wait(d.ctx) != nil {
			return 0, d.fail(d.ctx.Err())
		}
	}
	return 0, d.lastErr
}

// within is as much of p as is wanted.
func (d *Download) within(p []byte) []byte {
	if d.end < 0 {
		return p
	}
	return p[:min(int64(len(p)), d.end-d.at)]
}

func (d *Download) fail(err error) error {
	d.done, d.lastErr = true, err
	return err
}

func (d *Download) verify() error {
	if d.Size >= 0 && d.at != d.Size {
		return d.fail(farm.Errorf(farm.Mismatch, "the file is longer than the %d bytes the master announced", d.Size))
	}
	if d.Ref != "" && d.sum != nil && hex.EncodeToString(d.sum.Sum(nil)) != d.Ref {
		return d.fail(farm.Errorf(farm.Mismatch, "the bytes that came are not those of %.12s...", d.Ref).WithHint("fetch it again"))
	}
	return d.fail(io.EOF)
}

// Close ends the transfer.
func (d *Download) Close() error {
	d.drop()
	if !d.done {
		d.fail(os.ErrClosed)
	}
	return nil
}

// FetchBlob writes a blob to w, verified; on an error w holds bytes that are worth nothing.
func (c *Client) FetchBlob(ctx context.Context, ref string, w io.Writer) error {
	return c.FetchBlobFrom(ctx, ref, 0, w)
}

// FetchBlobFrom writes a blob to w from an offset on, which is below its size. Unless the offset is 0 the bytes are
// not verified: whoever has the first ones verifies the whole.
func (c *Client) FetchBlobFrom(ctx context.Context, ref string, offset int64, w io.Writer) error {
	d, err := c.openBlob(ctx, ref, offset)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, d, make([]byte, 128<<10))
	return err
}

// OpenBlobRange reads n bytes of a blob from an offset on; they are not verified. Like OpenBlob it goes on after breaks.
func (c *Client) OpenBlobRange(ctx context.Context, ref string, offset, n int64) (io.ReadCloser, error) {
	d := c.download(ctx, BlobPath(ref), ref)
	d.at, d.end, d.sum = offset, offset+n, nil
	if n <= 0 {
		return d, nil
	}
	return d, d.openFirst()
}

// FetchRecipe asks for the chunks of a blob of size bytes. farm.NotFound: it has none, or the master cannot tell.
func (c *Client) FetchRecipe(ctx context.Context, ref string, size int64) (blob.Recipe, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errSilent)
	defer cancel()
	r, err := http.NewRequest(http.MethodGet, c.base+BlobPath(ref)+"/recipe", nil)
	if err != nil {
		return nil, farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	resp, err := c.request(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, blob.MaxRecipe+1))
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	recipe, err := blob.DecodeRecipe(b, size)
	if err != nil {
		return nil, farm.Errorf(farm.Outdated, "the master's answer is not understood: %w", err)
	}
	return recipe, nil
}

// FetchResult is FetchVerified for who knows nothing of the result but its name: its bytes are not verified.
func (c *Client) FetchResult(ctx context.Context, id farm.JobID, name, path string, progress func(bytes, size int64)) error {
	return c.FetchVerified(ctx, id, farm.Result{Name: name}, path, progress)
}

// FetchVerified writes a result of a job to a file: beside it first, verified against r.Ref and synced, then renamed
// over it. Folders are made. What a process that was killed left of it is not fetched again. progress, which may be nil, is told the bytes that came. A result that is replaced
// meanwhile is begun anew.
func (c *Client) FetchVerified(ctx context.Context, id farm.JobID, r farm.Result, path string, progress func(bytes, size int64)) error {
	return c.fetchVerified(ctx, ResultPath(id, r.Name), r, path, progress)
}

func (c *Client) fetchVerified(ctx context.Context, from string, r farm.Result, path string, progress func(bytes, size int64)) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	back := backoff{first: c.first}
	for tries := 1; ; tries++ {
		err := c.fetchResult(ctx, from, r, path, progress)
		if farm.KindOf(err) != farm.Mismatch || tries == 3 {
			return err
		}
		if back.wait(ctx) != nil {
			return err
		}
	}
}

func (c *Client) fetchResult(ctx context.Context, from string, r farm.Result, path string, progress func(bytes, size int64)) (err error) {
	d := c.download(ctx, from, r.Ref)
	keep := int64(0)
	if r.Ref != "" { // else nobody could tell whether it is of the same result
		keep = r.Size
	}
	f, err := createBeside(path, keep)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			dropBeside(f)
		}
	}()
	if d.at, err = io.CopyBuffer(d.sum, struct{ io.Reader }{f}, make([]byte, 128<<10)); err != nil {
		return err
	}
	if d.at > 0 && d.at == r.Size { // the name was all that it lacked, or it is another one
		d.Size = r.Size
		if err = d.verify(); err != io.EOF {
			return err
		}
	} else if err = d.openFirst(); err != nil {
		return err
	}
	defer d.Close()
	var w io.Writer = struct{ io.Writer }{f}
	if progress != nil {
		if d.at > 0 {
			progress(d.at, r.Size)
		}
		w = &meter{w: f, n: d.at, tell: func(n int64) { progress(n, d.Size) }}
	}
	if _, err = io.CopyBuffer(w, d, make([]byte, 128<<10)); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return fmt.Errorf("the fetched file cannot be kept: %w", err)
	}
	if err = os.Chmod(f.Name(), 0o644); err != nil {
		return err
	}
	return putInPlace(f, path)
}

type meter struct {
	w    io.Writer
	n    int64
	tell func(int64)
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.n += int64(n)
	m.tell(m.n)
	return n, err
}
