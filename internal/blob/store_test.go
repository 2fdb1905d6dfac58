package blob_test

import (
	"os"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
)

func TestMemory(t *testing.T) {
	blobtest.Store(t, func(*testing.T) blob.Store { return new(blob.Memory) })
	blobtest.Uploads(t, func(*testing.T) blobtest.Both { return new(blob.Memory) }, nil)
}

// reopenable is a Disk that knows its folder.
type reopenable struct {
	*blob.Disk
	dir string
}

func openDisk(t testing.TB, dir string) reopenable {
	t.Helper()
	d, err := blob.OpenDisk(dir, blob.DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return reopenable{d, dir}
}

// quickDir is in memory where the system has such a place: the conformance test syncs thousands of times.
func quickDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "blob")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestDisk(t *testing.T) {
	blobtest.Store(t, func(t *testing.T) blob.Store { return openDisk(t, quickDir(t)) })
	blobtest.Uploads(t, func(t *testing.T) blobtest.Both { return openDisk(t, quickDir(t)) },
		func(t *testing.T, u blobtest.Both) blobtest.Both {
			old := u.(reopenable)
			old.Close()
			return openDisk(t, old.dir)
		})
}
