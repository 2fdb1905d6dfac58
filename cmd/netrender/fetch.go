package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("job", (*app).fetchVerb)

// artistsKinds are the results that an artist wants.
var artistsKinds = []farm.ResultKind{farm.KindEXR, farm.KindOutput, farm.KindNode, farm.KindFilm}

// filmKinds are the results of who wants the film alone.
var filmKinds = []farm.ResultKind{farm.KindFilm}

// fetching is what to bring home, and what has come.
type fetching struct {
	dir    string
	zip    string // written instead of files in dir; "": none
	kinds  []farm.ResultKind
	frames farm.FrameSet // empty: all
	here   map[int]struct{}
	film   string       // the file of the film that is here; "": none
	plan   *client.Plan // whose files are sent when the farm asks for them; nil: none are here
}

// filmAlone tells whether no frames are asked for.
func (f *fetching) filmAlone() bool { return slices.Equal(f.kinds, filmKinds) }

// wanted are the frames that are asked for.
func (f *fetching) wanted(job *farm.Job) farm.FrameSet {
	if f.filmAlone() {
		return farm.FrameSet{}
	}
	if f.frames.Count() > 0 {
		return f.frames
	}
	return job.Pictures()
}

// again is the command that goes on with it.
func (f *fetching) again(job *farm.Job) string {
	text := fmt.Sprintf("netrender fetch %d -o %s", job.ID, quoted(f.dir))
	if f.filmAlone() {
		text += " --film"
	}
	if f.frames.Count() > 0 {
		text += " -f " + f.frames.String()
	}
	return text
}

func (a *app) fetchVerb() *cobra.Command {
	var out, frames, zip, preview string
	var only []string
	var previews, follow, force, film, caches bool
	c := &cobra.Command{
		Use: "fetch ID", Short: "Bring a job's frames home; what is here already is not fetched again", Args: cobra.ExactArgs(1),
		Long: `Bring a job's frames home; what is here already is not fetched again. The exit code is 0 only if every frame that was
asked for is here.

With --zip the master puts them into one file, under the names that they have on its disk. It is there when it is whole or
not at all; one that broke off is begun anew.

With --preview-film FILE.avi the previews that are there now come as a film: Motion JPEG in AVI, without sound, which VLC, mpv,
ffplay and Blender play, and browsers do not. Frames that are missing are shown with their numbers, grey or, when they failed, red.

With --caches it is the caches of simulations that the farm baked for the job that come home, into the folder
netrender_cache: beside the .blend, where it is on this machine, or below -o.`,
		Example: "  netrender fetch 12 -o frames/\n  netrender fetch 12 --zip shot.zip -f 1-50\n  netrender fetch 12 -o frames/ --follow        wait for those that are not rendered yet",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := oneJob(args)
			if err != nil {
				return err
			}
			if zip != "" && (out != "" || follow) {
				return usagef("--zip takes what is there now into one file: leave out -o and --follow")
			}
			if zip == "-" && terminal(a.out) {
				return usagef("a zip is not shown on a terminal: --zip FILE")
			}
			if caches && (zip != "" || follow || previews || len(only) > 0 || frames != "") {
				return usagef("--caches brings the caches of simulations alone: it goes with -o")
			}
			if preview != "" && (out != "" || zip != "" || follow || film || caches || previews || len(only) > 0 || frames != "") {
				return usagef("--preview-film FILE makes a film of the previews that are there, and brings nothing else")
			}
			a.heedReader(cmd.Context())
			f := &fetching{dir: out, zip: zip, kinds: artistsKinds}
			if err := checkFrames(frames); err != nil {
				return err
			}
			if f.kinds, err = kindsOf(only, previews); err != nil {
				return err
			}
			if film && (frames != "" || len(only) > 0 || previews) {
				return usagef("--film brings the film and nothing else: leave out --frames, --only and --previews")
			}
			if film {
				f.kinds = filmKinds
			}
			master, err := a.connect(cmd)
			if err != nil {
				return err
			}
			job, err := master.Job(cmd.Context(), id)
			if err != nil {
				return err
			}
			if preview != "" {
				return a.fetchPreviewFilm(cmd.Context(), master, &job, preview, force)
			}
			if caches {
				return a.fetchCaches(cmd.Context(), master, &job, out)
			}
			if f.frames, err = picturesOf(&job, frames); err != nil {
				return err
			}
			if err := insideJob(&job, f.frames); err != nil {
				return err
			}
			if f.filmAlone() && job.Film == nil {
				return farm.Errorf(farm.NotFound, "job %d makes no film", id).WithHint("submit it with --film")
			}
			if job.Film == nil { // masters of before films know of none
				f.kinds = slices.DeleteFunc(slices.Clone(f.kinds), func(k farm.ResultKind) bool { return k == farm.KindFilm })
			}
			if zip != "" {
				return a.fetchZip(cmd.Context(), master, &job, f, force)
			}
			if f.dir == "" {
				f.dir = job.Folder
			}
			if follow {
				return a.follow(cmd.Context(), master, job, f)
			}
			return a.fetch(cmd.Context(), master, job, f)
		},
	}
	a.masterFlags(c)
	a.progressFlag(c)
	c.Flags().StringVarP(&out, "out", "o", "", "folder for the frames (default: one named like the job)")
	c.Flags().StringVar(&zip, "zip", "", "write the frames into this zip file instead, - for the standard output")
	c.Flags().BoolVar(&force, "force", false, "replace a zip file, or a film of previews, that is there")
	c.Flags().StringVar(&preview, "preview-film", "", "write a film of the previews that are there now into this .avi file, with missing frames marked")
	c.Flags().StringVarP(&frames, "frames", "f", "", "only these frames")
	onlyFlag(c, &only)
	c.Flags().BoolVar(&film, "film", false, "only the film that was made of the frames")
	c.Flags().BoolVar(&previews, "previews", false, "the preview pictures, too")
	c.Flags().BoolVar(&caches, "caches", false, "the caches of the simulations that were baked for the job, instead of frames")
	c.Flags().BoolVar(&follow, "follow", false, "wait for frames that are not there yet")
	return c
}

