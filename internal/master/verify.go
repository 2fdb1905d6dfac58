package master

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// VerifyOptions say how to verify.
type VerifyOptions struct {
	Repair bool
	Rate   int64 // bytes read in a second; 0: as fast as the disk can
}

// verification is one in progress.
type verification struct {
	m    *Master
	o    VerifyOptions
	tell func(farm.VerifyStep) error
	sum  farm.Verified
	said time.Time // when sum was told
	pace pace
	harm map[uint64]*farm.Damage // of scenes' files, by the first half of their refs
}

// Verify reads every stored file and every accepted result of kept jobs whole and compares them with their hashes.
// tell hears of what is harmed, and about once a second how far it is; its error ends the verification. With
// o.Repair what is harmed is taken out: jobs wait for files that must be sent again, and frames whose results are
// harmed are rendered again where their job can.
func (m *Master) Verify(ctx context.Context, o VerifyOptions, tell func(farm.VerifyStep) error) error {
	if !m.verifying.TryLock() {
		return farm.Errorf(farm.Conflict, "somebody else verifies already").WithHint("wait until that has ended")
	}
	defer m.verifying.Unlock()
	v := &verification{m: m, o: o, tell: tell, said: m.opt.Now(), harm: map[uint64]*farm.Damage{}}
	v.pace = pace{rate: o.Rate, now: m.opt.Now, start: m.opt.Now(), read: func(n int) error {
		v.sum.Bytes += int64(n)
		return v.progress(false)
	}}
	for _, step := range []func(context.Context) error{v.files, v.manifests, v.results} {
		if err := step(ctx); err != nil {
			v.notice(false)
			return err
		}
	}
	v.notice(true)
	return v.progress(true)
}

func (v *verification) progress(last bool) error {
	now := v.m.opt.Now()
	if !last && now.Sub(v.said) < time.Second {
		return nil
	}
	v.said = now
	sum := v.sum
	return v.tell(farm.VerifyStep{Verified: &sum})
}

// notice tells that damage needs a person; a verification that has seen everything and found none, that it does not.
func (v *verification) notice(whole bool) {
	switch left := v.sum.Harmed - v.sum.Mended; {
	case left > 0:
		v.m.notice(farm.NeedsDamage, plural(left, "stored file or result")+" found damaged or missing",
			"netrender verify lists them; with --repair they are asked for again or rendered again")
	case whole:
		v.m.notice(farm.NeedsDamage, "", "")
	}
}

func (v *verification) damage(ctx context.Context, d *farm.Damage) error {
	v.sum.Harmed++
	if d.Mended {
		v.sum.Mended++
	}
	v.m.opt.Log.Error("verifying found a file that is "+string(d.State), "part", d.Part, "name", d.Name, "ref", d.Ref, "jobs", d.Jobs, "next", d.Text)
	if err := v.tell(farm.VerifyStep{Damage: d}); err != nil {
		return err
	}
	return ctx.Err()
}

// files reads every stored blob. Who needs a harmed one is found by the next step.
func (v *verification) files(ctx context.Context) error {
	for after, more := (blob.Ref{}), true; more; {
		page, err := v.m.opt.Blobs.List(ctx, after, 1000)
		if err != nil {
			return err
		}
		for _, info := range page {
			after = info.Ref
			state, err := v.file(ctx, info.Ref)
			if err != nil {
				return err
			}
			if state != "" {
				v.harm[firstHalf(info.Ref)] = &farm.Damage{Part: farm.Inputs, State: state, Ref: info.Ref.String()}
			}
		}
		more = len(page) == 1000
	}
	return nil
}

// file reads one blob; one that was collected meanwhile is no harm.
func (v *verification) file(ctx context.Context, ref blob.Ref) (farm.Harm, error) {
	r, err := v.m.opt.Blobs.Open(ctx, ref)
	if isNotFound(err) {
		return "", nil
	}
	if err == nil {
		defer r.Close()
		if err = v.pace.drain(ctx, r); err == nil {
			v.sum.Files++
			return "", nil
		}
	}
	var told *tellError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.As(err, &told):
		return "", told.error
	case errors.Is(err, blob.ErrCorrupt):
		return farm.Damaged, nil
	}
	return farm.Unreadable, nil
}

