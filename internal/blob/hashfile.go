package blob

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// hashBuffer is what HashFile reads at once, in bytes.
const hashBuffer = 1 << 20

var hashPool = sync.Pool{New: func() any { return new([hashBuffer]byte) }}

// HashFile names the bytes of a regular file, following links. ErrChanged if it was written to or exchanged meanwhile:
// its size, time, inode or the number of bytes read are not what they were.
func HashFile(ctx context.Context, name string) (Info, error) {
	info, _, err := hashFile(ctx, name)
	return info, err
}

// hashFile also tells what the file was like when it was hashed.
func hashFile(ctx context.Context, name string) (Info, stamp, error) {
	f, err := os.Open(name)
	if err != nil {
		return Info{}, stamp{}, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return Info{}, stamp{}, err
	}
	if !before.Mode().IsRegular() {
		return Info{}, stamp{}, &fs.PathError{Op: "hash", Path: name, Err: fmt.Errorf("not a file: %s", before.Mode().Type())}
	}
	h := sha256.New()
	n, err := hashAll(ctx, h, f)
	if err != nil {
		return Info{}, stamp{}, err
	}
	after, err := os.Stat(name)
	if err != nil {
		return Info{}, stamp{}, fmt.Errorf("%w: %s: %w", ErrChanged, name, err)
	}
	if n != before.Size() || !os.SameFile(before, after) || stampOf(before) != stampOf(after) {
		return Info{}, stamp{}, fmt.Errorf("%w: %s", ErrChanged, name)
	}
	return Info{sumOf(h), n}, stampOf(after), nil
}

func hashAll(ctx context.Context, w io.Writer, r io.Reader) (n int64, err error) {
	b := hashPool.Get().(*[hashBuffer]byte)
	defer hashPool.Put(b)
	for {
		k, err := fill(ctx, r, b[:])
		w.Write(b[:k])
		n += int64(k)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// stamp is what changes when a file does.
type stamp struct {
	size         int64
	mtime, ctime int64 // ns since 1970; ctime is 0 where the system has none
	dev, inode   uint64
}

func stampOf(fi fs.FileInfo) stamp {
	s := stamp{size: fi.Size(), mtime: fi.ModTime().UnixNano()}
	s.addSystem(fi)
	return s
}

// Hashed is the answer for one file of HashFiles.
type Hashed struct {
	Name string
	Info
	Known bool // it came from the HashCache, the file was not read
	Err   error
}

// HashFiles hashes names, at most `at` of them at once (2 if at <= 0), through cache if that is not nil, and hands each
// answer to each, in no order but never two at once. It returns ctx's error if that ended it; errors of files are in
// their answers.
func HashFiles(ctx context.Context, names []string, at int, cache *HashCache, each func(Hashed)) error {
	if at <= 0 {
		at = 2
	}
	var mu sync.Mutex // around each
	var wg sync.WaitGroup
	next := make(chan string)
	for range min(at, len(names)) {
		wg.Go(func() {
			for name := range next {
				h := Hashed{Name: name}
				if cache != nil {
					h.Info, h.Known, h.Err = cache.Hash(ctx, name)
				} else {
					h.Info, h.Err = HashFile(ctx, name)
				}
				mu.Lock()
				each(h)
				mu.Unlock()
			}
		})
	}
	for _, name := range names {
		if ctx.Err() != nil {
			break
		}
		next <- name
	}
	close(next)
	wg.Wait()
	return ctx.Err()
}

// racyWindow is how old a change must be to be told from a later one by its time: coarse clocks of file systems
// (FAT: 2 s) let a second write in the same tick go unseen. Git has the same rule ("racy git", Documentation/technical).
const racyWindow = 2 * time.Second
