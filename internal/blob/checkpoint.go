package blob

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
)

// A checkpoint says: the first `at` bytes of a partial are synced. What a crash left behind those is cut off.
//
// The file holds two records of slotSize bytes, written in turn, so that a torn write leaves the other one:
//
//	0   8   "nr-part1"
//	8   8   sequence number, big endian; the greater one counts
//	16  8   at, big endian
//	24  32  SHA-256 of the bytes before it
type checkpoint struct {
	seq uint64
	at  int64
}

const (
	slotSize        = 512 // a sector: what disks write at once
	checkpointMagic = "nr-part1"
)

func (c checkpoint) encode() []byte {
	b := append(make([]byte, 0, slotSize), checkpointMagic...)
	b = binary.BigEndian.AppendUint64(b, c.seq)
	b = binary.BigEndian.AppendUint64(b, uint64(c.at))
	sum := sha256.Sum256(b)
	b = append(b, sum[:]...)
	return b[:slotSize]
}

func decodeCheckpoint(b []byte) (c checkpoint, ok bool) {
	if len(b) < slotSize || string(b[:8]) != checkpointMagic || sha256.Sum256(b[:24]) != [sha256.Size]byte(b[24:]) {
		return c, false
	}
	c = checkpoint{binary.BigEndian.Uint64(b[8:]), int64(binary.BigEndian.Uint64(b[16:]))}
	return c, c.at >= 0
}

// readCheckpoint gives the newest good record of a file. The zero checkpoint stands for none.
func readCheckpoint(name string) (checkpoint, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return checkpoint{}, err
	}
	var best checkpoint
	for at := 0; at+slotSize <= len(b) && at < 2*slotSize; at += slotSize {
		if c, ok := decodeCheckpoint(b[at : at+slotSize]); ok && c.seq > best.seq {
			best = c
		}
	}
	return best, nil
}

// keeper syncs a partial while it is written: at most one sync runs, beside the writing.
type keeper struct {
	data interface{ Sync() error }
	name string // of the checkpoint file
	wg   sync.WaitGroup

	mu   sync.Mutex
	sum  *os.File   // guarded by mu; opened by the first save
	last checkpoint // guarded by mu: the newest that is durable
	err  error      // guarded by mu: the failure of a sync; none follows it
}

// later starts a sync of the first `at` bytes, which are written. One that still runs is waited for: a disk that is
// slower than the sender must not fall behind without bound.
func (k *keeper) later(at int64) {
	k.wg.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return
	}
	k.wg.Go(func() {
		err := k.data.Sync()
		k.mu.Lock()
		defer k.mu.Unlock()
		if err == nil {
			err = k.write(checkpoint{k.last.seq + 1, at})
		}
		k.err = err
	})
}

// wait ends the syncs that later began and tells how they went.
func (k *keeper) wait() error {
	k.wg.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// save syncs now; it is not called while a sync of later runs.
func (k *keeper) save(at int64) error {
	if err := k.data.Sync(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.write(checkpoint{k.last.seq + 1, at})
}

// restart says that nothing of an earlier part holds: its record must not be taken for one of what comes now.
func (k *keeper) restart() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.write(checkpoint{seq: k.last.seq + 1})
}

// write is called with mu held.
func (k *keeper) write(c checkpoint) (err error) {
	if k.sum == nil {
		if k.sum, err = os.OpenFile(k.name, os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
			return err
		}
	}
	if _, err := k.sum.WriteAt(c.encode(), int64(c.seq%2)*slotSize); err != nil {
		return err
	}
	if err := k.sum.Sync(); err != nil {
		return err
	}
	if k.last.seq == 0 { // the first: the names of both files must be durable too
		if err := syncDir(filepath.Dir(k.name)); err != nil {
			return err
		}
	}
	k.last = c
	return nil
}

func (k *keeper) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sum != nil {
		k.sum.Close()
	}
}
