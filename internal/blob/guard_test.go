package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
)

func TestGuardIsAStore(t *testing.T) {
	guard := func() *blob.Guard { return blob.NewGuard(new(blob.Memory), time.Hour, time.Now) }
	blobtest.Store(t, func(*testing.T) blob.Store { return guard() })
	blobtest.Uploads(t, func(*testing.T) blobtest.Both { return guard() }, nil)
}

// guarded is a guard in virtual time with one blob, whose grace time since the start is over.
func guarded(t *testing.T, f func(g *blob.Guard, ref blob.Ref)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := new(blob.Memory)
		b := []byte("bytes")
		if err := m.Put(context.Background(), blob.RefOf(b), 5, bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		g := blob.NewGuard(m, time.Hour, time.Now)
		if g.Begin() != nil {
			t.Fatal("what was announced before the start is collected")
		}
		time.Sleep(time.Hour)
		f(g, blob.RefOf(b))
	})
}

func collect(t *testing.T, c *blob.Collection, ref blob.Ref) bool {
	t.Helper()
	if c == nil {
		t.Fatal("no collection was begun")
	}
	gone, err := c.Delete(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return gone
}

func TestAnnouncedBlobsHaveGrace(t *testing.T) {
	ctx := context.Background()
	for name, announce := range map[string]func(g *blob.Guard, ref blob.Ref) error{
		"asked for": func(g *blob.Guard, ref blob.Ref) error { _, err := g.Stat(ctx, ref); return err },
		"read":      func(g *blob.Guard, ref blob.Ref) error { _, err := g.Open(ctx, ref); return err },
		"offset":    func(g *blob.Guard, ref blob.Ref) error { _, err := g.Offset(ctx, ref); return err },
		"put again": func(g *blob.Guard, ref blob.Ref) error {
			return g.Put(ctx, ref, 5, bytes.NewReader([]byte("bytes")))
		},
		"sent again": func(g *blob.Guard, ref blob.Ref) error {
			_, _, err := g.Append(ctx, ref, 5, 0, bytes.NewReader([]byte("bytes")))
			return err
		},
		"pinned for nothing": func(g *blob.Guard, ref blob.Ref) error {
			unpin, err := g.Pin(ctx, ref)
			unpin(false)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			guarded(t, func(g *blob.Guard, ref blob.Ref) {
				if err := announce(g, ref); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour - time.Nanosecond)
				c := g.Begin()
				if collect(t, c, ref) {
					t.Fatal("it was collected at once")
				}
				if g.Begin() != nil {
					t.Fatal("two collections run")
				}
				c.End()
				time.Sleep(time.Nanosecond)
				c = g.Begin()
				defer c.End()
				if !collect(t, c, ref) {
					t.Fatal("it is never collected")
				}
			})
		})
	}
}

func TestWhatIsNamedBehindTheBackOfACollectionStays(t *testing.T) {
	ctx := context.Background()
	guarded(t, func(g *blob.Guard, ref blob.Ref) {
		early, err := g.Pin(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		c := g.Begin()
		if collect(t, c, ref) {
			t.Fatal("a pinned one was collected")
		}
		early(true) // named now, but perhaps after the collection looked
		if collect(t, c, ref) {
			t.Fatal("one that was pinned when it began was collected")
		}
		c.End()
		c = g.Begin()
		late, err := g.Pin(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		late(true)
		if collect(t, c, ref) {
			t.Fatal("one that was pinned since was collected")
		}
		c.End()
		c = g.Begin()
		defer c.End()
		if !collect(t, c, ref) {
			t.Fatal("it is never collected")
		}
	})
}

// slowDelete is a store whose deletions wait.
type slowDelete struct {
	blob.Memory
	begun, end chan struct{}
}

func (s *slowDelete) Delete(ctx context.Context, ref blob.Ref) error {
	close(s.begun)
	<-s.end
	return s.Memory.Delete(ctx, ref)
}

func TestNobodyIsToldOfADyingBlob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s := &slowDelete{begun: make(chan struct{}), end: make(chan struct{})}
		b := []byte("bytes")
		ref := blob.RefOf(b)
		if err := s.Put(ctx, ref, 5, bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		g := blob.NewGuard(s, 0, time.Now)
		c := g.Begin()
		go c.Delete(ctx, ref)
		<-s.begun
		impatient, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if _, err := g.Stat(impatient, ref); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("somebody was told", err)
		}
		stat, sent := make(chan error), make(chan error)
		go func() { _, err := g.Stat(ctx, ref); stat <- err }()
		go func() {
			_, complete, err := g.Append(ctx, ref, 5, 0, io.MultiReader(bytes.NewReader(b)))
			if !complete {
				err = errors.Join(err, errors.New("not complete"))
			}
			sent <- err
		}()
		synctest.Wait()
		close(s.end)
		statErr := <-stat
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if statErr != nil && !errors.Is(statErr, blob.ErrNotFound) {
			t.Fatal(statErr)
		}
		if _, err := g.Stat(ctx, ref); err != nil {
			t.Fatal("what was sent after the deletion is gone:", err)
		}
		c.End()
	})
}
