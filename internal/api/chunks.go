package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// recipeWait is how long a recipe is waited for that is not made yet.
const recipeWait = 30 * time.Second

func (a *API) chunkRoutes(d *describer) {
	d.plain(route{
		method: http.MethodPost, path: "/blobs/chunks", role: farm.RoleSubmit, name: "knownChunks",
		about: "Tells which chunks a PUT may have copied. In: SHA-256 of each, 32 bytes, at most 4096 of them; out: a bit of each, the first the lowest of the first byte",
		in:    raw{}, out: raw{},
	}, a.knownChunks)
	d.plain(route{
		method: http.MethodGet, path: "/blobs/{ref}/recipe", role: farm.RoleWorker, name: "getRecipe",
		about: "Tells the chunks of a blob of a job that is leased to the caller: \"nr-cuts1\", then SHA-256 and size (4 bytes, big endian) of each, then the SHA-256 of all that",
		out:   raw{},
	}, a.getRecipe)
}

func (a *API) knownChunks(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	if a.opt.Chunks == nil {
		return farm.Errorf(farm.NotFound, "this master does not take files in chunks")
	}
	b, err := io.ReadAll(io.LimitReader(a.paced(w, r, who), int64(wire.MaxChunks*blobSum+1)))
	if err != nil {
		return brokenBody(err)
	}
	switch {
	case len(b) > wire.MaxChunks*blobSum:
		return farm.Errorf(farm.TooLarge, "more than %d chunks are asked for", wire.MaxChunks)
	case len(b) == 0 || len(b)%blobSum != 0:
		return farm.Errorf(farm.Invalid, "the body is not a row of SHA-256")
	}
	sums := make([]blob.Ref, len(b)/blobSum)
	for i := range sums {
		sums[i] = blob.Ref(b[i*blobSum:])
	}
	out := make([]byte, (len(sums)+7)/8)
	for i, known := range a.opt.Chunks.Known(sums) {
		if known {
			out[i/8] |= 1 << (i % 8)
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(out)
	return nil
}

const blobSum = len(blob.Ref{})

func (a *API) getRecipe(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	ref, err := blob.ParseRef(r.PathValue("ref"))
	if err != nil {
		return err
	}
	if err := a.m.MayFetch(r.Context(), who, ref); err != nil {
		return err
	}
	if a.opt.Chunks == nil {
		return farm.Errorf(farm.NotFound, "this master does not give files in chunks")
	}
	ctx, cancel := context.WithTimeout(r.Context(), recipeWait)
	defer cancel()
	recipe, err := a.opt.Chunks.Recipe(ctx, ref)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = a.pacedWriter(w, r, who).Write(recipe.Encode())
	return nil
}

// encoding is how the body of a PUT is packed.
type encoding struct{ zstd, chunks bool }

// encodingOf reads the encodings in the order they were applied.
func (a *API) encodingOf(h http.Header) (e encoding, err error) {
	text := h.Get("Content-Encoding")
	for part := range strings.SplitSeq(text, ",") {
		switch strings.TrimSpace(part) {
		case "", "identity":
		case wire.EncodingChunks:
			if e.chunks || e.zstd || a.opt.Chunks == nil {
				return e, badEncoding(text)
			}
			e.chunks = true
		case "zstd":
			if e.zstd {
				return e, badEncoding(text)
			}
			e.zstd = true
		default:
			return e, badEncoding(text)
		}
	}
	return e, nil
}

func badEncoding(text string) error {
	return farm.Errorf(farm.Invalid, "a body packed as %q is not understood", clip(text)).WithHint("send it plain or as zstd")
}

// opened is the body's own bytes, at most limit of which are wanted.
func (a *API) opened(ctx context.Context, body *pacedBody, e encoding, limit int64) (in io.Reader, end func()) {
	in = body
	var open []io.Closer
	if e.zstd {
		packed := limit
		if e.chunks { // a wish to copy is shorter than any chunk, but the last one
			packed += packed/8 + 4<<10
		}
		z := unpack(body, packed)
		in, open = z, append(open, z)
	}
	if e.chunks {
		x := a.opt.Chunks.Expand(ctx, in)
		in, open = &expanded{x, body}, append(open, x)
	}
	return in, func() {
		for _, c := range slices.Backward(open) {
			_ = c.Close()
		}
	}
}

// expanded says what is wrong with a body in chunks.
type expanded struct {
	io.Reader
	body *pacedBody
}

func (e *expanded) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	switch {
	case err == nil, err == io.EOF:
	case e.body.fail != nil:
		err = e.body.fail
	case errors.Is(err, blob.ErrOps):
		err = farm.Errorf(farm.Invalid, "the body is not proper: %w", err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = brokenBody(err)
	}
	return n, err
}

// uncopied tells whether an upload ended because a chunk cannot be copied, which is nobody's fault: the sender asks
// again. A stored blob that holds other bytes than it should is looked at.
func (a *API) uncopied(r *http.Request, err error) bool {
	var chunk *blob.ChunkError
	if !errors.As(err, &chunk) {
		return false
	}
	if !chunk.Ref.IsZero() {
		a.suspect(r, chunk.Ref)
	}
	return true
}
