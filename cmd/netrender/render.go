package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var (
	_ = verb("job", (*app).renderVerb)
	_ = verb("job", (*app).submitVerb)
)

func (a *app) renderVerb() *cobra.Command {
	var o jobOptions
	var out string
	var only []string
	var reuse, filmOnly bool
	c := &cobra.Command{
		Use: "render FILE.blend", Short: "Render a scene on the farm; frames come back as they finish", Args: cobra.ExactArgs(1),
		Long: `Render a scene on the farm. The scene and every file it needs are sent, once; frames come back as they finish, each
under its own name when it is whole. The exit code is 0 only if every frame is here.

Ctrl-C leaves the job running; netrender fetch brings the frames home later.

With --reuse nothing is rendered that the farm has, or is about to have: where a job of the very same scene - the same
bytes of the .blend and of all files that the frames need, and the same options as far as they show in a picture - covers
all frames that are asked for, they are taken from it. One job covers all of them, or a new one is made. Of a job that is
paused, canceled or has failed only those frames count that were rendered. Where the job is paused, canceled or deleted
while its frames are awaited, a new job renders those that are not here: another's job is not made to go on.`,
		Example: "  netrender render shot.blend -f 1-250 -o frames/\n  netrender render still.blend -f 1 --priority 5",
		RunE: func(cmd *cobra.Command, args []string) error {
			kinds, err := kindsOf(only, false)
			if err != nil {
				return err
			}
			switch {
			case filmOnly && o.noFilm, filmOnly && len(only) > 0:
				return usagef("--film-only brings the film and nothing else: leave out --no-film and --only")
			case filmOnly:
				o.film, kinds = cmp.Or(o.film, "auto"), filmKinds
			}
			if reuse && o.film != "" {
				return usagef("a film is made of a job's own frames: leave out --reuse")
			}
			o.noFilm = o.noFilm || reuse
			master, plan, err := a.read(cmd, args[0], &o, out)
			if err != nil {
				return err
			}
			f := &fetching{dir: cmp.Or(out, plan.OutDir), kinds: kinds, plan: plan}
			if reuse {
				if there, err := a.reuse(cmd.Context(), master, plan, f, &o); there || err != nil {
					return err
				}
			}
			if err := a.checkWorkers(cmd.Context(), master, plan); err != nil {
				return err
			}
			if err := a.split(cmd.Context(), master, plan, &o); err != nil {
				return err
			}
			return a.renderPlan(cmd.Context(), master, plan, f)
		},
	}
	a.masterFlags(c)
	a.progressFlag(c)
	jobSettings(c, &o)
	c.Flags().StringVarP(&out, "out", "o", "", "folder for the frames (default: where the scene's own output path points)")
	onlyFlag(c, &only)
	c.Flags().BoolVar(&filmOnly, "film-only", false, "make a film, and bring home nothing else")
	c.Flags().BoolVar(&reuse, "reuse", false, "take the frames from a job of the very same scene, where one covers them all")
	return c
}

