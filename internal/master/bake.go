package master

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// What a bake makes goes into the blob store, and its list is added to the job's files: from then on they are looked
// after as the files that came with the scene. A frame waits for all bakes of its job, or until they have all that it needs:
// see EarlyCaches.
//
// A bake that is done again keeps the frames that are done when it makes the same bytes again, else they are rendered again.

// bakesLeft is how many bakes of the job are not done.
func (j *job) bakesLeft() int { return j.plan.Bakes - j.finished.CountIn(0, j.plan.Bakes) }

// canBake tells whether the worker may have the task at the position, as far as the simulations are concerned.
func (j *job) canBake(wk *worker, p int) bool {
	if p >= j.plan.Bakes {
		return true
	}
	no, _ := j.plan.Task(p)
	n := j.NeedsOf(no)
	return n.Suits(&wk.Worker)
}

// whyNoBake is why the worker has none of the bakes that wait; "" when there is another reason.
func (j *job) whyNoBake(wk *worker) (why string) {
	if j.bakesLeft() == 0 {
		return ""
	}
	for p := range j.plan.Bakes {
		if !j.waits(p) {
			continue
		}
		no, _ := j.plan.Task(p)
		n := j.NeedsOf(no)
		if why = n.WhyNot(&wk.Worker); why == "" {
			return ""
		}
		why += ", and the frames wait for the " + j.TaskName(no)
	}
	return cmp.Or(why, "the frames wait for simulations that others bake")
}

// nobodyBakes is why no worker of the farm can bake something that waits; "" when each has one that can.
func (e *engine) nobodyBakes(j *job) string {
	for p := range j.plan.Bakes {
		if !j.waits(p) {
			continue
		}
		can := false
		for _, w := range e.workers {
			can = can || w.couldRender(j) && j.canBake(w, p)
		}
		if no, _ := j.plan.Task(p); !can {
			return "none can do the " + j.TaskName(no)
		}
	}
	return ""
}

// pinVersion has the job baked and rendered with one version: that of its first bake, which the worker is given now, or of
// its first frame when they are rendered in order.
func (e *engine) pinVersion(j *job, wk *worker, p int) {
	if p >= j.plan.Bakes && !j.InOrder || !j.Needs.Exact.IsZero() {
		return
	}
	no, _ := j.plan.Task(p)
	n := j.NeedsOf(no)
	if i, _ := n.Pick(wk.Facts.Blenders); i >= 0 {
		e.setExact(j, wk.Facts.Blenders[i].Version)
	}
}

func (e *engine) setExact(j *job, v farm.Version) {
	j.Needs.Exact, j.stuck = v, stuck{}
	e.change(farm.JobSet{Job: j.view()})
	e.lift(j, nil)
	e.offer(j)
}

// loosen lets any version bake the job again when nothing of it is baked, and no frame shows something of it.
func (e *engine) loosen(j *job) {
	if j.plan.Bakes == 0 && !j.InOrder || j.Needs.Exact.IsZero() || j.finished.Count()+len(j.held)+len(j.settling) > 0 {
		return
	}
	clear(j.through)
	e.reach(j)
	e.setExact(j, farm.Version{})
}

// playAgain tells that frames in order go on where others are done. Their worker plays the animation from its first frame,
// and renders those alone that are left.
func (e *engine) playAgain(j *job, wk *worker, l *lease) {
	if !j.InOrder || j.finished.Count() == 0 || farm.IsFilm(l.Frames[0]) {
		return
	}
	text := plural(len(l.Frames), "frame") + " in order: " + wk.Name + " plays the animation again up to frame " + strconv.Itoa(farm.FrameOf(slices.Max(l.Frames)))
	e.event(farm.Event{Kind: farm.EventJob, Job: j.ID, Worker: wk.ID, State: string(j.State), Text: text, Progress: e.shown(j)})
}

