package master_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// shelf is a store of blobs that can be damaged.
type shelf struct {
	blob.Memory
	bytes map[blob.Ref]string // what is read instead of what was put
	fails error               // what reading ends in
}

func (s *shelf) Stat(ctx context.Context, ref blob.Ref) (blob.Info, error) {
	info, err := s.Memory.Stat(ctx, ref)
	if text, damaged := s.bytes[ref]; damaged && err == nil {
		info.Size = int64(len(text))
	}
	return info, err
}

func (s *shelf) Open(ctx context.Context, ref blob.Ref) (blob.Reader, error) {
	r, err := s.Memory.Open(ctx, ref)
	text, damaged := s.bytes[ref]
	if err != nil || !damaged && s.fails == nil {
		return r, err
	}
	return blob.Verify(ref, max(int64(len(text)), 1), &platter{strings.NewReader(text), s.fails}), r.Close()
}

func (s *shelf) Delete(ctx context.Context, ref blob.Ref) error {
	delete(s.bytes, ref)
	return s.Memory.Delete(ctx, ref)
}

type platter struct {
	*strings.Reader
	fails error
}

func (p *platter) ReadAt(b []byte, at int64) (int, error) {
	if p.fails != nil {
		return 0, p.fails
	}
	return p.Reader.ReadAt(b, at)
}

func (p *platter) Close() error { return nil }

func (b *bench) damage(text, by string) blob.Ref {
	ref := blob.RefOf([]byte(text))
	b.blobs.bytes = map[blob.Ref]string{ref: by}
	return ref
}

func (b *bench) suspect(ref blob.Ref) bool {
	b.t.Helper()
	gone, err := b.m.BlobSuspect(context.Background(), ref)
	if err != nil {
		b.t.Fatal(err)
	}
	return gone
}

func TestDamagedFileIsSentAgain(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak, elm := b.worker("oak", 1), b.worker("elm", 1)
		job := b.submit("1-3")
		has, lacks := b.claim(oak, 0), b.claim(elm, 0)
		queued, paused := b.submit("1"), b.submit("1")
		if _, err := b.m.Pause(ctx, root, paused.ID); err != nil {
			t.Fatal(err)
		}
		other := b.file("other.blend", "another scene")
		apart, err := b.m.Submit(ctx, root, farm.JobSpec{Blend: "other.blend", Frames: farm.Frames(7), Options: farm.Options{EXR: "none"}}, []farm.File{other})
		if err != nil {
			t.Fatal(err)
		}
		ref := b.damage("a scene", "a SCENE")
		want(t, "taken out", b.suspect(ref), true)
		if _, err := b.blobs.Stat(ctx, ref); !errors.Is(err, blob.ErrNotFound) {
			t.Fatalf("the damaged bytes are still there: %v", err)
		}
		for id, state := range map[farm.JobID]farm.JobState{job.ID: farm.Collecting, queued.ID: farm.Collecting, paused.ID: farm.Paused} {
			j := b.job(id)
			want(t, "state", j.State, state)
			want(t, "missing", j.Missing, 1)
			missing, err := b.m.Missing(ctx, id, "", 9)
			if err != nil || len(missing) != 1 || missing[0].Path != "shot.blend" {
				t.Fatalf("job %d misses %v, %v", id, missing, err)
			}
		}
		wantText(t, "reason", b.job(job.ID).Reason, "shot.blend was damaged or lost")
		want(t, "a job without it", b.job(apart.ID).State.Dispatches(), true)

		// Who has the file goes on; who lacks it comes back, and that is nobody's fault.
		want(t, "orders", len(b.beat(oak, has).Cancel), 0)
		v := b.report(lacks, lacks.Lease.Frames[0], farm.Errored, func(r *farm.Report) { r.OwnFault, r.Error = true, "blob not found" })
		want(t, "accepted", v.Accepted, true)
		want(t, "the result", b.report(has, has.Lease.Frames[0], farm.Rendered).Accepted, true)
		page, err := b.m.Attempts(ctx, farm.AttemptFilter{Job: job.ID, Failed: true, Limit: 9})
		if err != nil || len(page) > 0 {
			t.Fatalf("it counts as %v, %v", page, err)
		}
		b.restart()
		want(t, "after a restart", b.job(job.ID).State, farm.Collecting)

		b.worker("oak", 1)
		b.worker("elm", 1)
		again := b.submit("1") // puts the file
		want(t, "the new job", again.State, farm.Queued)
		if err := b.m.BlobStored(ctx, ref.String()); err != nil {
			t.Fatal(err)
		}
		want(t, "goes on", b.job(job.ID).State, farm.Active)
		want(t, "goes on", b.job(queued.ID).State.Dispatches(), true)
		if _, err := b.m.Resume(ctx, root, paused.ID); err != nil {
			t.Fatal(err)
		}
		want(t, "resumed", b.job(paused.ID).State, farm.Queued)
		for range 20 {
			if g := b.claim(elm, 0); g != nil {
				want(t, "attempt", g.Lease.Attempt, 1)
				b.report(g, g.Lease.Frames[0], farm.Rendered)
			}
		}
		want(t, "state", b.job(job.ID).State, farm.Done)
	})
}

