package master

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// What a task is made of: a frame of its parts, a film of the frames. Parts of frames lie among their job's results, in a folder of the master's own, until the frame that they make is
// accepted. Whoever holds the lease of a task may read what it is made of.

// Parts are the results that the task of a lease is made of, in the order of their parts. It is an error when one is not
// done: then the lease is taken back in a moment.
func (m *Master) Parts(ctx context.Context, who Identity, lease farm.LeaseID) ([]farm.Result, error) {
	tasks, j, err := m.standsOn(ctx, who, lease)
	if err != nil {
		return nil, err
	}
	if len(tasks) == 1 && farm.IsFilm(tasks[0]) {
		return m.pictures(ctx, &j, farm.ViewOf(tasks[0]))
	}
	list := make([]farm.Result, 0, len(tasks))
	for _, no := range tasks {
		a, err := m.acceptedNow(ctx, j.ID, no)
		if err != nil {
			return nil, err
		}
		if a == nil || len(a.Results) != 1 || a.Results[0].Kind != farm.KindPart {
			return nil, farm.Errorf(farm.Conflict, "%s of job %d is not there", farm.TaskName(no), j.ID)
		}
		list = append(list, a.Results[0])
	}
	return list, nil
}

// OpenPart opens one of them by its task.
func (m *Master) OpenPart(ctx context.Context, who Identity, lease farm.LeaseID, task int) (*os.File, error) {
	j, err := m.partOf(ctx, who, lease, task)
	if err != nil {
		return nil, err
	}
	name, err := m.partName(ctx, &j, task)
	if err != nil {
		return nil, err
	}
	f, err := m.openOutput(j.Folder, name)
	if err != nil {
		return nil, farm.Errorf(farm.NotFound, "%s of job %d is not there", farm.TaskName(task), j.ID)
	}
	return f, nil
}

// PartSuspect is told by who finishes a frame that a part is not what it should be. Where that is so, it is rendered again.
func (m *Master) PartSuspect(ctx context.Context, who Identity, lease farm.LeaseID, task int) (farm.Suspicion, error) {
	j, err := m.partOf(ctx, who, lease, task)
	if err != nil {
		return farm.Suspicion{}, err
	}
	name, err := m.partName(ctx, &j, task)
	if err != nil {
		return farm.Suspicion{}, err
	}
	return m.ResultSuspect(ctx, j.ID, task, name)
}

// pictures are the results that the film of a view shows, in the order of the frames. Those of frames that were given up are
// not there.
func (m *Master) pictures(ctx context.Context, j *farm.Job, view int) (list []farm.Result, err error) {
	plan := j.Plan()
	if err := m.everyAccepted(ctx, j.ID, func(a *farm.Attempt) error {
		if p, ok := plan.Position(a.Frame); !ok || !plan.Shows(p) || farm.ViewOf(a.Frame) != view {
			return nil
		}
		r, ok := farm.FilmPicture(a.Results)
		if !ok {
			return farm.Errorf(farm.Conflict, "%s of job %d has no picture that a film can show", farm.TaskName(a.Frame), j.ID)
		}
		r.Frame = a.Frame
		list = append(list, r)
		return ctx.Err()
	}); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b farm.Result) int { return cmp.Compare(farm.FrameOf(a.Frame), farm.FrameOf(b.Frame)) })
	return list, nil
}

// OpenFilm opens the film of a view of a job, and tells its name among the results. Without views it is the view 0.
func (m *Master) OpenFilm(ctx context.Context, id farm.JobID, view int) (*os.File, string, error) {
	j, err := m.Job(ctx, id)
	if err != nil {
		return nil, "", err
	}
	if j.Film == nil {
		return nil, "", farm.Errorf(farm.NotFound, "job %d makes no film", id).WithHint("submit it with --film")
	}
	a, err := m.acceptedNow(ctx, id, farm.Task{Stage: farm.StageEncode, View: view}.No())
	if err != nil {
		return nil, "", err
	}
	if a == nil || len(a.Results) == 0 {
		return nil, "", farm.Errorf(farm.NotFound, "the film of job %d is not made yet", id)
	}
	f, err := m.OpenResult(ctx, id, a.Results[0].Name)
	return f, a.Results[0].Name, err
}

// partName is the result's name that a task which others stand on has brought.
func (m *Master) partName(ctx context.Context, j *farm.Job, task int) (string, error) {
	if farm.IsPart(task) {
		return farm.PartName(task), nil
	}
	a, err := m.acceptedNow(ctx, j.ID, task)
	if err != nil {
		return "", err
	}
	if a != nil {
		if r, ok := farm.FilmPicture(a.Results); ok {
			return r.Name, nil
		}
	}
	return "", farm.Errorf(farm.NotFound, "%s of job %d is not there", farm.TaskName(task), j.ID)
}

