package blob

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// HashCache remembers the Refs of files, so that an unchanged project is not read again. An entry holds while size,
// modification time, change time, device and inode of the file are the same. A file that changed less than 2 s before
// it was hashed is not remembered: it could change again without its time showing it.
//
// Its file is text, one line an entry: Ref, size, mtime, ctime, device, inode, quoted path. A damaged file is as good
// as none; a damaged line is skipped.
type HashCache struct {
	file string
	now  func() time.Time

	mu    sync.Mutex
	known map[string]hashEntry // guarded by mu; by absolute path
	dirty bool                 // guarded by mu
}

type hashEntry struct {
	stamp
	ref  Ref
	used bool // by this process: these are kept first
}

const (
	hashCacheHead = "netrender hash cache 1"
	hashCacheMax  = 200_000 // entries, about 40 MB of file
)

// OpenHashCache reads file, which need not exist; no error of reading it matters but to speed. now is the real clock.
func OpenHashCache(file string, now func() time.Time) *HashCache {
	c := &HashCache{file: file, now: now, known: map[string]hashEntry{}}
	b, err := os.ReadFile(file)
	if err != nil {
		return c
	}
	head, rest, _ := bytes.Cut(b, []byte("\n"))
	if string(head) != hashCacheHead {
		return c
	}
	for line := range strings.Lines(string(rest)) {
		if name, e, ok := parseHashEntry(strings.TrimSuffix(line, "\n")); ok && len(c.known) < hashCacheMax {
			c.known[name] = e
		}
	}
	return c
}

func parseHashEntry(line string) (name string, e hashEntry, ok bool) {
	f := strings.SplitN(line, " ", 7)
	if len(f) != 7 {
		return "", e, false
	}
	var errs [7]error
	e.ref, errs[0] = ParseRef(f[0])
	e.size, errs[1] = strconv.ParseInt(f[1], 10, 64)
	e.mtime, errs[2] = strconv.ParseInt(f[2], 10, 64)
	e.ctime, errs[3] = strconv.ParseInt(f[3], 10, 64)
	e.dev, errs[4] = strconv.ParseUint(f[4], 10, 64)
	e.inode, errs[5] = strconv.ParseUint(f[5], 10, 64)
	name, errs[6] = strconv.Unquote(f[6])
	return name, e, errors.Join(errs[:]...) == nil
}

// Hash is HashFile, without reading the file if it is known.
func (c *HashCache) Hash(ctx context.Context, name string) (info Info, known bool, err error) {
	name, err = filepath.Abs(name)
	if err != nil {
		return Info{}, false, err
	}
	fi, err := os.Stat(name)
	if err != nil {
		return Info{}, false, err
	}
	if info, ok := c.lookup(name, stampOf(fi)); ok && fi.Mode().IsRegular() {
		return info, true, nil
	}
	begun := c.now()
	info, s, err := hashFile(ctx, name)
	if err != nil {
		return Info{}, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty = true
	if time.Unix(0, max(s.mtime, s.ctime)).After(begun.Add(-racyWindow)) {
		delete(c.known, name)
	} else {
		c.known[name] = hashEntry{s, info.Ref, true}
	}
	return info, false, nil
}

// Forget drops what is known of a file that turned out to be another.
func (c *HashCache) Forget(name string) {
	if name, err := filepath.Abs(name); err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, known := c.known[name]
		delete(c.known, name)
		c.dirty = c.dirty || known
	}
}

func (c *HashCache) lookup(name string, s stamp) (Info, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.known[name]
	if !ok || e.stamp != s {
		return Info{}, false
	}
	if !e.used {
		e.used = true
		c.known[name] = e
	}
	return Info{e.ref, e.size}, true
}

// Save writes what was learned, if anything was. When there are more than 200,000 entries those go that this process
// did not use. Two processes that save overwrite one another, which costs time only.
func (c *HashCache) Save() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dirty {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(c.file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.file), filepath.Base(c.file)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := c.write(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), c.file); err != nil {
		return err
	}
	c.dirty = false
	return nil
}

// write is called with mu held.
func (c *HashCache) write(f *os.File) error {
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, hashCacheHead)
	left := hashCacheMax
	for _, used := range []bool{true, false} {
		for name, e := range c.known {
			if e.used != used || left == 0 {
				continue
			}
			left--
			fmt.Fprintf(w, "%s %d %d %d %d %d %s\n", e.ref, e.size, e.mtime, e.ctime, e.dev, e.inode, strconv.Quote(name))
		}
	}
	return w.Flush()
}
