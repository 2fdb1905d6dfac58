package master

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

// ResultSuspect is told by a reader that a frame's result is not what it should be. The result is read whole; when it
// is harmed the frame is rendered again where the job can.
func (m *Master) ResultSuspect(ctx context.Context, id farm.JobID, frame int, name string) (farm.Suspicion, error) {
	select { // who says so may be wrong, and many may say it
	case m.suspecting <- struct{}{}:
		defer func() { <-m.suspecting }()
	case <-ctx.Done():
		return farm.Suspicion{}, ctx.Err()
	}
	j, err := m.Job(ctx, id)
	if err != nil {
		return farm.Suspicion{}, err
	}
	a, err := m.acceptedNow(ctx, id, frame)
	if err != nil {
		return farm.Suspicion{}, err
	}
	if a == nil {
		if !j.State.Ended() {
			return farm.Suspicion{Again: true, Text: "the frame is going to be rendered again"}, nil
		}
		return farm.Suspicion{Text: "job " + id.String() + " has no results of the frame"}, nil
	}
	i := slices.IndexFunc(a.Results, func(r farm.Result) bool { return r.Name == name })
	if i < 0 {
		return farm.Suspicion{}, farm.Errorf(farm.NotFound, "frame %d of job %d has no result %s", frame, id, clip(name, 200))
	}
	if lost := j.Lost(farm.Outputs); lost != nil && !lost.At.Before(a.Ended) {
		return farm.Suspicion{Text: lost.Sentence()}, nil
	}
	state, err := m.confirmHarm(ctx, id, a, &a.Results[i])
	if err != nil {
		return farm.Suspicion{}, err
	}
	if state == "" {
		now, err := m.acceptedNow(ctx, id, frame)
		if err != nil {
			return farm.Suspicion{}, err
		}
		again := now == nil || now.Seq != a.Seq
		return farm.Suspicion{Fine: !again, Again: again}, nil
	}
	m.opt.Log.Error("a result is "+string(state), "job", id, "frame", frame, "name", name)
	again, text, err := m.renderAgain(ctx, id, []int{frame}, name+" was "+string(state)+" on the disk")
	return farm.Suspicion{Again: again, Text: text}, err
}

// acceptedNow is the accepted attempt at a frame, or nil.
func (m *Master) acceptedNow(ctx context.Context, id farm.JobID, frame int) (*farm.Attempt, error) {
	list, err := m.opt.Store.Attempts(ctx, farm.AttemptFilter{Job: id, Accepted: true, Frames: farm.Frames(frame), Limit: 1})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// everyAccepted calls f for each accepted attempt of a job.
func (m *Master) everyAccepted(ctx context.Context, id farm.JobID, f func(*farm.Attempt) error) error {
	for after := int64(0); ; {
		page, err := m.opt.Store.Attempts(ctx, farm.AttemptFilter{Job: id, After: after, Accepted: true, Limit: 1000})
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := f(&page[i]); err != nil {
				return err
			}
			after = page[i].Seq
		}
	}
}

// readResult compares a result on the disk with what it should be. An error says nothing about it.
func (m *Master) readResult(ctx context.Context, j *farm.Job, r *farm.Result, p *pace) (farm.Harm, error) {
	f, err := m.openOutput(j.Folder, r.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return farm.Missing, nil
	}
	if err == nil {
		defer f.Close()
		h := sha256.New()
		if err = p.drain(ctx, io.TeeReader(f, h)); err == nil {
			if hex.EncodeToString(h.Sum(nil)) != r.Ref {
				return farm.Damaged, nil
			}
			return "", nil
		}
	}
	var told *tellError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.As(err, &told):
		return "", told.error
	}
	m.opt.Log.Error("a result cannot be read", "job", j.ID, "name", r.Name, "err", err)
	return farm.Unreadable, nil
}