func TestLastFrameEndsAJobThatLostAFile(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1")
		g := b.claim(oak, 0)
		b.suspect(b.damage("a scene", "a SCENE"))
		want(t, "state", b.job(job.ID).State, farm.Collecting)
		b.report(g, 1, farm.Rendered)
		want(t, "state", b.job(job.ID).State, farm.Done)
		// Rendered again it needs the file.
		j, err := b.m.Retry(context.Background(), root, job.ID, master.RetryWhich{All: true})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "state", j.State, farm.Collecting)
		b.file("shot.blend", "a scene")
		if err := b.m.BlobStored(context.Background(), blob.RefOf([]byte("a scene")).String()); err != nil {
			t.Fatal(err)
		}
		want(t, "state", b.job(job.ID).State, farm.Active)
		want(t, "leased", frames(b.claim(oak, 0)), "1")
	})
}

func TestAFaultOfTheDiskIsNoDamage(t *testing.T) {
	inFarm(t, func(b *bench) {
		job := b.submit("1")
		ref := blob.RefOf([]byte("a scene"))
		b.blobs.fails = errors.New("input/output error")
		if gone, err := b.m.BlobSuspect(context.Background(), ref); gone || err == nil {
			t.Fatal(gone, err)
		}
		b.blobs.fails = nil
		want(t, "state", b.job(job.ID).State, farm.Queued)
		want(t, "gone", b.suspect(ref), false) // nothing is wrong with it
		want(t, "state", b.job(job.ID).State, farm.Queued)
	})
}

func TestFileThatVanished(t *testing.T) {
	inFarm(t, func(b *bench) {
		job := b.submit("1")
		ref := blob.RefOf([]byte("a scene"))
		if err := b.blobs.Delete(context.Background(), ref); err != nil {
			t.Fatal(err)
		}
		want(t, "gone", b.suspect(ref), true)
		want(t, "state", b.job(job.ID).State, farm.Collecting)
		want(t, "gone", b.suspect(ref), true) // told twice
		want(t, "missing", b.job(job.ID).Missing, 1)
	})
}

// TestCutFileIsFoundAtSubmission: its size tells, before a worker asks for it; and it does not keep a master from
// starting.
func TestCutFileIsFoundAtSubmission(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		job := b.submit("1")
		if _, err := b.m.Pause(ctx, root, job.ID); err != nil {
			t.Fatal(err)
		}
		ref := b.damage("a scene", "a sc")
		second, err := b.m.Submit(ctx, root, farm.JobSpec{Blend: "shot.blend", Frames: farm.Frames(1)}, []farm.File{
			{Path: "shot.blend", Size: 7, Ref: ref.String()},
		})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "state", second.State, farm.Collecting)
		b.restart()
		want(t, "missing after a restart", b.job(job.ID).Missing, 1)
		if err := b.blobs.Put(ctx, ref, 7, bytes.NewReader([]byte("a scene"))); err != nil {
			t.Fatal(err)
		}
		b.damage("a scene", "a sc")
		b.restart()
		want(t, "missing after another", b.job(job.ID).Missing, 1)
	})
}

// A master that is killed between losing a file and hearing of the worker that lacks it blames nobody either.
func TestLostFileOverARestart(t *testing.T) {
	inFarm(t, func(b *bench) {
		elm := b.worker("elm", 1)
		job := b.submit("1-3")
		lacks := b.claim(elm, 0)
		b.suspect(b.damage("a scene", "a SCENE"))
		b.restart()
		b.worker("elm", 1)
		v := b.report(lacks, lacks.Lease.Frames[0], farm.Errored, func(r *farm.Report) { r.OwnFault, r.Error = true, "blob not found" })
		want(t, "accepted", v.Accepted, true)
		page, err := b.m.Attempts(context.Background(), farm.AttemptFilter{Job: job.ID, Failed: true, Limit: 9})
		if err != nil || len(page) > 0 {
			t.Fatalf("it counts as %v, %v", page, err)
		}
		want(t, "running", b.job(job.ID).Running, 0)
	})
}

// TestSharedFilesAreAskedFor: what workers read for themselves keeps no job waiting, until one of them does not find it.
func TestSharedFilesAreAskedFor(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		scene := b.file("a.blend", "a scene")
		submit := func(shared ...string) farm.Job {
			wood := farm.File{Path: "tex/wood.png", Original: "/mnt/p/tex/wood.png", Size: 4, Ref: blob.RefOf([]byte("wood")).String()}
			j, err := b.m.Submit(ctx, root, farm.JobSpec{
				Blend: "a.blend", Frames: farm.Frames(1), Options: farm.Options{EXR: "none"}, Needs: farm.Needs{Shared: shared},
			}, []farm.File{scene, wood})
			if err != nil {
				t.Fatal(err)
			}
			return j
		}
		want(t, "another folder", submit("/mnt/q").State, farm.Collecting)
		b.restart()
		if err := b.m.Delete(ctx, root, 1); err != nil {
			t.Fatal(err)
		}
		job := submit("/mnt/p")
		want(t, "state", job.State, farm.Queued)
		b.restart()
		want(t, "state after a restart", b.job(job.ID).State, farm.Queued)

		want(t, "a worker lacks it", b.suspect(blob.RefOf([]byte("wood"))), true)
		want(t, "state when it is asked for", b.job(job.ID).State, farm.Collecting)
		wantText(t, "reason", b.job(job.ID).Reason, "does not find it in its shared folder")
		twin := submit("/mnt/p") // whoever sends the same is asked as well
		want(t, "state of the same scene", twin.State, farm.Collecting)
		b.file("wood", "wood")
		if err := b.m.BlobStored(ctx, blob.RefOf([]byte("wood")).String()); err != nil {
			t.Fatal(err)
		}
		for _, id := range []farm.JobID{job.ID, twin.ID} {
			want(t, "state when it is there", b.job(id).State, farm.Queued)
		}
	})
}
