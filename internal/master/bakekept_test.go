package master_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// bakedJob is a job of two frames with a baked simulation, all done.
func (b *bench) bakedJob(id farm.WorkerID) farm.Job {
	b.t.Helper()
	j := b.submit("1-2", bakes(cloth))
	if v := b.baked(b.claim(id, 0), "4.5.1", "cloth", 1, 2); !v.Accepted {
		b.t.Fatal(v)
	}
	want(b.t, "frames", len(b.renders(id)), 2)
	want(b.t, "state", b.job(j.ID).State, farm.Done)
	return b.job(j.ID)
}

// loses takes the cache of a frame out of the store, as cleaning does.
func (b *bench) loses(frame int) blob.Ref {
	b.t.Helper()
	ref := blob.RefOf(fmt.Append(nil, "cloth", frame))
	if err := b.blobs.Delete(context.Background(), ref); err != nil {
		b.t.Fatal(err)
	}
	return ref
}

// bakesAgain goes through what follows when a frame's cache is not there: the frame is handed out, its worker does not find
// the file, and the simulation is baked again before it.
func (b *bench) bakesAgain(id farm.WorkerID, job farm.JobID, frame int) {
	b.t.Helper()
	g := b.claim(id, 0)
	if g == nil || g.Lease.Frames[0] != frame {
		b.t.Fatalf("the frame is not handed out: %+v", g)
	}
	if gone, err := b.m.BlobSuspect(context.Background(), blob.RefOf(fmt.Append(nil, "cloth", frame))); err != nil || !gone {
		b.t.Fatal(gone, err)
	}
	if o := b.beat(id, g); len(o.Cancel) != 1 {
		b.t.Errorf("the frame goes on without its cache: %+v", o)
	}
	h := b.claim(id, 0)
	if h == nil || h.Lease.Frames[0] != bakeNo(1) {
		b.t.Fatalf("it is not baked again: %+v", h)
	}
	if v := b.baked(h, "4.5.1", "cloth", 1, 2); !v.Accepted {
		b.t.Fatal(v)
	}
	want(b.t, "frames after it", fmt.Sprint(b.renders(id)), fmt.Sprint([]int{frame}))
	want(b.t, "state", b.job(job).State, farm.Done)
}

// A baked job goes into an archive and a backup with its caches, and comes out of the archive with them.
func TestArchiveOfBakedJob(t *testing.T) {
	inRealFarm(t, func(b *bench) {
		id := b.baker("a", "4.5.1", "cloth")
		j := b.bakedJob(id)
		text := b.archived(j.ID, all)
		if err := b.m.Delete(context.Background(), root, j.ID); err != nil {
			t.Fatal(err)
		}
		b.loses(1)
		b.loses(2)
		in, err := b.imports(master.ImportOptions{}, text)
		if err != nil || in.Job.State != farm.Done || in.Job.Done != 3 || in.Job.Needs.Exact.String() != "4.5.1" {
			t.Fatalf("%+v, %v", in, err)
		}
		want(t, "files", strings.Join(b.files(in.Job.ID), ", "), "netrender_cache/4098/1.bphys 1, netrender_cache/4098/2.bphys 1, shot.blend 0")
		if _, err := b.m.Retry(context.Background(), root, in.Job.ID, master.RetryWhich{Frames: farm.Frames(2)}); err != nil {
			t.Fatal(err)
		}
		want(t, "frames of the caches that came with it", fmt.Sprint(b.renders(id)), "[2]")
	})
}

// Of a job whose caches were not in its archive, frames that are asked for have the simulation baked again. It waits for
// nobody to send them.
func TestImportWithoutCaches(t *testing.T) {
	inRealFarm(t, func(b *bench) {
		id := b.baker("a", "4.5.1", "cloth")
		j := b.bakedJob(id)
		text := b.archived(j.ID, master.ArchiveOptions{Farm: "farm", Machine: "oak", Results: true})
		b.loses(1)
		b.loses(2)
		in, err := b.imports(master.ImportOptions{}, text)
		if err != nil || in.Job.State != farm.Done || in.Job.Missing != 0 {
			t.Fatalf("%+v, %v", in, err)
		}
		if j, err := b.m.Retry(context.Background(), root, in.Job.ID, master.RetryWhich{Frames: farm.Frames(2)}); err != nil || j.State != farm.Active {
			t.Fatalf("it waits: %+v, %v", j, err)
		}
		b.bakesAgain(id, in.Job.ID, 2)
	})
	// One that was archived in the middle of its bake: the bake begins anew.
	inRealFarm(t, func(b *bench) {
		id := b.bakers(2)
		j := b.submit("1-3", bakes(cloth))
		g := b.claim(id[0], 0)
		b.earlier(g, "cloth", 1, 1, 2)
		want(t, "frames", fmt.Sprint(b.renders(id[1])), "[1]")
		text := b.archived(j.ID, all)
		if err := b.m.Delete(context.Background(), root, j.ID); err != nil {
			t.Fatal(err)
		}
		in, err := b.imports(master.ImportOptions{Start: true}, text)
		if err != nil || in.Job.Done != 1 || in.Job.State != farm.Active {
			t.Fatalf("%+v, %v", in, err)
		}
		g = b.claim(id[0], 0)
		if g == nil || g.Lease.Frames[0] != bakeNo(1) || b.claim(id[1], 0) != nil {
			t.Fatalf("it is not baked first: %+v", g)
		}
		b.baked(g, "4.5.1", "cloth", 1, 2, 3)
		want(t, "frames", fmt.Sprint(b.renders(id[1])), "[2 3]")
		want(t, "state", b.job(in.Job.ID).State, farm.Done)
	})
}

// Caches go with their job, and with its other files; then they are baked again, and nobody is asked to send them.
func TestCachesAreCleaned(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		b.guarded()
		id := b.baker("a", "4.5.1", "cloth")
		j := b.bakedJob(id)
		want(t, "files", b.left(), 3)
		_, entries := b.backup(true)
		want(t, "a cache in a backup", entries[master.BackupBlobs+blob.RefOf([]byte("cloth2")).String()], "cloth2")
		b.rules(farm.Cleaning{Inputs: farm.CleanRule{DoneDays: 1}})
		time.Sleep(50 * time.Hour)
		want(t, "files left", b.left(), 0)
		id = b.baker("a", "4.5.1", "cloth")
		got, err := b.m.Retry(ctx, root, j.ID, master.RetryWhich{Frames: farm.Frames(2)})
		if err != nil || got.State != farm.Collecting || got.Missing != 1 {
			t.Fatalf("it waits for %d files, %s: %v", got.Missing, got.State, err)
		}
		if err := b.m.BlobStored(ctx, b.file("shot.blend", "a scene").Ref); err != nil {
			t.Fatal(err)
		}
		b.bakesAgain(id, j.ID, 2)
		if err := b.m.Delete(ctx, root, j.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		want(t, "files of a deleted job", b.left(), 0)
	})
}
