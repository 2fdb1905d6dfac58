package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
)

func TestInboxGoesOnAfterARestart(t *testing.T) {
	ctx, b, dir := context.Background(), blobtest.Bytes(3000, 1), t.TempDir()
	info := blob.Info{Ref: blob.RefOf(b), Size: 3000}
	path := filepath.Join(dir, "frame")
	cable := errors.New("cable")
	in := blob.NewInbox(dir, blob.DiskOptions{})
	have, complete, err := in.Append(ctx, path, info, 0, io.MultiReader(bytes.NewReader(b[:1000]), iotest.ErrReader(cable)))
	if have != 1000 || complete || !errors.Is(err, cable) {
		t.Fatal(have, complete, err)
	}
	for _, at := range []int64{1000, 2000} { // by another process each time
		in = blob.NewInbox(dir, blob.DiskOptions{})
		if have, err := in.Offset(path, info); have != at || err != nil {
			t.Fatal(have, err)
		}
		if _, _, err := in.Append(ctx, path, info, 0, bytes.NewReader(b)); !errors.Is(err, blob.ErrOffset) {
			t.Fatal("it began again", err)
		}
		if have, complete, err = in.Append(ctx, path, info, at, bytes.NewReader(b[at:at+1000])); have != at+1000 || err != nil {
			t.Fatal(have, err)
		}
	}
	if !complete {
		t.Fatal("it is not whole")
	}
	if got, err := os.ReadFile(path); !bytes.Equal(got, b) || err != nil {
		t.Fatal("other bytes are there", err)
	}
	if have, complete, err := in.Append(ctx, path, info, 0, bytes.NewReader(b)); have != 3000 || !complete || err != nil {
		t.Fatal("again:", have, complete, err)
	}
	if entries, err := os.ReadDir(dir); len(entries) != 1 || err != nil {
		t.Fatal(entries, err)
	}
}

func TestInboxRefusesOtherBytes(t *testing.T) {
	ctx, b, dir := context.Background(), blobtest.Bytes(1000, 2), t.TempDir()
	info := blob.Info{Ref: blob.RefOf(b), Size: 1000}
	path := filepath.Join(dir, "frame")
	in := blob.NewInbox(dir, blob.DiskOptions{})
	wrong := bytes.Clone(b)
	wrong[7]++
	if have, _, err := in.Append(ctx, path, info, 0, bytes.NewReader(wrong)); have != 0 || !errors.Is(err, blob.ErrMismatch) {
		t.Fatal(have, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Fatal(entries)
	}
	if _, _, err := in.Append(ctx, path, info, 0, bytes.NewReader(wrong[:500])); err != nil {
		t.Fatal(err)
	}
	if err := in.Restart(path); err != nil {
		t.Fatal(err)
	}
	if _, complete, err := in.Append(ctx, path, info, 0, bytes.NewReader(b)); !complete || err != nil {
		t.Fatal(complete, err)
	}
	b2 := blobtest.Bytes(900, 3) // the frame was rendered again
	if _, complete, err := in.Append(ctx, path, blob.Info{Ref: blob.RefOf(b2), Size: 900}, 0, bytes.NewReader(b2)); !complete || err != nil {
		t.Fatal(complete, err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, b2) {
		t.Fatal("the old bytes are there")
	}
}

// TestWholeAtOnceKeepsNoRecord: what came in one go needs no checkpoint, which would cost two more syncs.
func TestWholeAtOnceKeepsNoRecord(t *testing.T) {
	b, dir := blobtest.Bytes(500_000, 4), t.TempDir()
	path := filepath.Join(dir, "frame")
	looked := false
	look := readFunc(func([]byte) (int, error) {
		entries, err := os.ReadDir(dir)
		if looked = true; err != nil || len(entries) != 1 {
			t.Errorf("beside the bytes there are %v, %v", entries, err)
		}
		return 0, io.EOF
	})
	in := blob.NewInbox(dir, blob.DiskOptions{})
	body := io.MultiReader(bytes.NewReader(b[:400_000]), look, bytes.NewReader(b[400_000:]))
	_, complete, err := in.Append(context.Background(), path, blob.Info{Ref: blob.RefOf(b), Size: int64(len(b))}, 0, body)
	if !complete || err != nil || !looked {
		t.Fatal(complete, err, looked)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestRoomIsSharedAndReservesAreNot(t *testing.T) {
	ctx, free := context.Background(), int64(1000)
	room := blob.NewRoom(t.TempDir(), func(string) (int64, error) { return free, nil })
	d, err := blob.OpenDisk(t.TempDir(), blob.DiskOptions{Room: room, Reserve: 600})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	dir := t.TempDir()
	in := blob.NewInbox(dir, blob.DiskOptions{Room: room, Reserve: 100})
	b := blobtest.Bytes(850, 5)
	info := blob.Info{Ref: blob.RefOf(b), Size: 850}
	pr, pw := io.Pipe()
	done := make(chan error)
	go func() {
		_, _, err := in.Append(ctx, filepath.Join(dir, "a"), info, 0, pr)
		done <- err
	}()
	pw.Write(b[:1]) // returns when it reads, and so holds its room
	if left, err := room.Left(); left != 1000-849 && left != 1000-850 || err != nil {
		t.Error(left, err)
	}
	small := []byte("0123456789")
	if err := d.Put(ctx, blob.RefOf(small), 10, bytes.NewReader(small)); !errors.Is(err, blob.ErrNoRoom) {
		t.Error("into what is promised:", err)
	}
	pw.Write(b[1:])
	pw.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	free = 605
	if _, _, err := in.Append(ctx, filepath.Join(dir, "b"), blob.Info{Ref: blob.RefOf(small), Size: 10}, 0, bytes.NewReader(small)); err != nil {
		t.Error("below the other's reserve:", err)
	}
	if err := d.Put(ctx, blob.RefOf(small), 10, bytes.NewReader(small)); !errors.Is(err, blob.ErrNoRoom) {
		t.Error("into its own reserve:", err)
	}
}
