package master_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// backup makes a backup and returns its entries.
func (b *bench) backup(files bool) (about master.BackupAbout, entries map[string]string) {
	b.t.Helper()
	var out bytes.Buffer
	if err := b.m.Backup(context.Background(), master.BackupAbout{Farm: "f", Files: files}, &out); err != nil {
		b.t.Fatal(err)
	}
	entries = map[string]string{}
	h, err := archive.Read(&out, master.BackupKind, func(e archive.Entry, r io.Reader) error {
		text, err := io.ReadAll(r)
		entries[e.Name] = string(text)
		return err
	})
	if err == nil {
		err = json.Unmarshal(h.About, &about)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.nothingLeft()
	return about, entries
}

func (b *bench) nothingLeft() {
	b.t.Helper()
	if left, _ := filepath.Glob(filepath.Join(b.dir, "backup-*")); len(left) > 0 {
		b.t.Errorf("%q was left behind", left)
	}
}

func TestBackup(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1-4")
		b.renderAll(oak)
		scene := master.BackupBlobs + blob.RefOf([]byte("a scene")).String()
		about, entries := b.backup(false)
		want(t, "jobs", about.Jobs, 1)
		want(t, "the database", entries[master.BackupDatabase], "a snapshot")
		want(t, "entries without files", len(entries), 2)

		_, entries = b.backup(true)
		want(t, "the scene", entries[scene], "a scene")
		want(t, "a frame", entries[master.BackupOutputs+job.Folder+"/pic/0003.png"], "picture 3")
		want(t, "missing", entries[master.BackupMissing], "")

		// What is damaged is named and never taken for what it should be; its place in the archive has the announced size.
		b.spoil(b.output(job, "pic/0001.png"), "pictura 1")
		b.spoil(b.output(job, "pic/0002.png"), "pict")
		if err := os.Remove(b.output(job, "pic/0003.png")); err != nil {
			t.Fatal(err)
		}
		if err := b.blobs.Delete(context.Background(), blob.RefOf([]byte("a scene"))); err != nil {
			t.Fatal(err)
		}
		_, entries = b.backup(true)
		var lacks []string
		for line := range strings.Lines(entries[master.BackupMissing]) {
			var l master.BackupLack
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			lacks = append(lacks, strings.TrimPrefix(l.Output, job.Folder)+": "+l.Why)
		}
		slices.Sort(lacks)
		want(t, "missing", strings.Join(lacks, "\n"), strings.Join([]string{
			"/pic/0001.png: its bytes have changed on the disk", "/pic/0002.png: it has 4 bytes, not 9", "/pic/0003.png: it is not there", ": it is not there",
		}, "\n"))
		want(t, "a whole frame", entries[master.BackupOutputs+job.Folder+"/pic/0004.png"], "picture 4")
	})
}

// cutOff is a connection that breaks.
type cutOff struct{ left int }

func (w *cutOff) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errors.New("it broke")
	}
	return len(p), nil
}

// TestBackupBreaksOff: nothing is left on the disk, and the next one can be made.
func TestBackupBreaksOff(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.submit("1-4")
		ctx := context.Background()
		if err := b.m.Backup(ctx, master.BackupAbout{}, &cutOff{1000}); err == nil {
			t.Error("nobody noticed")
		}
		b.nothingLeft()
		b.free.Store(reserve / 2)
		wantText(t, "on a full disk", b.m.Backup(ctx, master.BackupAbout{}, io.Discard).Error(), "has no room")
		want(t, "kind", farm.KindOf(b.m.Backup(ctx, master.BackupAbout{}, io.Discard)), farm.NoRoom)
		b.free.Store(1 << 40)
		var second error
		w := writer(func(p []byte) (int, error) {
			if second == nil {
				second = b.m.Backup(ctx, master.BackupAbout{}, io.Discard)
			}
			return len(p), nil
		})
		if err := b.m.Backup(ctx, master.BackupAbout{}, w); err != nil {
			t.Error(err)
		}
		want(t, "a second one at once", farm.KindOf(second), farm.Conflict)
		// What a killed master left is gone after the next start.
		if err := os.Mkdir(filepath.Join(b.dir, "backup-123"), 0o700); err != nil {
			t.Fatal(err)
		}
		b.stop()
		b.start()
		b.nothingLeft()
		b.backup(true)
	})
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
