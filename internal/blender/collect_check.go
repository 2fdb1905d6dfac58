package blender

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// series is the version in the head of a .blend; the zero value is unknown.
type series struct{ major, minor int }

func (s series) String() string { return fmt.Sprintf("%d.%d", s.major, s.minor) }

// after says whether the file is newer than a Blender of the given version, "4.5.15"; false when either is unknown.
func (s series) after(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, aerr := strconv.Atoi(major)
	b, berr := strconv.Atoi(minor)
	return aerr == nil && berr == nil && s != series{} && (s.major > a || s.major == a && s.minor > b)
}

// The heads of a .blend: "BLENDER-v304" up to 4.x (pointer size, byte order, version), "BLENDER17-01v0500" from 5.0 on
// (length of the head, format version, byte order, version). Source: source/blender/blenloader, BLO_core_blend_header.hh.
var (
	oldHead = regexp.MustCompile(`^BLENDER[-_][vV](\d)(\d\d)`)
	newHead = regexp.MustCompile(`^BLENDER\d\d-\d\d[vV](\d\d)(\d\d)`)
)

const (
	magic    = "BLENDER"
	headSize = 32 // bytes, more than any head has

	unpackLimit = 64 << 20 // bytes of memory for the first of what a file holds
)

// PreCheck looks at the first bytes of a .blend without starting Blender: nil says that Blender may be able to read it.
// Errors are *Error of kind NoFile, NotBlend or Truncated.
func PreCheck(blend string) error {
	_, err := readHead(blend)
	return err
}

// SeriesOf is the series of Blender that wrote a file, "4.5", as far as its head tells; "" when it does not.
func SeriesOf(blend string) string {
	saved, err := readHead(blend)
	if err != nil || saved == (series{}) {
		return ""
	}
	return saved.String()
}

// readHead is the series that wrote the file, as far as its head tells.
func readHead(blend string) (series, error) {
	name := filepath.Base(blend)
	fail := func(kind ErrorKind, text string, cause error) (series, error) {
		return series{}, &Error{Kind: kind, Message: name + " " + text, cause: cause}
	}
	info, err := os.Stat(blend) // first: opening a pipe would wait for its other end
	if err == nil && !info.Mode().IsRegular() {
		return fail(NoFile, "is no file but a "+describeMode(info.Mode()), nil)
	}
	var head []byte
	if err == nil {
		head, err = firstBytes(blend)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(NoFile, "does not exist", err)
	case errors.Is(err, fs.ErrPermission):
		return fail(NoFile, "may not be read by you", err)
	case err != nil:
		return fail(NoFile, "cannot be read: "+err.Error(), err)
	case len(head) == 0:
		return fail(Truncated, "is empty", nil)
	case isZstd(head):
		if head = firstUnpacked(blend); len(head) < headSize { // damaged, perhaps: Blender knows better
			return series{}, nil
		}
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		head, err = firstUnzipped(blend)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return fail(NotBlend, "is not a .blend file: it is compressed in no known way", err)
		}
		if err != nil {
			return fail(Truncated, "ends too early", err)
		}
	}
	for _, pattern := range []*regexp.Regexp{oldHead, newHead} {
		if found := pattern.FindSubmatch(head); found != nil {
			major, _ := strconv.Atoi(string(found[1]))
			minor, _ := strconv.Atoi(string(found[2]))
			return series{major, minor}, nil
		}
	}
	if len(head) < headSize && (strings.HasPrefix(magic, string(head)) || strings.HasPrefix(string(head), magic)) {
		return fail(Truncated, "ends too early", nil)
	}
	if bytes.HasPrefix(head, []byte(magic)) { // a head of the future: Blender knows better
		return series{}, nil
	}
	return fail(NotBlend, "is not a .blend file", nil)
}

// isZstd knows frames and skippable frames, RFC 8878 sections 3.1.1 and 3.1.2.
func isZstd(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	skippable := head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18})
	return skippable || bytes.Equal(head[:4], []byte{0x28, 0xb5, 0x2f, 0xfd})
}

func firstBytes(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, headSize))
}

// firstUnzipped is the same of what a gzip file holds, as Blender wrote compressed files before 3.0.
func firstUnzipped(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzip, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	head := make([]byte, headSize)
	n, err := io.ReadFull(unzip, head)
	return head[:n], err
}

// firstUnpacked is the same of what a zstd file holds, as Blender writes compressed files; nil when it cannot be had.
func firstUnpacked(path string) []byte {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	unpack, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(unpackLimit))
	if err != nil {
		return nil
	}
	defer unpack.Close()
	head := make([]byte, headSize)
	n, _ := io.ReadFull(unpack, head)
	return head[:n]
}

func describeMode(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "thing of another kind"
}