// otherVersion tells whether a bake, or a frame in order, was made with another version than the rest of the job.
func (e *engine) otherVersion(j *job, p int, r *farm.Report) bool {
	if p >= j.plan.Bakes && !j.InOrder || r.Outcome != farm.Rendered {
		return false
	}
	v, err := farm.ParseVersion(r.Install)
	switch {
	case err != nil || v.IsZero():
		return false
	case j.Needs.Exact.IsZero(): // its worker was given up, and nobody began anew
		e.setExact(j, v)
	}
	return v != j.Needs.Exact
}

// baked enters what a bake made, and returns the report without it.
func (e *engine) baked(j *job, p int, r *farm.Report) *farm.Report {
	if p >= j.plan.Bakes {
		return r
	}
	e.change(farm.FilesPut{Job: j.ID, Bake: p + 1, Files: cacheFiles(&j.JobSpec, p+1, r.Results), Whole: true})
	if j.baked == 0 || j.unlike == p+1 {
		j.baked = e.seq + 1 // that of its attempt
	}
	j.stuck = stuck{}
	bare := *r
	bare.Results = nil
	return &bare
}

// cacheFiles are a bake's results as files of the job.
func cacheFiles(s *farm.JobSpec, bake int, results []farm.Result) []farm.File {
	files := make([]farm.File, len(results))
	for i := range results {
		r := &results[i]
		files[i] = farm.File{Path: s.CachePath(r.Name), Size: r.Size, Ref: r.Ref, First: r.First, Last: r.Last, Bake: bake}
	}
	slices.SortFunc(files, func(a, b farm.File) int { return strings.Compare(a.Path, b.Path) })
	return files
}

// checkCache refuses results of a bake that cannot be, and caches of what is no bake.
func checkCache(r *farm.Result) error {
	t, _ := farm.TaskOf(r.Frame)
	switch isBake := t.Stage == farm.StageBake; {
	case isBake != (r.Kind == farm.KindCache):
		return farm.Errorf(farm.Invalid, "%s makes no result of kind %q", farm.TaskName(r.Frame), clip(string(r.Kind), 40))
	case isBake && !strings.HasPrefix(r.Name, farm.CacheFolder+"/"):
		return farm.Errorf(farm.Invalid, "a cache file has a name outside %s: %s", farm.CacheFolder, clip(r.Name, 100))
	case !isBake && (r.First != nil || r.Last != nil), r.First != nil && r.Last != nil && *r.First > *r.Last:
		return farm.Errorf(farm.Invalid, "the result %s is for no frame", clip(r.Name, 100))
	}
	return nil
}

// keptCaches are files of a bake that lie in the blob store.
type keptCaches struct {
	files []farm.File
	other bool             // the job has others of the bake from before
	unpin func(named bool) // lets them be collected if the job does not name them
}

// keepCaches puts what a bake made into the blob store: all of it, or some files, whole false. Unless they may replace those of
// an earlier bake that are others, none are put there then.
func (m *Master) keepCaches(ctx context.Context, spec *farm.JobSpec, r *farm.Report, whole, replace bool) (kept keptCaches, err error) {
	kept.unpin = func(bool) {}
	t, _ := farm.TaskOf(r.Frame)
	kept.files = cacheFiles(spec, t.Part, r.Results)
	mine := make(map[string]*farm.File, len(kept.files))
	for i := range kept.files {
		mine[kept.files[i].Path] = &kept.files[i]
	}
	names := newNames(len(kept.files))
	if err := m.everyFile(ctx, r.Job, func(f *farm.File) error {
		if f.Bake == t.Part {
			now := mine[f.Path]
			kept.other = kept.other || now == nil && whole || now != nil && !sameFile(f, now)
			if whole || now != nil { // it goes, or it is this one
				return nil
			}
		}
		if why := names.add(f.Path); why != "" {
			return &inTheWayError{why}
		}
		return nil
	}); err != nil {
		return kept, err
	}
	for i := range kept.files {
		if why := names.add(kept.files[i].Path); why != "" {
			return kept, &inTheWayError{why}
		}
	}
	if kept.other && !replace {
		return kept, nil
	}
	unpin, err := m.pin(ctx, kept.files)
	if err != nil {
		return kept, err
	}
	kept.unpin = unpin
	for i := range r.Results {
		if err := m.keepCache(ctx, &r.Results[i], filepath.Join(m.incoming(r.Lease, r.Frame), stagedName(&r.Results[i]))); err != nil {
			kept.unpin(false)
			return kept, err
		}
	}
	return kept, nil
}

