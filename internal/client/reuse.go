package client

import (
	"context"
	"slices"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// How far a job to reuse is looked for: among the newest jobs of the scene, by pages, and how many of those that may do
// are asked for their files.
const (
	reusePage  = 100
	reusePages = 10
	reuseAsked = 20
)

// Reuse finds a job of the very scene of the plan that has all of the plan's frames, or else one that will have them:
// the .blend and its place in the job, all files that those frames need, and whatever else changes a picture are the same.
// Frames that were not rendered count where the job goes on by itself. A job that has begun comes before one that has not,
// and of those alike the newest.
func Reuse(ctx context.Context, c *wire.Client, p *Plan) (job farm.Job, found bool, err error) {
	i := slices.IndexFunc(p.Files, func(f LocalFile) bool { return f.Path == p.Spec.Blend })
	if i < 0 {
		return farm.Job{}, false, nil
	}
	s := reuse{c: c, p: p, asks: reuseAsked}
	filter := farm.JobFilter{Scene: p.Files[i].Ref, Limit: reusePage}
	for range reusePages {
		list, err := c.Jobs(ctx, filter)
		if err != nil {
			return farm.Job{}, false, err
		}
		if found, err := s.look(ctx, list.Jobs); err != nil || found != nil {
			return deref(found), found != nil, err
		}
		if filter.Before = list.Next; list.Next == 0 || s.asks <= 0 {
			break
		}
	}
	return deref(s.later), s.later != nil, nil
}

func deref(j *farm.Job) (none farm.Job) {
	if j == nil {
		return none
	}
	return *j
}

// reuse is one search.
type reuse struct {
	c     *wire.Client
	p     *Plan
	asks  int       // jobs that may still be asked for more than their line in the list
	later *farm.Job // that will have the frames
	key   string    // of the plan's scene
}

// look returns the first of the jobs that has every frame; the first that will is noted.
func (s *reuse) look(ctx context.Context, jobs []farm.Job) (*farm.Job, error) {
	// Those that are done need not be asked which frames they have.
	slices.SortStableFunc(jobs, func(a, b farm.Job) int { return rankOf(&a) - rankOf(&b) })
	for i := range jobs {
		j := &jobs[i]
		if s.asks <= 0 {
			return nil, nil
		}
		if !s.mayServe(j) {
			continue
		}
		goesOn := j.State == farm.Queued || j.State == farm.Active
		has, will := j.State == farm.Done, goesOn
		if !has && (j.Done > 0 || j.Failed > 0) {
			s.asks--
			states, err := s.c.Frames(ctx, j.ID)
			if farm.KindOf(err) == farm.NotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			has = covers(s.p.Spec.Frames, states.Done)
			will = goesOn && covers(s.p.Spec.Frames, states.Done, states.Running, states.Queued)
		}
		if !has && (!will || s.later != nil) {
			continue
		}
		same, err := s.sameFiles(ctx, j)
		switch {
		case err != nil:
			return nil, err
		case same && has:
			return j, nil
		case same:
			s.later = j
		}
	}
	return nil, nil
}

func rankOf(j *farm.Job) int {
	switch {
	case j.State == farm.Done:
		return 0
	case j.Done > 0:
		return 1
	}
	return 2
}

// mayServe tells whether the job's line in the list speaks against it.
func (s *reuse) mayServe(j *farm.Job) bool {
	return j.Lost(farm.Outputs) == nil && j.JobSpec.Serves(&s.p.Spec) && covers(s.p.Spec.Frames, j.JobSpec.Frames)
}

// covers tells whether each of the wanted frames is in one of the sets.
func covers(wanted farm.FrameSet, sets ...farm.FrameSet) bool {
	for f := range wanted.All() {
		if !slices.ContainsFunc(sets, func(s farm.FrameSet) bool { return s.Contains(f) }) {
			return false
		}
	}
	return true
}

// sameFiles tells whether the plan's frames need the same files in the job, at the same places.
func (s *reuse) sameFiles(ctx context.Context, j *farm.Job) (bool, error) {
	if s.key == "" {
		files := make([]farm.File, len(s.p.Files))
		for i := range s.p.Files {
			files[i] = s.p.Files[i].File
		}
		s.key = farm.SceneKey(&s.p.Spec, files)
	}
	if j.Scene == s.key {
		return true, nil
	}
	want := make(map[string]string, len(s.p.Files))
	for i := range s.p.Files {
		want[s.p.Files[i].Path] = s.p.Files[i].Ref
	}
	s.asks--
	for f, err := range s.c.Files(ctx, j.ID) {
		if err != nil {
			if farm.KindOf(err) == farm.NotFound { // it was deleted just now
				return false, nil
			}
			return false, err
		}
		if f.First != nil && f.Last != nil && !needed(s.p.Spec.Frames, *f.First, *f.Last) {
			continue
		}
		if want[f.Path] != f.Ref {
			return false, nil
		}
		delete(want, f.Path)
	}
	return len(want) == 0, nil
}