// onlyFlag lets a command bring home some kinds of files only.
func onlyFlag(c *cobra.Command, only *[]string) {
	c.Flags().StringSliceVar(only, "only", nil, "only these files of each frame: exr (the multilayer EXR), output (what the scene itself writes), node (File Output nodes), preview, film")
}

// kindsOf reads --only.
func kindsOf(only []string, previews bool) ([]farm.ResultKind, error) {
	if len(only) == 0 && previews {
		return append(slices.Clone(artistsKinds), farm.KindPreview), nil
	}
	if len(only) == 0 {
		return artistsKinds, nil
	}
	var kinds []farm.ResultKind
	for _, word := range only {
		kind := farm.ResultKind(word)
		if kind != farm.KindPreview && !slices.Contains(artistsKinds, kind) {
			return nil, usagef("--only takes exr, output, node, preview and film, not %q", word)
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

// checkFrames refuses what names no frames of any job.
func checkFrames(text string) error {
	if text == "" || strings.Contains(text, ":") { // after the name of a view, which only its job knows
		return nil
	}
	_, err := farm.ParseFrameSet(text)
	if err != nil {
		err = fmt.Errorf("%w%w", hidden{errUsage}, err)
	}
	return err
}

// picturesOf are those of the job that the text names; none: nothing is named.
func picturesOf(job *farm.Job, text string) (set farm.FrameSet, err error) {
	if text == "" {
		return set, nil
	}
	if set, err = job.Named(text); err != nil {
		err = fmt.Errorf("%w%w", hidden{errUsage}, err)
	}
	return set, err
}

// insideJob refuses frames that the job does not have.
func insideJob(job *farm.Job, frames farm.FrameSet) error {
	var outside []int
	all := job.Pictures()
	for f := range frames.All() {
		if !all.Contains(f) {
			outside = append(outside, f)
		}
	}
	if len(outside) == 0 {
		return nil
	}
	e := farm.Errorf(farm.Invalid, "job %d has no frame %s", job.ID, shorten(job.PictureNames(farm.Frames(outside...)), 80)).
		WithHint("its frames are %s", shorten(job.PictureNames(all), 80))
	return fmt.Errorf("%w%w", hidden{errUsage}, e)
}

// fetch brings home what is there now.
func (a *app) fetch(ctx context.Context, master *wire.Client, job farm.Job, f *fetching) error {
	show := a.newShow()
	defer show.close()
	err := client.Fetch(ctx, master, client.FetchOptions{
		Job: job.ID, Dir: f.dir, Kinds: f.kinds, Frames: f.frames,
		Frame: func(one client.FetchedFrame) { f.came(a, &one) },
		Film:  func(one client.FetchedFrame) { f.filmCame(a, &one) },
		Bytes: func(done, total int64) { show.bytes("fetching", done, total) },
	})
	show.close()
	if err != nil {
		return interrupted(ctx, err)
	}
	wanted := f.wanted(&job)
	if f.filmAlone() {
		return f.filmHere(a, &job)
	}
	a.note(nil, "%d of %s here, in %s", len(f.here), count(wanted.Count(), "frame"), f.dir)
	if len(f.here) >= wanted.Count() {
		return nil
	}
	states, err := master.Frames(ctx, job.ID)
	if err != nil {
		return interrupted(ctx, err)
	}
	return f.lacking(&job, &states)
}

// came counts a frame that is here.
func (f *fetching) came(a *app, one *client.FetchedFrame) {
	if f.here == nil {
		f.here = make(map[int]struct{})
	}
	f.here[one.Frame] = struct{}{}
	if a.json {
		_ = a.print(one)
	}
}

// filmCame notes the film that is here.
func (f *fetching) filmCame(a *app, one *client.FetchedFrame) {
	if len(one.Paths) == 0 {
		return
	}
	f.film = one.Paths[0]
	a.note(map[string]any{"film": f.film, "kept": one.Kept}, "The film is here: %s", f.film)
}

// filmHere is an error when the film that is asked for alone is not here.
func (f *fetching) filmHere(a *app, job *farm.Job) error {
	if f.film != "" {
		return nil
	}
	e := farm.Errorf(farm.Conflict, "the film of job %d is not made yet", job.ID)
	if job.State.Ended() {
		return e.WithHint("the job is %s; netrender job %d says why", job.State, job.ID)
	}
	return e.WithHint("%s --follow waits for it", f.again(job))
}

// lacking says which frames are not here, why, and how to go on.
func (f *fetching) lacking(job *farm.Job, states *farm.FrameStates) error {
	var failed, later []int
	for n := range f.wanted(job).All() {
		switch _, here := f.here[n]; {
		case here:
		case states.Failed.Contains(n):
			failed = append(failed, n)
		default:
			later = append(later, n)
		}
	}
	name := func(list []int) string { return shorten(job.PictureNames(farm.Frames(list...)), 80) }
	switch {
	case len(later) == 0 && len(failed) == 0:
		return nil
	case len(later) == 0:
		return farm.Errorf(farm.Conflict, "%s of job %d failed: %s", count(len(failed), "frame"), job.ID, name(failed)).
			WithHint("netrender logs %d shows why, netrender retry %d renders them again", job.ID, job.ID)
	}
	are := "are"
	if len(later) == 1 {
		are = "is"
	}
	text := fmt.Sprintf("%s of job %d %s not rendered yet: %s", count(len(later), "frame"), job.ID, are, name(later))
	if len(failed) > 0 {
		text += fmt.Sprintf("; %d failed: %s", len(failed), name(failed))
	}
	e := farm.Errorf(farm.Conflict, "%s", text)
	switch {
	case job.State == farm.Canceled:
		return e.WithHint("the job was canceled; netrender retry %d lets it go on", job.ID)
	case job.State == farm.Paused:
		return e.WithHint("the job is paused; netrender resume %d lets it go on", job.ID)
	}
	if f.zip != "" {
		return e.WithHint("netrender watch %d waits for them", job.ID)
	}
	return e.WithHint("%s --follow waits for them", f.again(job))
}

// follow shows a job's progress and fetches its frames until all that are asked for are here or the job ends.
func (a *app) follow(ctx context.Context, master *wire.Client, job farm.Job, f *fetching) error {
	show := a.newShow()
	if show.each, show.part = job.Parts(), "tile"; job.Samples > 0 {
		show.part = "part"
	}
	show.baked = len(job.Bakes) > 0
	defer show.close()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		a.watchProgress(watching, master, job.ID, f.plan, show)
	}()
	wanted := f.wanted(&job).Count()
	warned := a.newWarned(show.say)
	err := client.Fetch(ctx, master.Patient(24*time.Hour), client.FetchOptions{
		Job: job.ID, Dir: f.dir, Kinds: f.kinds, Frames: f.frames, Follow: true,
		Frame: func(one client.FetchedFrame) {
			warned.tell(one.Frame, one.Attempt.Warnings...)
			f.came(a, &one)
			show.frame(one, len(f.here), wanted)
		},
		Film:  func(one client.FetchedFrame) { f.filmCame(a, &one) },
		Bytes: func(done, total int64) { show.steps.bytes("fetching", done, total) },
		Again: func(frame int) {
			show.say("%s was damaged or lost on the master's disk; it is rendered again", farm.TaskName(frame))
		},
	})
	stop()
	<-watched
	show.close()
	if err != nil {
		if over, ok := context.Cause(ctx).(*heldUp); ok {
			return over
		}
		if ctx.Err() != nil {
			a.note(map[string]any{"job": job.ID, "interrupted": true},
				"\nJob %d goes on without you. %s brings its frames home, netrender cancel %d stops it.", job.ID, f.again(&job), job.ID)
		}
		return interrupted(ctx, err)
	}
	end, err := master.Job(ctx, job.ID)
	if err != nil {
		return interrupted(ctx, err)
	}
	if list, err := master.Warnings(ctx, job.ID); err == nil { // those of frames that failed, too
		for _, w := range list {
			warned.tell(w.Frame, w.Text)
		}
	}
	if a.json {
		if err := a.print(end); err != nil {
			return err
		}
	}
	if f.frames.Count() > 0 {
		if len(f.here) < wanted {
			states, err := master.Frames(ctx, job.ID)
			if err != nil {
				return interrupted(ctx, err)
			}
			return f.lacking(&end, &states)
		}
		a.note(nil, "Done: %s here, in %s", count(len(f.here), "frame"), f.dir)
		return nil
	}
	if err := a.ended(&end); err != nil {
		return err
	}
	if f.filmAlone() {
		return f.filmHere(a, &end)
	}
	if all := end.Pictures().Count(); len(f.here) < all {
		return farm.Errorf(farm.Internal, "only %d of %d frames came", len(f.here), all).WithHint("%s brings the rest", f.again(&job))
	}
	took := end.Ended.Sub(end.Started)
	a.note(nil, "Done: %s in %s (%s of rendering), in %s", count(len(f.here), "frame"), span(took), span(time.Duration(end.Seconds*float64(time.Second))), f.dir)
	return nil
}

// watchProgress keeps the bar right while frames are rendered, and tells of failures.
func (a *app) watchProgress(ctx context.Context, master *wire.Client, id farm.JobID, plan *client.Plan, show *show) {
	asked := make(chan struct{}, 1)
	if plan != nil {
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.serveFiles(ctx, master, plan, id, asked, show)
		}()
		defer func() { <-done }()
	}
	for ev, err := range master.Patient(24*time.Hour).Events(ctx, wire.EventFilter{Job: id}) {
		if err != nil {
			return
		}
		if ev.Kind == farm.EventFrame && ev.State == string(farm.Errored) && ev.Frame != nil {
			show.say("%s failed: %s", farm.TaskName(*ev.Frame), plainText(ev.Text))
		}
		if ev.Kind == farm.EventJob && strings.HasPrefix(ev.Text, "bake of ") {
			show.say("%s", plainText(ev.Text))
		}
		if ev.Kind == farm.EventJob && ev.State == string(farm.Collecting) {
			select {
			case asked <- struct{}{}:
			default:
			}
		}
		show.event(&ev)
	}
}