// keepCache moves one that arrived, or finds it in the store.
func (m *Master) keepCache(ctx context.Context, r *farm.Result, path string) error {
	ref, err := blob.ParseRef(r.Ref)
	if err != nil {
		return err
	}
	if m.hasCache(ctx, r) {
		return nil
	}
	if taker, can := m.opt.Blobs.(interface {
		Take(ctx context.Context, ref blob.Ref, path string) error
	}); can {
		return plainDisk(taker.Take(ctx, ref, path), "a cache cannot be kept")
	}
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		if err = m.opt.Blobs.Put(ctx, ref, r.Size, f); err == nil {
			_ = os.Remove(path) // what is left goes with the lease
		}
	}
	return plainDisk(err, "a cache cannot be kept")
}

// hasCache tells whether the bytes of a bake's result are in the store: the same simulation was baked before.
func (m *Master) hasCache(ctx context.Context, r *farm.Result) bool {
	if r.Kind != farm.KindCache {
		return false
	}
	ref, err := blob.ParseRef(r.Ref)
	if err != nil {
		return false
	}
	info, err := m.opt.Blobs.Stat(ctx, ref)
	return err == nil && info.Size == r.Size
}

func sameFile(a, b *farm.File) bool {
	frame := func(n *int) int {
		if n == nil {
			return farm.MaxFrame + 1
		}
		return *n
	}
	return a.Path == b.Path && a.Ref == b.Ref && frame(a.First) == frame(b.First) && frame(a.Last) == frame(b.Last)
}

// unlikeBefore has the frames rendered again that were made of an earlier cache of the bake, which was not the same.
func (e *engine) unlikeBefore(j *job, p int) {
	lo, hi := j.plan.Opens(p)
	e.takeFrames(j, lo, hi)
	made := farm.SpanOf(lo, hi)
	var done farm.Spans
	for from, to := range j.finished.Runs() {
		done.AddSpan(max(from, lo), max(min(to, hi), max(from, lo)))
	}
	if done.Count() == 0 {
		return
	}
	e.m.opt.Log.Warn("a simulation came out otherwise than before: its frames are rendered again", "job", j.ID, "bake", p+1, "frames", made.Count())
	e.reset(j, done)
	e.sync(j)
}

// bakeAgain has a bake done again whose cache is harmed. Frames that are done stay; see unlikeBefore.
func (e *engine) bakeAgain(j *job, bake int, why string) {
	p := bake - 1
	if p < 0 || p >= j.plan.Bakes {
		return
	}
	if !j.finished.Contains(p) { // it is baked anyway, and gives the file again when it is done
		if l := j.held[p]; l != nil {
			j.shut[p] = l.ID
		}
		e.shutBake(j, p)
		e.mark(j)
		e.sync(j)
		return
	}
	e.m.opt.Log.Error("a simulation is baked again", "job", j.ID, "bake", bake, "why", why)
	lo, hi := j.plan.Opens(p)
	positions := farm.SpanOf(lo, hi)
	positions.RemoveAll(&j.finished)
	positions.Add(p)
	e.waitAgain(j, positions)
	if j.State == farm.Collecting && len(j.missing) == 0 {
		e.toState(j, j.goesOn(), "")
	}
	e.event(farm.Event{Kind: farm.EventJob, Job: j.ID, State: string(j.State), Text: j.taskName(p) + " begins again: " + why, Progress: e.shown(j)})
	e.sync(j)
}

// taskName names the task at a position.
func (j *job) taskName(p int) string {
	no, _ := j.plan.Task(p)
	return j.TaskName(no)
}

