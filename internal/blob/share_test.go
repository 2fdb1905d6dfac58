package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
)

// drink reads what a Share gives from an offset on, as a door does.
func drink(s *blob.Share, offset int64) ([]byte, error) {
	var got []byte
	for offset < s.Size() {
		end, err := s.Wait(context.Background(), offset)
		if err != nil {
			return got, err
		}
		r, err := s.Section(offset, end-offset)
		if err != nil {
			return got, err
		}
		some, err := io.ReadAll(r)
		got = append(got, some...)
		if err != nil || int64(len(some)) != end-offset {
			return got, errors.Join(err, io.ErrUnexpectedEOF)
		}
		offset = end
	}
	return got, nil
}

// TestShareArriving: a blob is read while it arrives, in step with it, over breaks of its source and to its end.
func TestShareArriving(t *testing.T) {
	c := openCache(t, openDisk(t, quickDir(t)).Disk, 1<<30, clock())
	whole := blobtest.Bytes(3<<20, 1)
	ref := blob.RefOf(whole)
	if _, err := c.Share(ref); !errors.Is(err, blob.ErrNotFound) {
		t.Fatalf("a blob that is nowhere: %v", err)
	}
	pieces, asked := make(chan []byte), make(chan int64, 10)
	fetched := make(chan error, 1)
	go func() {
		fetched <- c.Fetch(context.Background(), ref, int64(len(whole)), func(_ context.Context, at int64) (io.ReadCloser, error) {
			asked <- at
			r, w := io.Pipe()
			go func() {
				for p := range pieces {
					if p == nil { // the source breaks
						break
					}
					w.Write(p)
				}
				w.Close()
			}()
			return r, nil
		})
	}()
	<-asked
	s, err := c.Share(ref)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Whole() || s.Size() != int64(len(whole)) {
		t.Fatalf("whole %v, size %d", s.Whole(), s.Size())
	}
	late, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Wait(late, 0); !errors.Is(err, context.Canceled) {
		t.Fatalf("a wait that was given up: %v", err)
	}
	pieces <- whole[:1<<20]
	end, err := s.Wait(context.Background(), 0)
	if err != nil || end <= 0 || end > 1<<20 {
		t.Fatalf("after the first piece: %d, %v", end, err)
	}
	pieces <- nil
	if at := <-asked; at != 1<<20 {
		t.Fatalf("it goes on at %d", at)
	}
	if end, err = s.Wait(context.Background(), 0); err != nil || end != 1<<20 {
		t.Fatalf("after the break: %d, %v", end, err)
	}
	type drunk struct {
		got []byte
		err error
	}
	all := make(chan drunk, 1)
	go func() {
		got, err := drink(s, 1000)
		all <- drunk{got, err}
	}()
	pieces <- whole[1<<20 : 2<<20]
	pieces <- whole[2<<20:]
	close(pieces)
	d := <-all
	if d.err != nil || !bytes.Equal(d.got, whole[1000:]) {
		t.Fatalf("%d bytes of %d came: %v", len(d.got), len(whole)-1000, d.err)
	}
	if err := <-fetched; err != nil {
		t.Fatal(err)
	}
	if after, err := c.Share(ref); err != nil || !after.Whole() {
		t.Fatalf("when it is whole: %v", err)
	} else {
		after.Close()
	}
}

// TestShareEnds: a reader of a blob whose download is given up, or brings wrong bytes, is not left waiting.
func TestShareEnds(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		c := openCache(t, openDisk(t, quickDir(t)).Disk, 1<<30, clock())
		whole := blobtest.Bytes(600_000, 1)
		ref := blob.RefOf(whole)
		ctx, cancel := context.WithCancel(context.Background())
		r, w := io.Pipe()
		started := make(chan struct{})
		fetched := make(chan error, 1)
		go func() {
			fetched <- c.Fetch(ctx, ref, int64(len(whole)), func(context.Context, int64) (io.ReadCloser, error) {
				close(started)
				return r, nil
			})
		}()
		<-started
		s, err := c.Share(ref)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(whole[:300_000])
		all := make(chan error, 1)
		go func() {
			_, err := drink(s, 0)
			if err == nil { // all bytes came; whether they are right is for the reader to find
				err = errors.New("")
			}
			all <- err
		}()
		if wrong {
			w.Write(blobtest.Bytes(300_000, 2))
		} else {
			cancel()
			w.CloseWithError(context.Canceled)
		}
		if err := <-fetched; wrong != errors.Is(err, blob.ErrMismatch) || err == nil {
			t.Errorf("wrong bytes %v: %v", wrong, err)
		}
		<-all
		s.Close()
		if _, err := c.Share(ref); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("wrong bytes %v: it is shared afterwards: %v", wrong, err)
		}
		cancel()
	}
}

// TestShareChanged: a file that somebody wrote to is not shared.
func TestShareChanged(t *testing.T) {
	dir := quickDir(t)
	c := openCache(t, openDisk(t, dir).Disk, 1<<30, clock())
	refs, fetch, _ := kilo()
	if err := fetch(c, 0); err != nil {
		t.Fatal(err)
	}
	s, err := c.Share(refs[0])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := drink(s, 0); err != nil || len(got) != 1000 {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	s.Close()
	name := filepath.Join(dir, refs[0].String()[:2], refs[0].String())
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Share(refs[0]); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a changed file: %v", err)
	}
}
