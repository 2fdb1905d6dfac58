package blob_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
)

const benchSize = 256 << 20

func BenchmarkHashFile(b *testing.B) {
	name := write(b, filepath.Join(b.TempDir(), "f"), blobtest.Bytes(benchSize, 1))
	b.SetBytes(benchSize)
	for b.Loop() {
		if _, err := blob.HashFile(b.Context(), name); err != nil {
			b.Fatal(err)
		}
	}
}

// benchStore runs write over a disk in memory and over the real one, whose syncs are then what takes time.
func benchStore(b *testing.B, size int, write func(d *blob.Disk, ref blob.Ref, bytes []byte) error) {
	data := blobtest.Bytes(size, 1)
	ref := blob.RefOf(data)
	for _, dir := range []string{quickDir(b), b.TempDir()} {
		b.Run(map[bool]string{true: "memory", false: "disk"}[dir[:4] == "/dev"], func(b *testing.B) {
			d := openDisk(b, dir)
			b.SetBytes(int64(size))
			for b.Loop() {
				if err := write(d.Disk, ref, data); err != nil {
					b.Fatal(err)
				}
				d.Delete(context.Background(), ref)
			}
			d.Close()
		})
	}
}

func BenchmarkPut(b *testing.B) {
	for _, size := range []int{4 << 10, benchSize} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			benchStore(b, size, func(d *blob.Disk, ref blob.Ref, data []byte) error {
				return d.Put(context.Background(), ref, int64(len(data)), bytes.NewReader(data))
			})
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	benchStore(b, benchSize, func(d *blob.Disk, ref blob.Ref, data []byte) error {
		_, _, err := d.Append(context.Background(), ref, int64(len(data)), 0, bytes.NewReader(data))
		return err
	})
}

func BenchmarkReadVerified(b *testing.B) {
	d := openDisk(b, quickDir(b))
	ref := put(b, d, blobtest.Bytes(benchSize, 1))
	b.SetBytes(benchSize)
	for b.Loop() {
		if err := blob.Check(b.Context(), d, ref); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCacheHas(b *testing.B) {
	d := openDisk(b, quickDir(b))
	c := openCache(b, d.Disk, 1<<20, time.Now)
	refs, fetch, _ := kilo()
	for i := range refs {
		if err := fetch(c, i); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; b.Loop(); i++ {
		if !c.Has(refs[i%10]) {
			b.Fatal("gone")
		}
	}
}

func BenchmarkPlace(b *testing.B) {
	dir := b.TempDir()
	d := openDisk(b, filepath.Join(dir, "store"))
	ref := put(b, d, blobtest.Bytes(4<<10, 1))
	for i := 0; b.Loop(); i++ {
		if _, err := d.Place(b.Context(), ref, dir, fmt.Sprintf("job/textures/%d", i%1000), blob.PlaceOptions{Writable: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// A project of 10,000 files that did not change, with a cache that is read from its file each time.
func BenchmarkHashCache10000(b *testing.B) {
	dir := b.TempDir()
	file := filepath.Join(dir, "hashes")
	var names []string
	for i := range 10_000 {
		if i%100 == 0 {
			os.Mkdir(filepath.Join(dir, fmt.Sprint(i/100)), 0o700)
		}
		names = append(names, write(b, filepath.Join(dir, fmt.Sprint(i/100), fmt.Sprintf("texture%d.png", i)), []byte{byte(i)}))
	}
	later := func() time.Time { return time.Now().Add(time.Minute) }
	run := func() (known int) {
		c := blob.OpenHashCache(file, later)
		if err := blob.HashFiles(b.Context(), names, 2, c, func(h blob.Hashed) {
			if h.Known {
				known++
			}
		}); err != nil {
			b.Fatal(err)
		}
		if err := c.Save(); err != nil {
			b.Fatal(err)
		}
		return known
	}
	run()
	for b.Loop() {
		if n := run(); n != len(names) {
			b.Fatalf("%d known", n)
		}
	}
}
