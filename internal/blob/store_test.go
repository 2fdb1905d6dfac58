package blob_test

import (
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

func TestDisk(t *testing.T) {
	blobtest.Store(t, func(t *testing.T) blob.Store { return openDisk(t, t.TempDir()) })
	blobtest.Uploads(t, func(t *testing.T) blobtest.Both { return openDisk(t, t.TempDir()) },
		func(t *testing.T, u blobtest.Both) blobtest.Both {
			old := u.(reopenable)
			old.Close()
			return openDisk(t, old.dir)
		})
}