// manifests finds who needs the harmed files, and files that are not there at all.
func (v *verification) manifests(ctx context.Context) error {
	seen := map[uint64]struct{}{}
	err := v.m.everyJob(ctx, func(j *farm.Job) error {
		if j.Lost(farm.Inputs) != nil {
			return nil
		}
		return v.m.everyFile(ctx, j.ID, func(f *farm.File) error {
			ref, err := blob.ParseRef(f.Ref)
			if err != nil {
				return nil //nolint:nilerr // it names nothing
			}
			d := v.harm[firstHalf(ref)]
			if _, looked := seen[firstHalf(ref)]; d == nil && !looked {
				if _, err := v.m.opt.Blobs.Stat(ctx, ref); isNotFound(err) && j.State != farm.Collecting && !j.Needs.Shares(f) && v.wanted(ctx, j, f) { // else it is on its way
					d = &farm.Damage{Part: farm.Inputs, State: farm.Missing, Ref: f.Ref}
					v.harm[firstHalf(ref)] = d
				}
			}
			seen[firstHalf(ref)] = struct{}{}
			if d != nil && len(d.Jobs) < farm.MaxDamageJobs && !slices.Contains(d.Jobs, j.ID) {
				d.Name = f.Path
				if f.Bake > 0 {
					d.Text = bakedText
				}
				d.Jobs = append(d.Jobs, j.ID)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, d := range v.harm {
		if err := v.mendFile(ctx, d); err != nil {
			return err
		}
		if err := v.damage(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// bakedText is what becomes of a cache.
const bakedText = "it was taken out; jobs that need it bake it again"

// wanted tells of a file that is not there whether it should be: a cache that is being baked again need not.
func (v *verification) wanted(ctx context.Context, j *farm.Job, f *farm.File) bool {
	if f.Bake == 0 {
		return true
	}
	a, err := v.m.acceptedNow(ctx, j.ID, farm.Task{Stage: farm.StageBake, Part: f.Bake}.No())
	return err == nil && a != nil
}

func (v *verification) mendFile(ctx context.Context, d *farm.Damage) error {
	again := d.Text == bakedText
	d.Text = "whoever submits such a scene again sends it again"
	if again {
		d.Text = "netrender verify --repair has it baked again where a job needs it"
	}
	if !v.o.Repair || d.State == farm.Unreadable {
		return nil
	}
	ref, err := blob.ParseRef(d.Ref)
	if err != nil {
		return err
	}
	gone, err := v.m.BlobSuspect(ctx, ref)
	if err != nil {
		return err
	}
	if d.Mended = true; gone && again {
		d.Text = bakedText
	} else if gone {
		d.Text = "it was taken out; jobs that need it wait until the scene is submitted again"
	} else {
		d.Text = "it was sent again meanwhile"
	}
	return nil
}

// results reads the accepted results of every job that has its own.
func (v *verification) results(ctx context.Context) error {
	return v.m.everyJob(ctx, func(j *farm.Job) error {
		if lost := j.Lost(farm.Outputs); lost != nil && !lost.At.Before(j.Ended) && j.State.Ended() {
			return nil
		}
		shared, err := v.m.sharedNames(ctx, j.ID)
		if err != nil {
			return err
		}
		var harmed []*farm.Damage
		if err := v.m.everyAccepted(ctx, j.ID, func(a *farm.Attempt) error {
			some, err := v.frame(ctx, j, a, shared)
			harmed = append(harmed, some...)
			return err
		}); err != nil {
			return err
		}
		return v.mendFrames(ctx, j.ID, harmed)
	})
}

// frame reads the results of a frame.
func (v *verification) frame(ctx context.Context, j *farm.Job, a *farm.Attempt, names *sharedNames) (harmed []*farm.Damage, err error) {
	for i := range a.Results {
		r := &a.Results[i]
		if r.Kind == farm.KindPart { // whoever finishes the frame looks
			continue
		}
		v.sum.Results++
		if shared, whole := v.m.wholeShared(ctx, names, j, r.Name, &v.pace); shared && whole {
			continue
		}
		state, err := v.m.readResult(ctx, j, r, &v.pace)
		if err == nil && state != "" {
			// Perhaps it was just being replaced, or cleaned away.
			state, err = v.m.confirmHarm(ctx, j.ID, a, r)
		}
		if err != nil {
			return harmed, err
		}
		if state != "" {
			frame := a.Frame
			harmed = append(harmed, &farm.Damage{Part: farm.Outputs, State: state, Ref: r.Ref, Name: r.Name, Jobs: []farm.JobID{j.ID}, Frame: &frame})
		}
	}
	return harmed, ctx.Err()
}

func (v *verification) mendFrames(ctx context.Context, id farm.JobID, harmed []*farm.Damage) error {
	if len(harmed) == 0 {
		return ctx.Err()
	}
	queued, text := false, "netrender verify --repair has the frame rendered again"
	if v.o.Repair {
		frames := make([]int, len(harmed))
		for i, d := range harmed {
			frames[i] = *d.Frame
		}
		var err error
		if queued, text, err = v.m.renderAgain(ctx, id, frames, "a result was found harmed on the disk"); err != nil {
			return err
		}
	}
	for _, d := range harmed {
		d.Mended, d.Text = queued, text
		if err := v.damage(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// pace reads no faster than rate.
type pace struct {
	rate  int64 // bytes a second; 0: no limit
	now   func() time.Time
	read  func(n int) error // told of what was read; may be nil
	start time.Time
	n     int64
}

// tellError is an error of pace.read, which is none of the file's.
type tellError struct{ error }

const paceChunk = 256 << 10

// drain reads r to its end.
func (p *pace) drain(ctx context.Context, r io.Reader) error {
	buf := make([]byte, paceChunk)
	for {
		n, err := r.Read(buf)
		if p.n += int64(n); p.read != nil && n > 0 {
			if e := p.read(n); e != nil {
				return &tellError{e}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if p.rate > 0 {
			ahead := time.Duration(float64(p.n)/float64(p.rate)*float64(time.Second)) - p.now().Sub(p.start)
			if ahead < -time.Second { // it was slower than it may be: that is not caught up
				p.start, p.n = p.now(), 0
			}
			if ahead > 0 {
				sleep(ctx, ahead)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
