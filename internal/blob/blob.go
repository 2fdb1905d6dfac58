// Package blob keeps bytes under the name of their SHA-256.
//
// Nouns: a Ref is that name; a Store keeps whole blobs; Uploads keeps partial ones until they are whole; a Cache is a
// disk store with a size limit; a manifest path is the slash path of a file inside a job, which is not trusted.
//
// Bytes are verified on the way in and on whole reads; nothing is visible under its Ref before it is complete,
// verified and synced.
package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Ref is the SHA-256 (FIPS 180-4) of a blob. It is comparable and cheap as a map key. Its text is 64 lower-case hex
// digits, in JSON as well. The zero Ref names nothing: no bytes with that hash are known.
type Ref [sha256.Size]byte

// ParseRef reads 64 lower-case hex digits. Upper case is refused, so that a blob has one name only.
func ParseRef(s string) (Ref, error) {
	var r Ref
	if len(s) != 2*len(r) {
		return Ref{}, fmt.Errorf("%w: %d characters instead of %d", ErrRef, len(s), 2*len(r))
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return Ref{}, fmt.Errorf("%w: character %q at %d is not a lower-case hex digit", ErrRef, c, i)
		}
	}
	if _, err := hex.Decode(r[:], []byte(s)); err != nil {
		return Ref{}, fmt.Errorf("%w: %w", ErrRef, err)
	}
	return r, nil
}

// RefOf hashes bytes that are in memory.
func RefOf(b []byte) Ref { return sha256.Sum256(b) }

// String is the 64 hex digits.
func (r Ref) String() string { return hex.EncodeToString(r[:]) }

// IsZero says whether the Ref names nothing; it makes the `omitzero` JSON option work.
func (r Ref) IsZero() bool { return r == Ref{} }

// Compare orders Refs as their texts are ordered.
func (r Ref) Compare(o Ref) int { return bytes.Compare(r[:], o[:]) }

// MarshalText is the 64 hex digits; the zero Ref is the empty text.
func (r Ref) MarshalText() ([]byte, error) {
	if r.IsZero() {
		return nil, nil
	}
	return []byte(r.String()), nil
}

// UnmarshalText is ParseRef; the empty text is the zero Ref.
func (r *Ref) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*r = Ref{}
		return nil
	}
	p, err := ParseRef(string(b))
	if err == nil {
		*r = p
	}
	return err
}

// Info is what is known of a blob without reading it. Size is in bytes.
type Info struct {
	Ref  Ref   `json:"sha256"`
	Size int64 `json:"size"`
}

// Reader reads one blob. Reading it whole and in order with Read is verified: where the bytes are not those of the
// Ref the last of them are withheld and ErrCorrupt is returned. Seeking to the end and back, and reading a beginning
// twice, do not disturb that. Any other order, and ReadAt, are NOT verified: whoever asks for a range must check the
// whole. Read and Seek belong to one goroutine; ReadAt may be called by many.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64 // bytes
}

// Store keeps whole blobs. Its methods may be called by many goroutines at once. Package blobtest holds the
// conformance test.
type Store interface {
	// Stat tells the size. ErrNotFound if the blob is not here.
	Stat(ctx context.Context, ref Ref) (Info, error)
	// Open reads. ErrNotFound if the blob is not here. Deleting a blob does not disturb an open Reader on Unix.
	Open(ctx context.Context, ref Ref) (Reader, error)
	// Put stores exactly size bytes of r, which must hash to ref, else ErrMismatch; when it returns nil they are
	// durable. If the blob is already here r is drained (never more than size bytes of it) and nil is returned.
	// An error of r is returned as it is, wrapped, and nothing is kept.
	Put(ctx context.Context, ref Ref, size int64, r io.Reader) error
	// Delete removes the blob and any partial of it. Deleting what is not here is no error.
	Delete(ctx context.Context, ref Ref) error
	// List gives the blobs whose Ref is greater than after, in order, limit at most (1,000 if limit <= 0).
	// Start with the zero Ref; fewer than limit means that there are no more.
	List(ctx context.Context, after Ref, limit int) ([]Info, error)
}

// Uploads keeps partial blobs until they are whole, and then hands them to the Store it belongs to.
type Uploads interface {
	// Offset is the number of bytes from which Append goes on: 0 if nothing came yet, the size if the blob is whole.
	Offset(ctx context.Context, ref Ref) (int64, error)
	// Append adds bytes of r, from offset up to size at most; r is never read past that. Before it returns, what came
	// is durable: newOffset, which is true also beside an error, holds after a crash. It is complete when the whole
	// was verified and is in the Store.
	//
	// A stream that ends early is no error: complete is false. An error of r is returned wrapped, and what came
	// before it is kept. *OffsetError (ErrOffset) if offset is not where the partial ends; ErrBusy while another
	// Append to the same Ref runs; ErrMismatch if the whole is not what ref names, and then the partial is gone;
	// ErrNoRoom if the rest does not fit.
	Append(ctx context.Context, ref Ref, size, offset int64, r io.Reader) (newOffset int64, complete bool, err error)
}
