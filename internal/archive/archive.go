// Package archive writes and reads files that carry other files: a tar (POSIX.1-2001, "pax") that any tar program can
// list, with a head that says what it is, and an end without which it is not whole. It is written and read in one pass,
// with the memory of a few blocks.
//
// Nouns: the head is the first entry, JSON; the end is the last one, with the count of entries between and the SHA-256
// over the names, sizes and bytes of all of them, the head included; a kind is what an archive is for.
package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"io/fs"
	"strings"
	"time"
)

const (
	headName = "netrender.json"
	endName  = "netrender.end"

	// format is the version of what is written; archives of a later one are refused.
	format = 1

	maxHead = 1 << 20 // bytes of the head and of the end
	maxName = 4096    // bytes
)

// The errors of reading. What Read returns wraps one of them, or is an error of the reader or of the caller's own.
var (
	ErrOther   = errors.New("it is not such an archive")
	ErrNewer   = errors.New("it was written by a newer version")
	ErrDamaged = errors.New("it is damaged")
	ErrCut     = errors.New("it ends too early")
)

// Head says what an archive is.
type Head struct {
	Format  int             `json:"netrender_archive"`
	Kind    string          `json:"kind"`
	Made    time.Time       `json:"made"`
	Program string          `json:"program"` // version that wrote it
	About   json.RawMessage `json:"about,omitempty"`
}

// Entry is a file in an archive. Its name is a clean relative path with slashes (fs.ValidPath).
type Entry struct {
	Name    string
	Size    int64
	Private bool // it is for its owner's eyes only: mode 0600
}

type end struct {
	Entries int    `json:"entries"`
	Sum     string `json:"sha256"`
}

// sum is the running SHA-256 over entries.
type sum struct{ hash.Hash }

func newSum() sum { return sum{sha256.New()} }

func (s sum) begin(e Entry) {
	b := binary.BigEndian.AppendUint64(nil, uint64(len(e.Name)))
	b = append(b, e.Name...)
	s.Write(binary.BigEndian.AppendUint64(b, uint64(e.Size)))
}

func (s sum) text() string { return hex.EncodeToString(s.Sum(nil)) }

func goodName(name string) bool {
	return fs.ValidPath(name) && name != "." && len(name) <= maxName && !strings.ContainsAny(name, "\\\x00")
}

// exactly gives as many bytes as were announced, or an error.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