func (m *Master) partOf(ctx context.Context, who Identity, lease farm.LeaseID, task int) (farm.Job, error) {
	tasks, j, err := m.standsOn(ctx, who, lease)
	if err == nil && len(tasks) == 1 && farm.IsFilm(tasks[0]) {
		plan := j.Plan()
		if p, ok := plan.Position(task); ok && plan.Shows(p) && farm.ViewOf(task) == farm.ViewOf(tasks[0]) {
			return j, nil
		}
	}
	if err == nil && !slices.Contains(tasks, task) {
		err = farm.Errorf(farm.NotFound, "the lease does not need %s", farm.TaskName(task))
	}
	return j, err
}

// standsOn are the parts that the first task of a lease is made of; of a film it is the film alone, whose frames may be many.
func (m *Master) standsOn(ctx context.Context, who Identity, id farm.LeaseID) (tasks []int, of farm.Job, err error) {
	_, err = ask(ctx, m, func(e *engine) (struct{}, error) {
		l := e.leases[id]
		if l == nil {
			l = e.lapsed[id]
		}
		if l == nil || len(l.Frames) == 0 || !e.speaks(who, l.Worker) {
			return struct{}{}, farm.Errorf(farm.Conflict, "the lease is over")
		}
		of = l.job.Job
		if farm.IsFilm(l.Frames[0]) {
			tasks = []int{l.Frames[0]}
			return struct{}{}, nil
		}
		p, ok := l.job.plan.Position(l.Frames[0])
		lo, hi, _ := l.job.plan.Needs(p)
		for q := lo; ok && q < hi; q++ {
			if no, is := l.job.plan.Task(q); is && farm.IsPart(no) {
				tasks = append(tasks, no)
			}
		}
		return struct{}{}, nil
	})
	return tasks, of, err
}

// PartThere is a part of a frame whose result is there.
type PartThere struct {
	Part int    // from 1
	Mark string // differs when the part was rendered once more
}

// PartsThere are the parts of a picture of the job whose results are there, by their numbers. There are none of a frame that is
// finished.
func (m *Master) PartsThere(j *farm.Job, picture int) ([]PartThere, error) {
	dir, err := os.ReadDir(filepath.Join(m.outputs(j.Folder), filepath.FromSlash(farm.PartsFolder(picture))))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, plainDisk(err, "the parts of the frame cannot be listed")
	}
	var list []PartThere
	for _, e := range dir {
		n, err := strconv.Atoi(strings.TrimSuffix(e.Name(), ".exr"))
		if err != nil || n < 1 || n > j.Parts() || farm.PartName(farm.PartOf(picture, n)) != farm.PartsFolder(picture)+"/"+e.Name() {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			list = append(list, PartThere{n, fmt.Sprintf("%x-%x", info.ModTime().UnixNano(), info.Size())})
		}
	}
	slices.SortFunc(list, func(a, b PartThere) int { return a.Part - b.Part })
	return list, nil
}

// OpenPartThere opens one of them.
func (m *Master) OpenPartThere(j *farm.Job, picture, part int) (*os.File, error) {
	f, err := m.openOutput(j.Folder, farm.PartName(farm.PartOf(picture, part)))
	if err != nil {
		return nil, farm.Errorf(farm.NotFound, "%s of job %d is not there", farm.TaskName(farm.PartOf(picture, part)), j.ID)
	}
	return f, nil
}

// films are the endings of the files that Blender encodes.
var films = []string{".mp4", ".webm", ".mkv", ".mov", ".avi", ".mpg", ".ogv", ".dv", ".flv"}

// removeOldFilm removes a film of the same name that was made in another format before, so that nobody takes it for the one
// that counts.
func (m *Master) removeOldFilm(ctx context.Context, folder string, r *farm.Report) {
	if !farm.IsFilm(r.Frame) || len(r.Results) != 1 {
		return
	}
	name := r.Results[0].Name
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	old := make(map[string]struct{})
	for _, ending := range films {
		if st, err := os.Lstat(filepath.Join(m.outputs(folder), filepath.FromSlash(stem+ending))); err == nil && st.Mode().IsRegular() && stem+ending != name {
			old[stem+ending] = struct{}{}
		}
	}
	if len(old) == 0 {
		return
	}
	if err := m.everyAccepted(ctx, r.Job, func(a *farm.Attempt) error { // a frame may have written such a file
		for i := range a.Results {
			delete(old, a.Results[i].Name)
		}
		return nil
	}); err != nil {
		return
	}
	for name := range old {
		if err := os.Remove(filepath.Join(m.outputs(folder), filepath.FromSlash(name))); err != nil {
			m.opt.Log.Warn("an older film cannot be removed", "job", r.Job, "name", name, "err", err)
		}
	}
}

// removeParts removes what a finished frame was made of.
func (m *Master) removeParts(folder string, no int) {
	t, _ := farm.TaskOf(no)
	if t.Stage != farm.StageFinish {
		return
	}
	dir := filepath.Join(m.outputs(folder), filepath.FromSlash(farm.PartsFolder(t.Picture())))
	if err := os.RemoveAll(dir); err != nil {
		m.opt.Log.Warn("the parts of a finished frame cannot be removed", "folder", dir, "err", err)
	}
	_ = os.Remove(filepath.Dir(dir)) // goes only when it is empty
}
