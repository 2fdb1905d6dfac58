package blob

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
)

var shareFiles = flag.String("share", "", "OLD,NEW: two files; TestShare tells how much of NEW is in OLD")

// TestShare measures for several sizes of chunks how much of one file must be sent to whoever has another.
func TestShare(t *testing.T) {
	names := strings.Split(*shareFiles, ",")
	if len(names) != 2 {
		t.Skip("no files are given; see -share")
	}
	for _, mid := range []int{16, 32, 64, 128, 256} {
		s := sizesOf(mid<<10/4, mid<<10, mid<<10*4)
		have := map[Ref]bool{}
		var sent, all, number int64
		for i, name := range names {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			for c := newCutter(f, &s); ; {
				b, err := c.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				sum := RefOf(b)
				if i == 1 {
					all, number = all+int64(len(b)), number+1
					if !have[sum] {
						sent += int64(len(b))
					}
				}
				have[sum] = true
			}
			f.Close()
		}
		const asked, named = 32, 33 // bytes of a chunk that is there
		total := sent + number*(asked+named)
		fmt.Printf("%4d KiB: %6d chunks of %4d KiB, %6.2f %% sent as bytes, %5.2f %% with what names the rest\n",
			mid, number, all/number>>10, 100*float64(sent)/float64(all), 100*float64(total)/float64(all))
	}
}

func BenchmarkCut(b *testing.B) {
	data := make([]byte, 64<<20)
	rand.NewChaCha8([32]byte{1}).Read(data)
	for _, name := range []string{"cut", "cut and hash"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				for c := NewCutter(bytes.NewReader(data)); ; {
					chunk, err := c.Next()
					if err == io.EOF {
						break
					}
					if name != "cut" {
						RefOf(chunk)
					}
				}
			}
		})
	}
}

// BenchmarkIndex tells the memory of an index of 256 GB of blobs.
func BenchmarkIndex(b *testing.B) {
	for b.Loop() {
		d, err := OpenDisk(b.TempDir(), DiskOptions{})
		if err != nil {
			b.Fatal(err)
		}
		x := NewIndex(d)
		const blobs, chunks = 256, 1_000_000_000 / 37_000
		chance := rand.NewChaCha8([32]byte{1})
		var before, after runtime.MemStats
		r := make(Recipe, chunks)
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range blobs {
			for k := range r {
				_, _ = chance.Read(r[k].Sum[:])
			}
			x.add(Ref{byte(i), byte(i >> 8)}, r)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)*1000/blobs/1e6, "MB/TB")
		b.ReportMetric(float64(len(x.hooks)), "hooks")
		d.Close()
	}
}
