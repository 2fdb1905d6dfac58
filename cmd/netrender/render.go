package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// jobOptions are the settings of a job.
type jobOptions struct {
	frames       string
	name         string
	priority     int
	chunk        int
	order        string
	attempts     int
	timeout      time.Duration
	allow, deny  []string
	tags         []string
	scripts      bool
	scriptsFail  bool
	exr          string
	noOutputs    bool
	noPreview    bool
	threads      int
	memory       string
	gpu          string
	anyBlender   bool
	allowMissing bool
	blender      []string
	addons       []string
	shared       []string
	copyTo       string
	pack         bool
	unsaved      string
	collected    string
	engine       string
}

// gpuKinds are the devices that Blender knows by these names.
var gpuKinds = []string{"cuda", "optix", "hip", "oneapi", "metal"}

func jobSettings(c *cobra.Command, o *jobOptions) {
	f := c.Flags()
	f.StringVarP(&o.frames, "frames", "f", "", "frames, as 1-250 or 1,5,9 or 1-100x5 or -10--5 (default: the scene's own range)")
	f.StringVar(&o.name, "name", "", "the job's name (default: the file's)")
	f.IntVarP(&o.priority, "priority", "p", 1, "1 to 100; a job of priority 2 counts as two jobs")
	f.IntVar(&o.chunk, "chunk", 1, "frames handed out together")
	f.StringVar(&o.order, "order", string(farm.Linear), "linear, reverse or outside-in")
	f.IntVar(&o.attempts, "attempts", 0, "failed attempts before a frame is failed (default: the farm's rule)")
	f.DurationVar(&o.timeout, "timeout", 0, "longest a frame may take, as 20m or 2h")
	f.StringSliceVar(&o.allow, "allow", nil, "only these workers")
	f.StringSliceVar(&o.deny, "deny", nil, "not these workers")
	f.StringSliceVar(&o.tags, "need-tags", nil, "only workers that have all of these tags")
	f.BoolVar(&o.scripts, "scripts", false, "let the scene's own Python run, on workers that allow it")
	f.BoolVar(&o.scriptsFail, "fail-on-script-error", false, "fail frames when the scene's own Python raises or a driver does not work (else: a warning)")
	f.StringVar(&o.exr, "exr", "full", "multilayer EXR of every frame: full, half or none")
	f.BoolVar(&o.noOutputs, "no-outputs", false, "leave out the files that the scene itself writes")
	f.BoolVar(&o.noPreview, "no-preview", false, "leave out the preview pictures")
	f.IntVar(&o.threads, "threads", 0, "render threads for each frame (default: all)")
	f.StringVar(&o.memory, "memory", "", "only workers with at least so much memory, as 16GB")
	f.StringVar(&o.gpu, "gpu", "", "only workers whose slots use such a device: cuda, optix, hip, oneapi or metal")
	f.BoolVar(&o.anyBlender, "any-blender", false, "let workers with an older Blender than the scene's try it")
	f.BoolVar(&o.allowMissing, "allow-missing", false, "go on although files of the scene are missing")
	f.StringArrayVar(&o.addons, "addon", nil, "an add-on that the scene needs: its name where workers have it, or a zip file to send along (needs --scripts)")
	f.StringArrayVar(&o.shared, "shared", nil, "a folder that the workers see as well: its files are not sent where all of them do (see netrender worker --shared)")
	f.StringVar(&o.copyTo, "copy-to", "", "have the workers copy results to this folder as well, which they must allow (netrender worker --copy-root)")
	f.BoolVar(&o.pack, "pack", false, "send pictures, sounds and fonts inside the .blend, not beside it; your file is not changed")
	f.StringVar(&o.unsaved, "unsaved", "", "send this copy of FILE.blend, which holds changes that were not saved to it")
	f.StringVar(&o.collected, "collected", "", "what the scene is and reads, as a Blender that has it open collected it (JSON): none is started to read it")
	f.StringVar(&o.engine, "engine", "", "render with this engine instead of the scene's own, as Blender names it: CYCLES, BLENDER_EEVEE, BLENDER_EEVEE_NEXT or BLENDER_WORKBENCH")
	f.StringSliceVar(&o.blender, "blender", nil, "Blender to read the scene with (default: the newest found)")
}