// confirmHarm reads a result once more, while nobody puts another in its place and nobody cleans. No harm is told where
// the attempt is not the accepted one any more.
func (m *Master) confirmHarm(ctx context.Context, id farm.JobID, a *farm.Attempt, r *farm.Result) (farm.Harm, error) {
	end := m.folders.alone(id)
	defer end()
	j, err := m.Job(ctx, id)
	if farm.KindOf(err) == farm.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	now, err := m.acceptedNow(ctx, id, a.Frame)
	if err != nil || now == nil || now.Seq != a.Seq {
		return "", err
	}
	if lost := j.Lost(farm.Outputs); lost != nil && !lost.At.Before(a.Ended) {
		return "", nil
	}
	return m.readResult(ctx, &j, r, &pace{})
}

// renderAgain has frames whose results are harmed rendered again. It says whether they will be, and what follows.
func (m *Master) renderAgain(ctx context.Context, id farm.JobID, frames []int, why string) (queued bool, text string, err error) {
	unpin, err := m.pinJob(ctx, id)
	if err != nil {
		return false, "", err
	}
	defer unpin(true)
	j, err := m.Job(ctx, id)
	if err != nil {
		return false, "", err
	}
	missing, err := m.findMissing(ctx, id, &j.Needs)
	if err != nil {
		return false, "", err
	}
	_, err = m.steer(ctx, Identity{Name: "netrender", Role: farm.RoleAdmin}, id, nil, func(e *engine, j *job) error {
		if j.State.Ended() && len(missing) > 0 {
			text = "its scene's files are not there any more: submit the scene again to render it"
			return e.notWoken(j, nil)
		}
		var positions farm.Spans
		for _, f := range frames {
			if p, ok := j.plan.Position(f); ok && j.finished.Contains(p) {
				positions.Add(p)
				e.frameEvent(j, f, "", "again", why, 0)
			}
		}
		if positions.Count() > 0 {
			j.withCauses(&positions) // a bake may have been given up after frames of it were done
			e.reset(j, positions)
			if j.State == farm.Done || j.State == farm.Failed {
				e.regainInputs(j)
				j.Failed = j.givenUp()
				e.toState(j, farm.Active, "")
			}
			e.sync(j)
		}
		queued, text = !j.State.Ended(), "the frame is rendered again"
		if j.State == farm.Canceled {
			text = "the job is canceled: netrender retry " + id.String() + " renders the frame with the rest"
		}
		return e.notWoken(j, nil)
	})
	return queued, text, err
}

// sharedNames are the names of results that several frames of a job have: the last one that was put in place is there.
type sharedNames struct {
	seed   maphash.Seed
	hashes []uint64        // sorted
	whole  map[uint64]bool // what was found out
}

func (m *Master) sharedNames(ctx context.Context, id farm.JobID) (*sharedNames, error) {
	s := &sharedNames{seed: maphash.MakeSeed(), whole: map[uint64]bool{}}
	var all []uint64
	err := m.everyAccepted(ctx, id, func(a *farm.Attempt) error {
		for i := range a.Results {
			all = append(all, maphash.String(s.seed, a.Results[i].Name))
		}
		return ctx.Err()
	})
	slices.Sort(all)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] && (len(s.hashes) == 0 || s.hashes[len(s.hashes)-1] != all[i]) {
			s.hashes = append(s.hashes, all[i])
		}
	}
	return s, err
}

// wholeShared tells of a name that several frames have whether the result of one of them is there; shared is false for every
// other name.
func (m *Master) wholeShared(ctx context.Context, s *sharedNames, j *farm.Job, name string, p *pace) (shared, whole bool) {
	key := maphash.String(s.seed, name)
	if _, shared = slices.BinarySearch(s.hashes, key); !shared {
		return false, false
	}
	if whole, known := s.whole[key]; known {
		return true, whole
	}
	f, err := m.openOutput(j.Folder, name)
	if err != nil {
		return true, false
	}
	defer f.Close()
	h := sha256.New()
	if p.drain(ctx, io.TeeReader(f, h)) != nil {
		return true, false
	}
	is, found := hex.EncodeToString(h.Sum(nil)), errors.New("found")
	s.whole[key] = found == m.everyAccepted(ctx, j.ID, func(a *farm.Attempt) error {
		for i := range a.Results {
			if a.Results[i].Name == name && a.Results[i].Ref == is {
				return found
			}
		}
		return ctx.Err()
	})
	return true, s.whole[key]
}
