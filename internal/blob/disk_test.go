package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
)

func TestDiskHoldsRoom(t *testing.T) {
	ctx, free := context.Background(), int64(1000)
	d, err := blob.OpenDisk(t.TempDir(), blob.DiskOptions{Reserve: 400, Free: func(string) (int64, error) { return free, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b := blobtest.Bytes(600, 1)
	ref := blob.RefOf(b)
	if err := d.Put(ctx, ref, 601, bytes.NewReader(b)); !errors.Is(err, blob.ErrNoRoom) {
		t.Errorf("601 of 600: %v", err)
	}
	if have, complete, err := d.Append(ctx, ref, 601, 0, bytes.NewReader(b)); !errors.Is(err, blob.ErrNoRoom) || have != 0 || complete {
		t.Errorf("Append: %d, %v, %v", have, complete, err)
	}
	empty(t, d, "temp", "partial")

	// What one is about to write, another cannot count on.
	pr, pw := io.Pipe()
	done := make(chan error)
	go func() { done <- d.Put(ctx, ref, 600, pr) }()
	pw.Write(b[:1]) // returns when Put reads, and so holds its room
	small := []byte("x")
	if err := d.Put(ctx, blob.RefOf(small), 1, bytes.NewReader(small)); !errors.Is(err, blob.ErrNoRoom) {
		t.Errorf("beside a held 600: %v", err)
	}
	pw.Write(b[1:])
	pw.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := d.Put(ctx, blob.RefOf(small), 1, bytes.NewReader(small)); err != nil {
		t.Errorf("the promise was not given back: %v", err)
	}
}

// empty checks that nothing was left in folders of a disk.
func empty(t *testing.T, d *blob.Disk, folders ...string) {
	t.Helper()
	for _, f := range folders {
		if entries, err := os.ReadDir(filepath.Join(blob.DirOf(d), f)); err != nil || len(entries) > 0 {
			t.Errorf("%s holds %v, %v", f, entries, err)
		}
	}
}

// A disk that fills while it is written: a tmpfs of 1 MiB whose free space is misreported.
func TestDiskRunsFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir).CombinedOutput(); err != nil {
		if os.Getenv("NETRENDER_TEST_BLENDER") == "required" {
			t.Fatalf("needs the right to mount a tmpfs: %v %s", err, out)
		}
		t.Skipf("needs the right to mount a tmpfs: %v %s", err, out)
	}
	defer exec.Command("umount", dir).Run()
	d, err := blob.OpenDisk(dir, blob.DiskOptions{Free: func(string) (int64, error) { return 1 << 40, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, b := context.Background(), blobtest.Bytes(8<<20, 2)
	ref, size := blob.RefOf(b), int64(len(b))
	if err := d.Put(ctx, ref, size, bytes.NewReader(b)); !errors.Is(err, blob.ErrNoRoom) {
		t.Errorf("Put: %v", err)
	}
	if have, _, err := d.Append(ctx, ref, size, 0, bytes.NewReader(b)); !errors.Is(err, blob.ErrNoRoom) || have != 0 {
		t.Errorf("Append: %d, %v", have, err)
	}
	empty(t, d, "temp", "partial")
	// A partial from before keeps what it had, also over a restart.
	if have, _, err := d.Append(ctx, ref, size, 0, bytes.NewReader(b[:100_000])); have != 100_000 || err != nil {
		t.Fatalf("Append: %d, %v", have, err)
	}
	if have, _, err := d.Append(ctx, ref, size, 100_000, bytes.NewReader(b[100_000:])); have != 100_000 || !errors.Is(err, blob.ErrNoRoom) {
		t.Fatalf("Append: %d, %v", have, err)
	}
	if fi, err := os.Stat(filepath.Join(dir, "partial", ref.String())); err != nil || fi.Size() != 100_000 {
		t.Errorf("the bytes that did not fit were kept: %v, %v", fi, err)
	}
	if at, err := d.Offset(ctx, ref); at != 100_000 || err != nil {
		t.Errorf("%d, %v", at, err)
	}
	d.Close()
	d = openDisk(t, dir).Disk
	defer d.Close()
	if at, err := d.Offset(ctx, ref); at != 100_000 || err != nil {
		t.Errorf("after a restart: %d, %v", at, err)
	}
}

func TestDiskStart(t *testing.T) {
	ctx, b := context.Background(), blobtest.Bytes(2000, 3)
	ref := blob.RefOf(b)
	d := openDisk(t, t.TempDir())
	if _, err := blob.OpenDisk(d.dir, blob.DiskOptions{}); err == nil {
		t.Error("two opened one folder")
	}
	if _, _, err := d.Append(ctx, ref, 2000, 0, bytes.NewReader(b[:1000])); err != nil {
		t.Fatal(err)
	}
	d.Close()
	stale := filepath.Join(d.dir, "temp", "zz")
	part := filepath.Join(d.dir, "partial", ref.String())
	torn := append(bytes.Clone(b[:1000]), make([]byte, 1700)...) // what a crash may leave behind the synced bytes
	if os.WriteFile(stale, b, 0o600) != nil || os.WriteFile(part, torn, 0o600) != nil {
		t.Fatal("cannot prepare")
	}
	d = openDisk(t, d.dir)
	if _, err := os.Stat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stale temporary file is still there: %v", err)
	}
	if at, err := d.Offset(ctx, ref); at != 1000 || err != nil {
		t.Fatalf("%d, %v", at, err)
	}
	if _, complete, err := d.Append(ctx, ref, 2000, 1000, bytes.NewReader(b[1000:])); !complete || err != nil {
		t.Fatalf("the torn tail spoilt the blob: %v, %v", complete, err)
	}
	empty(t, d.Disk, "partial", "temp")
}

// Whatever happened to the checkpoint, an upload never becomes a wrong blob and can always be finished.
func TestDamagedPartial(t *testing.T) {
	ctx, b := context.Background(), blobtest.Bytes(3000, 4)
	ref := blob.RefOf(b)
	for name, damage := range map[string]func(part, sum string) error{
		"no checkpoint":    func(_, sum string) error { return os.Remove(sum) },
		"no bytes":         func(part, _ string) error { return os.Remove(part) },
		"fewer bytes":      func(part, _ string) error { return os.Truncate(part, 1500) },
		"empty checkpoint": func(_, sum string) error { return os.Truncate(sum, 0) },
		"torn checkpoint": func(_, sum string) error {
			return os.WriteFile(sum, bytes.Repeat([]byte("nr-part1"), 128), 0o600)
		},
		"other bytes": func(part, _ string) error { return os.WriteFile(part, make([]byte, 2000), 0o600) },
		"read-only":   func(part, _ string) error { return os.Chmod(part, 0o444) },
	} {
		t.Run(name, func(t *testing.T) {
			d := openDisk(t, t.TempDir())
			for _, at := range []int{0, 1000} {
				if _, _, err := d.Append(ctx, ref, 3000, int64(at), bytes.NewReader(b[at:at+1000])); err != nil {
					t.Fatal(err)
				}
			}
			d.Close()
			part := filepath.Join(d.dir, "partial", ref.String())
			if err := damage(part, part+".sum"); err != nil {
				t.Fatal(err)
			}
			d = openDisk(t, d.dir)
			for tries := 0; ; tries++ {
				at, err := d.Offset(ctx, ref)
				if err != nil {
					t.Fatal(err)
				}
				_, complete, err := d.Append(ctx, ref, 3000, at, bytes.NewReader(b[at:]))
				if complete && err == nil {
					break
				}
				if tries > 0 || !errors.Is(err, blob.ErrMismatch) {
					t.Fatalf("try %d: %v", tries, err)
				}
			}
			if err := blob.Check(ctx, d, ref); err != nil {
				t.Error(err)
			}
			empty(t, d.Disk, "partial")
		})
	}
}

func TestReaderSeesDamage(t *testing.T) {
	ctx, b := context.Background(), blobtest.Bytes(300_000, 5)
	ref := blob.RefOf(b)
	d := openDisk(t, t.TempDir())
	if err := d.Put(ctx, ref, int64(len(b)), bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(d.dir, ref.String()[:2], ref.String())
	if fi, err := os.Stat(name); err != nil || fi.Mode().Perm()&0o222 != 0 {
		t.Errorf("a blob can be written to: %v, %v", fi.Mode(), err)
	}
	damage := func(changed []byte) {
		os.Chmod(name, 0o600)
		if err := os.WriteFile(name, changed, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	flipped := bytes.Clone(b)
	flipped[7]++
	for what, changed := range map[string][]byte{"a flipped byte": flipped, "a lost end": b[:1000], "nothing left": {}} {
		damage(changed)
		r, err := d.Open(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.Copy(io.Discard, io.NewSectionReader(r, 0, r.Size())) // ranges are not verified
		if got != int64(len(changed)) || err != nil {
			t.Errorf("%s: range: %d, %v", what, got, err)
		}
		n, err := io.CopyN(io.Discard, r, r.Size())
		if r.Size() == 0 {
			_, err = r.Read(make([]byte, 1))
		}
		if !errors.Is(err, blob.ErrCorrupt) || !strings.Contains(err.Error(), ref.String()) || n > 0 && n == r.Size() {
			t.Errorf("%s: %d of %d bytes, %v", what, n, r.Size(), err)
		}
		r.Close()
	}
}

func TestSweep(t *testing.T) {
	ctx, b := context.Background(), blobtest.Bytes(1000, 6)
	d := openDisk(t, t.TempDir())
	ref := blob.RefOf(b)
	if _, _, err := d.Append(ctx, ref, 1000, 0, bytes.NewReader(b[:700])); err != nil {
		t.Fatal(err)
	}
	if freed, err := d.Sweep(ctx, time.Unix(0, 0)); freed != 0 || err != nil {
		t.Errorf("swept what is new: %d, %v", freed, err)
	}
	if freed, err := d.Sweep(ctx, time.Unix(1<<40, 0)); freed < 700 || err != nil {
		t.Errorf("%d, %v", freed, err)
	}
	if at, err := d.Offset(ctx, ref); at != 0 || err != nil {
		t.Errorf("%d, %v", at, err)
	}
	empty(t, d.Disk, "partial")
}

// TestSlowSync: what is not yet safe does not grow without bound when the disk is slower than the sender.
func TestSlowSync(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sum")
	synctest.Test(t, func(t *testing.T) {
		synced := make(chan error)
		later, wait := blob.Keeper(func() error { return <-synced }, name)
		begun := 0
		go func() {
			for range 3 {
				later(int64(begun + 1))
				begun++
			}
		}()
		for n := 1; n <= 3; n++ {
			synctest.Wait()
			if begun != n {
				t.Errorf("%d syncs began when %d were over", begun, n-1)
			}
			synced <- nil
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	if at, err := blob.CheckpointOf(name); at != 3 || err != nil {
		t.Errorf("a restart would go on from %d, %v", at, err)
	}
}

// A process that is killed in the middle of one long Append loses no more than the bytes since its last sync.
func TestKilledUpload(t *testing.T) {
	b := blobtest.Bytes(40<<20, 7)
	ref, size := blob.RefOf(b), int64(len(b))
	if dir := os.Getenv("BLOB_TEST_APPEND"); dir != "" {
		d, err := blob.OpenDisk(dir, blob.DiskOptions{})
		if err != nil {
			t.Fatal(err)
		}
		d.Append(context.Background(), ref, size, 0, os.Stdin)
		return
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledUpload$")
	child.Env = append(os.Environ(), "BLOB_TEST_APPEND="+dir)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(b[:size-1]); err != nil {
		t.Fatal(err)
	}
	const syncEvery = 8 << 20
	deadline := time.Now().Add(20 * time.Second)
	for at := int64(0); at < syncEvery; { // the sync runs beside the writing: wait for its record
		if at, err = blob.CheckpointOf(filepath.Join(dir, "partial", ref.String()+".sum")); time.Now().After(deadline) {
			t.Fatalf("nothing was synced: %d, %v", at, err)
		}
	}
	child.Process.Kill()
	child.Wait()
	d := openDisk(t, dir)
	at, err := d.Offset(context.Background(), ref)
	if at < syncEvery || at >= size || err != nil {
		t.Fatalf("%d, %v", at, err)
	}
	if _, complete, err := d.Append(context.Background(), ref, size, at, bytes.NewReader(b[at:])); !complete || err != nil {
		t.Fatalf("%v, %v", complete, err)
	}
}