// spec makes what the artist asked for out of the flags.
func (o *jobOptions) spec() (farm.JobSpec, error) {
	s := farm.JobSpec{
		Name: o.name, Priority: o.priority, Chunk: o.chunk, Order: farm.Order(o.order), Attempts: o.attempts,
		Timeout: int(o.timeout.Round(time.Second).Seconds()),
		Needs:   farm.Needs{Allow: o.allow, Deny: o.deny, Tags: o.tags, GPU: o.gpu},
		Options: farm.Options{Scripts: o.scripts, EXR: o.exr, Outputs: !o.noOutputs, Preview: !o.noPreview, Threads: o.threads, FailOnScriptError: o.scriptsFail, Engine: o.engine, CopyTo: o.copyTo},
	}
	if o.frames != "" {
		set, err := farm.ParseFrameSet(o.frames)
		if err != nil {
			return s, fmt.Errorf("%w%w", hidden{errUsage}, err)
		}
		s.Frames = set
	}
	if o.collected != "" && o.pack {
		return s, usagef("--collected and --pack do not go together: the packed copy is another scene, which is read anew")
	}
	if o.memory != "" {
		n, err := parseSize(o.memory)
		if err != nil {
			return s, err
		}
		s.Needs.MemoryMB = int(n >> 20)
	}
	if s.Needs.GPU != "" && !slices.Contains(gpuKinds, s.Needs.GPU) {
		return s, usagef("a device is %s, not %q", strings.Join(gpuKinds, ", "), s.Needs.GPU)
	}
	names, zips, err := o.splitAddons()
	if err != nil {
		return s, err
	}
	s.Needs.Addons = names
	check := s
	check.Needs.AddonFiles = zips
	check.Blend, check.Frames = "x.blend", farm.Frames(1)
	check.Defaults()
	if err := check.Check(); err != nil {
		return s, fmt.Errorf("%w%w", hidden{errUsage}, err)
	}
	if !check.Options.Asks() {
		return s, usagef("with --exr none, --no-outputs and --no-preview nothing of the job would be kept")
	}
	return s, nil
}

func (a *app) renderVerb() *cobra.Command {
	var o jobOptions
	var out string
	var only []string
	c := &cobra.Command{
		Use: "render FILE.blend", Short: "Render a scene on the farm; frames come back as they finish", Args: cobra.ExactArgs(1),
		Long: `Render a scene on the farm. The scene and every file it needs are sent, once; frames come back as they finish, each
under its own name when it is whole. The exit code is 0 only if every frame is here.

Ctrl-C leaves the job running; netrender fetch brings the frames home later.`,
		Example: "  netrender render shot.blend -f 1-250 -o frames/\n  netrender render still.blend -f 1 --priority 5",
		RunE: func(cmd *cobra.Command, args []string) error {
			kinds, err := kindsOf(only, false)
			if err != nil {
				return err
			}
			master, plan, err := a.prepare(cmd, args[0], &o, out)
			if err != nil {
				return err
			}
			dir := out
			if dir == "" {
				dir = plan.OutDir
			}
			return a.renderPlan(cmd.Context(), master, plan, &fetching{dir: dir, kinds: kinds, plan: plan})
		},
	}
	a.masterFlags(c)
	a.progressFlag(c)
	jobSettings(c, &o)
	c.Flags().StringVarP(&out, "out", "o", "", "folder for the frames (default: where the scene's own output path points)")
	onlyFlag(c, &only)
	return c
}

// prepare finds the master, checks the folder, reads the scene and makes the plan, telling what it does.
func (a *app) prepare(cmd *cobra.Command, file string, o *jobOptions, out string) (*wire.Client, *client.Plan, error) {
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
	if out == "" {
		if err := client.CheckFolder(plan.OutDir); err != nil {
			return nil, nil, err
		}
	}
	tell := func(text string) { a.note(map[string]any{"warning": text}, "note: %s", plainText(text)) }
	if err := a.checkShared(cmd.Context(), master, plan, tell); err != nil {
		return nil, nil, err
	}
	if err := a.checkGPU(cmd.Context(), master, plan, tell); err != nil {
		return nil, nil, err
	}
	return master, plan, a.checkFarm(cmd.Context(), master, plan)
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
		AddonFiles: zips, Shared: o.shared,
		Read: func(ctx context.Context, blend string) (scene client.Scene, err error) {
			if o.collected != "" {
				scene, err = collectedScene(o.collected, blend, file, spec.Options.Engine)
			} else {
				scene, err = a.readScene(ctx, blend, file, spec.Options.Engine, o.blender, append(slices.Clone(spec.Needs.Addons), zips...))
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
	a.note(map[string]any{"job": job.ID, "name": job.Name, "frames": job.Total, "out": f.dir},
		"Job %d: %s of %s, results in %s", job.ID, count(job.Total, "frame"), plainText(job.Name), f.dir)
	return a.follow(ctx, master, job, f)
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
			master, plan, err := a.prepare(cmd, args[0], &o, os.TempDir())
			if err != nil {
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