// bakedBefore finds what another job of the same scene has baked already: the files, and for each bake the attempt that
// made them, nil where there is none.
func (m *Master) bakedBefore(ctx context.Context, spec *farm.JobSpec, files []farm.File) (found *earlier, err error) {
	i := slices.IndexFunc(files, func(f farm.File) bool { return f.Path == spec.Blend })
	if len(spec.Bakes) == 0 || i < 0 {
		return nil, nil
	}
	list, err := m.opt.Store.Jobs(ctx, farm.JobFilter{Scene: files[i].Ref, Limit: 200})
	if err != nil {
		return nil, err
	}
	key := farm.SceneKey(spec, files)
	for k := range list {
		j := &list[k]
		if j.Scene != key || j.Lost(farm.Inputs) != nil || j.Needs.Exact.IsZero() || !spec.SameBakes(&j.JobSpec) || !m.hasVersion(ctx, spec, j.Needs.Exact) {
			continue
		}
		if found, err := m.bakedBy(ctx, spec, j); err != nil || found != nil {
			return found, err
		}
	}
	return nil, nil
}

// earlier is what another job has baked.
type earlier struct {
	of       farm.JobID
	exact    farm.Version
	files    []farm.File
	attempts []*farm.Attempt // by bake
	unpin    func(named bool)
}

// bakedBy takes what the job has baked of what is asked for, and pins it; nil when that is nothing.
func (m *Master) bakedBy(ctx context.Context, spec *farm.JobSpec, j *farm.Job) (*earlier, error) {
	found := &earlier{of: j.ID, exact: j.Needs.Exact, attempts: make([]*farm.Attempt, len(spec.Bakes))}
	some := false
	for i := range spec.Bakes {
		no := farm.Task{Stage: farm.StageBake, Part: i + 1}.No()
		_, until, _ := j.Baking(no)
		if _, want, _ := spec.Baking(no); until < want {
			continue
		}
		a, err := m.acceptedNow(ctx, j.ID, no)
		if err != nil {
			return nil, err
		}
		found.attempts[i], some = a, some || a != nil
	}
	if !some {
		return nil, nil
	}
	if err := m.everyFile(ctx, j.ID, func(f *farm.File) error {
		if f.Bake > 0 && f.Bake <= len(found.attempts) && found.attempts[f.Bake-1] != nil {
			found.files = append(found.files, *f)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	unpin, err := m.pin(ctx, found.files)
	if err != nil {
		return nil, err
	}
	found.unpin = unpin
	for i := range found.files {
		f := &found.files[i]
		if !m.hasCache(ctx, &farm.Result{Kind: farm.KindCache, Ref: f.Ref, Size: f.Size}) {
			found.attempts[f.Bake-1] = nil // it is baked again
		}
	}
	found.files = slices.DeleteFunc(found.files, func(f farm.File) bool { return found.attempts[f.Bake-1] == nil })
	if len(found.files) == 0 {
		unpin(false)
		return nil, nil
	}
	return found, nil
}

// hasVersion tells whether the farm has a worker that could render the job with the version.
func (m *Master) hasVersion(ctx context.Context, spec *farm.JobSpec, v farm.Version) bool {
	n := spec.Needs
	n.Exact = v
	has, err := ask(ctx, m, func(e *engine) (bool, error) {
		for _, w := range e.workers {
			if n.Suits(&w.Worker) {
				return true, nil
			}
		}
		return false, nil
	})
	return err == nil && has
}

// inherit enters what another job has baked; the job is about to be made known.
func (e *engine) inheritBakes(j *job, found *earlier) {
	if found == nil {
		return
	}
	now := e.m.opt.Now()
	for i, a := range found.attempts {
		if a == nil {
			continue
		}
		e.seq++
		e.change(farm.FrameDone{Attempt: farm.Attempt{
			Seq: e.seq, Job: j.ID, Frame: a.Frame, Position: i, Number: 1, Worker: a.Worker, Outcome: farm.Rendered, Started: now, Ended: now,
			Install: a.Install, Warnings: a.Warnings,
		}})
		j.finished.Add(i)
		j.again.Remove(i)
	}
	j.Done = j.finished.Count()
	j.baked = e.seq
	j.unsaved = 5000
}
