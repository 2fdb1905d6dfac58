package master_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

func TestDiskThatRunsLowIsTold(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		events := b.m.Watch(ctx)
		oak := b.worker("oak", 1)
		b.submit("1-3")
		state := func(free int64) (told string) {
			b.free.Store(free)
			for deadline := time.After(time.Minute); ; {
				select {
				case ev := <-events:
					if ev.Kind == farm.EventDisk {
						return ev.State
					}
				case <-deadline:
					return "nothing"
				}
			}
		}
		want(t, "below the reserve", state(reserve-1), "low")
		want(t, "and it stays so", state(reserve-2), "nothing")
		g := b.claim(oak, 0)
		b.upload(g, 1, "1.png", "picture") // results are taken
		want(t, "below that of results", state(reserve/4), "nothing")
		want(t, "below that of results", state(reserve/4-1), "full")
		r := farm.Result{Kind: farm.KindOutput, Name: "2.png", Size: 7, Ref: blob.RefOf([]byte("picture")).String(), Frame: 1}
		_, _, err := b.m.PutResult(context.Background(), root, g.Lease.ID, oak, r, 0, strings.NewReader("picture"))
		want(t, "a result", farm.KindOf(err), farm.NoRoom)
		err = b.m.AppendLog(context.Background(), root, g.Lease.ID, oak, 1, 0, strings.NewReader("text"))
		want(t, "a log", farm.KindOf(err), farm.NoRoom)
		want(t, "after all", state(1<<40), "ok")
		if _, whole, err := b.m.PutResult(context.Background(), root, g.Lease.ID, oak, r, 0, strings.NewReader("picture")); !whole || err != nil {
			t.Fatal(whole, err)
		}
	})
}

// incoming is what lies there of a lease.
func (b *bench) incoming(g *farm.Grant) int {
	b.t.Helper()
	files := 0
	_ = filepath.WalkDir(filepath.Join(b.dir, "incoming", strconv.FormatInt(int64(g.Lease.ID), 10)), func(_ string, d os.DirEntry, err error) error {
		if err == nil {
			files++
		}
		return nil
	})
	return files
}

func TestWhatCameForALeaseGoesWithIt(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		job := b.submit("1-2")
		lapsed, canceled := b.claim(oak, 0), b.claim(elm, 0)
		part := farm.Result{Kind: farm.KindEXR, Name: "x.exr", Size: 1000, Ref: blob.RefOf(make([]byte, 1000)).String()}
		for _, g := range []*farm.Grant{lapsed, canceled} {
			b.upload(g, g.Lease.Frames[0], "a.png", "picture")
			part.Frame = g.Lease.Frames[0]
			if have, _, err := b.m.PutResult(ctx, root, g.Lease.ID, g.Lease.Worker, part, 0, strings.NewReader("part")); have != 4 || err != nil {
				t.Fatal(have, err)
			}
		}
		for range 30 { // oak falls silent
			time.Sleep(time.Second)
			b.beat(elm, canceled)
		}
		want(t, "orders", len(b.beat(elm, canceled).Cancel), 0)
		want(t, "running", b.job(job.ID).Running, 1)
		synctest.Wait()
		if b.incoming(lapsed) == 0 || b.incoming(canceled) == 0 {
			t.Fatal("a worker that may come back has lost what it sent")
		}
		if _, err := b.m.Cancel(ctx, root, job.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, "left of the lapsed", b.incoming(lapsed), 0)
		want(t, "left of the canceled", b.incoming(canceled), 0)
	})
}

func TestDeletionThatACrashCutShort(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		folders := map[string]string{}
		var ids []farm.JobID
		for range 3 {
			job := b.submit("1")
			g := b.claim(oak, 0)
			r := b.upload(g, 1, "1.png", "picture")
			if err := b.m.AppendLog(ctx, root, g.Lease.ID, oak, 1, 0, strings.NewReader("text")); err != nil {
				t.Fatal(err)
			}
			b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
			ids = append(ids, job.ID)
			folders[job.ID.String()] = job.Folder
		}
		outputs, logs := filepath.Join(b.dir, "outputs"), filepath.Join(b.dir, "logs")
		there := func() (names []string) {
			for _, dir := range []string{outputs, logs} {
				entries, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					names = append(names, e.Name())
				}
			}
			return names
		}
		// Of the first all goes. Of the second a crash leaves all, of the third the deletion was not even kept.
		if err := b.m.Delete(ctx, root, ids[0]); err != nil {
			t.Fatal(err)
		}
		want(t, "after a deletion", strings.Join(there(), " "), "shot-2 shot-3 2 3")
		b.stop()
		for _, id := range ids[1:] {
			if err := os.WriteFile(filepath.Join(outputs, folders[id.String()], ".netrender-deleted"), []byte(id.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.store.Apply(ctx, []farm.Change{farm.JobDelete{ID: ids[1]}}); err != nil {
			t.Fatal(err)
		}
		for _, mine := range []string{"outputs/my own-1", "outputs/shot-9", "logs/9", "logs/notes"} {
			if err := os.MkdirAll(filepath.Join(b.dir, mine), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		b.start()
		synctest.Wait()
		want(t, "after the start", strings.Join(there(), " "), "my own-1 shot-3 shot-9 3 9 notes")
		if _, err := os.Stat(filepath.Join(outputs, "shot-3", ".netrender-deleted")); err == nil {
			t.Error("a job that is there is still marked")
		}
	})
}