// read finds the master, checks the folder, reads the scene and makes the plan, telling what it does.
func (a *app) read(cmd *cobra.Command, file string, o *jobOptions, out string) (*wire.Client, *client.Plan, error) {
	a.heedReader(cmd.Context())
	spec, err := o.spec()
	if err != nil {
		return nil, nil, err
	}
	if out != "" {
		if err := client.CheckFolder(out); err != nil {
			return nil, nil, err
		}
	}
	if err := checkBlend(o.bytes(file)); err != nil {
		return nil, nil, err
	}
	master, err := a.connect(cmd)
	if err != nil {
		return nil, nil, err
	}
	plan, err := a.plan(cmd.Context(), file, spec, o, false)
	if plan != nil {
		for _, m := range plan.Missing {
			a.note(map[string]any{"missing": m}, "missing: %s (%s of %s)", plainText(m.Path), m.Kind, plainText(strings.Join(m.Users, ", ")))
		}
		for _, w := range plan.Warnings {
			a.note(map[string]any{"warning": w}, "note: %s", plainText(w))
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if o.imply(&plan.Spec, plan.Scene.Movie) {
		a.note(nil, "note: the scene's output is a movie, and one is made of the frames when they are done (--no-film: none)")
	}
	if out == "" {
		if err := client.CheckFolder(plan.OutDir); err != nil {
			return nil, nil, err
		}
	}
	return master, plan, nil
}

// checkWorkers tells what of the farm speaks against the plan.
func (a *app) checkWorkers(ctx context.Context, master *wire.Client, plan *client.Plan) error {
	tell := func(text string) { a.note(map[string]any{"warning": text}, "note: %s", plainText(text)) }
	if err := a.checkShared(ctx, master, plan, tell); err != nil {
		return err
	}
	if err := a.checkGPU(ctx, master, plan, tell); err != nil {
		return err
	}
	return a.checkFarm(ctx, master, plan)
}

// plan reads the scene and works out what is to be sent; anyway goes on although it has faults.
func (a *app) plan(ctx context.Context, file string, spec farm.JobSpec, o *jobOptions, anyway bool) (*client.Plan, error) {
	_, zips, err := o.splitAddons()
	if err != nil {
		return nil, err
	}
	show := a.newShow()
	defer show.close()
	copied := o.unsaved
	size := int64(0)
	if st, err := os.Stat(o.bytes(file)); err == nil {
		size = st.Size()
	}
	if o.pack {
		show.say("Packing %s", filepath.Base(file))
		show.steps.bytes("packing", 0, size)
		var warnings []string
		if copied, warnings, err = a.packed(ctx, file, o, append(slices.Clone(spec.Needs.Addons), zips...)); err != nil {
			return nil, err
		}
		show.steps.bytes("packing", size, size)
		for _, w := range warnings {
			a.note(map[string]any{"warning": w}, "note: %s", plainText(w))
		}
	}
	hashes := blob.OpenHashCache(filepath.Join(a.settings.data, "hashes"), time.Now)
	home, _ := os.UserHomeDir()
	show.say("Reading %s", filepath.Base(file))
	show.steps.bytes("reading", 0, size)
	plan, err := client.NewPlan(ctx, client.PlanOptions{
		Blend: file, Copy: copied, Spec: spec, AllowMissing: o.allowMissing, Anyway: anyway, Hashes: hashes, Home: home,
		AddonFiles: zips, Shared: o.shared, Bake: o.bake, Views: o.views,
		Read: func(ctx context.Context, blend string) (scene client.Scene, err error) {
			if o.collected != "" && !o.views.ReadsAll() { // it may be of the one scene's frames
				scene, err = collectedScene(o.collected, blend, file, spec.Options.Engine)
			}
			if o.collected == "" || o.views.ReadsAll() || isStale(err) {
				scene, err = a.readScene(ctx, blend, file, &spec, o.blender, append(slices.Clone(spec.Needs.Addons), zips...), &o.views)
			}
			if err == nil {
				show.steps.bytes("reading", size, size)
			}
			return scene, err
		},
		Hashing: func(done, total int64) { show.bytes("checking files", done, total) },
	})
	show.close()
	if err != nil {
		return plan, err
	}
	if err := hashes.Save(); err != nil {
		a.note(map[string]any{"warning": err.Error()}, "note: what is known of the files could not be kept: %v", err)
	}
	if o.anyBlender {
		plan.Spec.Needs.Blender = farm.Version{}
	}
	return plan, nil
}

// checkBlend refuses what cannot be a scene before anything else is asked.
func checkBlend(file string) error {
	st, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return farm.Errorf(farm.NotFound, "there is no file %s", file).WithHint("check its name; names without a folder are looked for in %s", workingFolder())
	case err != nil:
		return farm.Errorf(farm.Invalid, "%s cannot be opened: %s", file, reasonOf(err)).WithHint("check the path and its permissions")
	case !st.Mode().IsRegular():
		what := "a folder"
		if !st.IsDir() {
			what = "a device"
		}
		return farm.Errorf(farm.Invalid, "%s is %s, not a .blend file", file, what).WithHint("name the .blend file itself")
	}
	return nil
}

// workingFolder is where names without a folder are looked for.
func workingFolder() string {
	if dir, err := os.Getwd(); err == nil {
		return dir
	}
	return "the folder you are in"
}

// checkFarm warns when no worker could render the job now; it waits for one then.
func (a *app) checkFarm(ctx context.Context, master *wire.Client, plan *client.Plan) error {
	fit, err := fitOf(ctx, master, plan)
	if err != nil {
		return err
	}
	text := noneFits(&fit)
	if text == "" {
		return nil
	}
	a.note(map[string]any{"warning": text, "why": fit.Lacks}, "note: %s", text)
	for _, line := range lacks(&fit) {
		a.note(nil, "      %s", line)
	}
	return nil
}

// note tells something on the side.
func (a *app) note(v any, format string, args ...any) {
	if a.json {
		if v != nil {
			_ = a.print(v)
		}
		return
	}
	fmt.Fprintf(a.err, format+"\n", args...)
}

// send announces the plan and uploads, with a bar.
func (a *app) send(ctx context.Context, master *wire.Client, plan *client.Plan) (farm.Job, error) {
	show := a.newShow()
	defer show.close()
	var id farm.JobID
	plan.Announced = func(j farm.Job) {
		id = j.ID
		if j.Dispatched > 0 {
			show.say("Job %d gets the files that it waits for", j.ID)
		}
	}
	info, err := master.Info(ctx)
	if err != nil {
		return farm.Job{}, err
	}
	plan.Sent = &client.Sent{Dir: filepath.Join(a.settings.data, "sent"), Farm: info.ID, Now: time.Now}
	full := false
	var began time.Time
	before := master.Sent()
	job, err := client.Submit(ctx, master, plan, func(s client.Sending) {
		if s.Full != nil && !full {
			full = true
			show.say("%v. Waiting until there is room; Ctrl-C leaves job %d waiting for its files.", s.Full, id)
			if a.json {
				_ = a.print(map[string]any{"waiting": s.Full.Error(), "job": id})
			}
		}
		if s.Bytes > 0 {
			show.bytes("sending", s.BytesSent, s.Bytes)
		}
		if began.IsZero() {
			began = time.Now()
		}
	})
	if err == nil && !began.IsZero() && !full {
		a.speeds().Note(info.ID, master.Sent()-before, time.Since(began))
	}
	if err != nil && id != 0 && farm.KindOf(err) != farm.Conflict {
		show.close()
		a.note(map[string]any{"job": id, "state": "collecting"}, "Job %d waits for its files. Run the same command again to send the rest.", id)
		a.note(nil, "netrender job %d names what is missing, netrender cancel %d drops it.", id, id)
	}
	return job, err
}

// speeds is what is known of how fast files went to farms.
func (a *app) speeds() client.Speeds {
	return client.Speeds{File: filepath.Join(a.settings.data, "speeds"), Now: time.Now}
}

// renderPlan submits, follows and fetches.
func (a *app) renderPlan(ctx context.Context, master *wire.Client, plan *client.Plan, f *fetching) error {
	job, err := a.send(ctx, master, plan)
	if err != nil {
		return interrupted(ctx, err)
	}
	frames := job.JobSpec.Pictures().Count()
	a.note(map[string]any{"job": job.ID, "name": job.Name, "frames": frames, "out": f.dir},
		"Job %d: %s of %s, results in %s", job.ID, count(frames, "frame"), plainText(job.Name), f.dir)
	return a.follow(ctx, master, job, f)
}

// reuse takes the plan's frames from a job of the same scene; there is false when the farm has none.
func (a *app) reuse(ctx context.Context, master *wire.Client, plan *client.Plan, f *fetching, o *jobOptions) (there bool, err error) {
	job, there, err := client.Reuse(ctx, master, plan)
	if err != nil || !there {
		return false, interrupted(ctx, err)
	}
	wished := f.kinds
	f.frames, f.kinds = plan.Spec.Frames, plan.Spec.Options.Kinds(f.kinds)
	a.note(map[string]any{"job": job.ID, "name": job.Name, "frames": f.frames.Count(), "out": f.dir, "reused": true},
		"Job %d of the same scene has or will have %s, results in %s", job.ID, count(f.frames.Count(), "frame"), f.dir)
	err = a.followOther(ctx, master, job, f)
	var over *heldUp
	if !errors.As(err, &over) || ctx.Err() != nil {
		return true, err
	}
	var rest []int
	for n := range f.frames.All() {
		if _, here := f.here[n]; !here {
			rest = append(rest, n)
		}
	}
	plan.Spec.Frames = farm.Frames(rest...)
	f.frames, f.kinds, f.here = farm.FrameSet{}, wished, nil
	if err := a.checkWorkers(ctx, master, plan); err != nil {
		return true, err
	}
	if err := a.split(ctx, master, plan, o); err != nil {
		return true, err
	}
	if job, err = a.send(ctx, master, plan); err != nil {
		return true, interrupted(ctx, err)
	}
	frames := job.JobSpec.Frames.Count()
	a.note(map[string]any{"job": job.ID, "name": job.Name, "frames": frames, "out": f.dir, "instead": over.job, "why": over.why},
		"Job %d %s: job %d renders %s", over.job, over.why, job.ID, count(frames, "frame"))
	return true, a.follow(ctx, master, job, f)
}

// heldUp says that frames which are awaited of another's job do not come, and nobody but its owner changes that.
type heldUp struct {
	job farm.JobID
	why string // was paused
}

func (h *heldUp) Error() string { return fmt.Sprintf("job %d %s", h.job, h.why) }

// followOther follows a job of another; the error is *heldUp when some frame does not come because of what became of it.
func (a *app) followOther(ctx context.Context, master *wire.Client, job farm.Job, f *fetching) error {
	following, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var watching sync.WaitGroup
	watching.Go(func() {
		for ev, err := range master.Patient(24*time.Hour).Events(following, wire.EventFilter{Job: job.ID}) {
			if err != nil {
				return
			}
			if ev.Kind != farm.EventJob && ev.Kind != farm.EventFrame && ev.Kind != farm.EventLost {
				continue
			}
			if why := heldUpBy(following, master, job.ID, f.frames); why != "" {
				stop(&heldUp{job.ID, why})
				return
			}
		}
	})
	err := a.follow(following, master, job, f)
	over, _ := context.Cause(following).(*heldUp)
	if over == nil && err != nil && ctx.Err() == nil { // it may have ended before its news came
		if why := heldUpBy(ctx, master, job.ID, f.frames); why != "" {
			over = &heldUp{job.ID, why}
		}
	}
	stop(nil)
	watching.Wait()
	if over != nil && err != nil {
		return over
	}
	return err
}

// heldUpBy tells why some of the frames do not come; "" when all may, or one has failed, which is told elsewhere.
func heldUpBy(ctx context.Context, master *wire.Client, id farm.JobID, wanted farm.FrameSet) string {
	job, err := master.Job(ctx, id)
	if farm.KindOf(err) == farm.NotFound {
		return "was deleted"
	}
	if err != nil || job.State != farm.Paused && job.State != farm.Canceled {
		return ""
	}
	states, err := master.Frames(ctx, id)
	if err != nil || covers(wanted, states.Done, states.Failed, states.Running) {
		return ""
	}
	return map[farm.JobState]string{farm.Paused: "was paused", farm.Canceled: "was canceled"}[job.State]
}

// covers tells whether each of the frames is in one of the sets.
func covers(wanted farm.FrameSet, sets ...farm.FrameSet) bool {
	for n := range wanted.All() {
		if !slices.ContainsFunc(sets, func(s farm.FrameSet) bool { return s.Contains(n) }) {
			return false
		}
	}
	return true
}

func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

func (a *app) submitVerb() *cobra.Command {
	var o jobOptions
	c := &cobra.Command{
		Use: "submit FILE.blend", Short: "Send a scene to the farm and print the job's number", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			master, plan, err := a.read(cmd, args[0], &o, os.TempDir())
			if err != nil {
				return err
			}
			if err := a.checkWorkers(cmd.Context(), master, plan); err != nil {
				return err
			}
			if err := a.split(cmd.Context(), master, plan, &o); err != nil {
				return err
			}
			job, err := a.send(cmd.Context(), master, plan)
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			if a.json {
				return a.print(job)
			}
			fmt.Fprintln(a.out, job.ID)
			return nil
		},
	}
	a.masterFlags(c)
	a.progressFlag(c)
	jobSettings(c, &o)
	return c
}
