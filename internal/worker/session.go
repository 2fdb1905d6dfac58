package worker

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// session is a running Blender of a slot. It stays between frames and leases.
type session struct {
	renderer Renderer
	setup    Setup // without Log
	scene    string
	variant  string             // see variantOf
	folder   *folder            // of the open scene; nil: none is open
	facts    blender.SceneFacts // of the open scene
	frames   int                // rendered since it started
}

// ready sees to it that a session with the scene of a task of the lease runs, and that the files of its frames are laid out. log
// takes Blender's output from here on.
func (s *slot) ready(ctx context.Context, k *work, no int, log io.Writer) error {
	g := k.grant
	if g.Options.Scripts && !s.w.opt.Scripts {
		return &fault{text: "this worker does not let scenes run their Python", own: true, rest: true}
	}
	in, err := s.install(&g.Needs)
	if err != nil {
		return err
	}
	s.version = in.Version
	addons, err := k.addons(in)
	if err != nil {
		return err
	}
	home := filepath.Join(s.w.opt.Dir, homeDir, "slot-"+strconv.Itoa(s.no))
	out := s.w.renderDir(s.no)
	made := filepath.Join(s.w.opt.Dir, partsDir, "slot-"+strconv.Itoa(s.no))
	for _, dir := range []string{made, out} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	want := Setup{Job: k.files.folder.dir, In: made, Out: out, Install: *in, Device: s.w.opt.device(s.no), Threads: s.w.opt.threads(g.Options.Threads, s.w.crew.now()), Scripts: g.Options.Scripts, Addons: addons, Colours: k.colours(), Home: home, Writes: k.files.folder.writes}
	if s.session != nil && (!same(&s.session.setup, &want) || (s.w.opt.Fenced || want.Scripts) && !s.mayOpen(k, no) || s.w.opt.Fenced && !sameWrites(&s.session.setup, &want)) {
		s.endSession()
	}
	if s.session == nil {
		s.phase(k, "starting Blender")
		setup := want
		setup.Log = log
		r, err := s.w.opt.NewRenderer(ctx, setup)
		if err != nil {
			return err
		}
		s.session = &session{renderer: r, setup: want}
		s.root.Store(int64(r.Root()))
	} else {
		s.session.renderer.SetLog(log)
	}
	if s.session.folder != nil && s.session.scene == g.Scene && s.session.variant == variantOf(g, no) {
		if s.session.folder == k.files.folder {
			return nil
		}
		// Another job opened it: files that only this lease's frames need must lie where that one's lie.
		return s.session.folder.lay(ctx, s.w.master, g)
	}
	return s.open(ctx, k, no)
}

// addons are those that the job needs: installed here, or laid out with its files.
func (k *work) addons(in *blender.Install) (list []blender.Addon, err error) {
	g := k.grant
	for _, name := range g.Needs.Addons {
		a, has := in.Addon(name)
		if !has {
			return nil, &fault{text: "this worker's Blender lacks the add-on " + name, own: true, rest: true}
		}
		list = append(list, a)
	}
	for _, path := range g.Needs.AddonFiles {
		if !g.Options.Scripts { // the master sees to that; here it is the worker's own law
			return nil, &fault{text: "an add-on came with a job that runs no Python", fatal: true, scene: true, rest: true}
		}
		zip := filepath.Join(k.files.folder.dir, sourceDir, filepath.FromSlash(path))
		list = append(list, blender.Addon{Name: filepath.Base(zip), Zip: zip})
	}
	return list, nil
}

// colours is the colour configuration that came with the job, "" for none. Blender reads it once, when it starts.
func (k *work) colours() string {
	if k.grant.Options.Colours == "" {
		return ""
	}
	return filepath.Join(k.files.folder.dir, sourceDir, filepath.FromSlash(k.grant.Options.Colours))
}

// mayOpen tells whether the session may go on with the lease's scene, where one that is confined reaches only the files
// it was started for, and one that ran a scene's Python keeps what that left behind: handlers, modules.
func (s *slot) mayOpen(k *work, no int) bool {
	x := s.session
	return x.setup.Job == k.files.folder.dir || x.folder != nil && x.scene == k.grant.Scene && x.variant == variantOf(k.grant, no)
}

// renderDir is where a slot's Blender writes. From there a finished frame's files go to the outbox: what waits there is
// out of every scene's reach.
func (w *Worker) renderDir(slot int) string {
	return filepath.Join(w.opt.Dir, renderDir, "slot-"+strconv.Itoa(slot))
}

// same tells whether one session can serve both.
func same(a, b *Setup) bool {
	return a.Install.Path == b.Install.Path && a.Device == b.Device && a.Threads == b.Threads && a.Scripts == b.Scripts && a.Colours == b.Colours && slices.Equal(a.Addons, b.Addons)
}

// open loads the lease's scene in place of the one that is open.
func (s *slot) open(ctx context.Context, k *work, no int) error {
	s.phase(k, "opening the scene")
	s.session.forget()
	folder := k.files.folder
	scene := folder.scene(k.grant.Blend)
	if g := k.grant; g.Stage != farm.StageBake {
		scene.Baked = simulations(g.Bakes...)
		if scene.InOrder = g.InOrder && !farm.IsFilm(g.Lease.Frames[0]); scene.InOrder {
			scene.Until = slices.Max(framesOf(g.Lease.Frames))
		}
	}
	if v := k.grant.View(no); v != nil {
		scene.Name, scene.Camera, scene.Layers = v.Scene, v.Camera, v.Layers
	}
	scene.Scripts, scene.Engine = k.grant.Options.Scripts, k.grant.Options.Engine
	facts, err := s.session.renderer.Open(ctx, scene)
	if err != nil {
		return err
	}
	if n := &k.grant.Needs; n.WrongEngine(facts.Engine) {
		return &fault{text: "the scene is rendered with " + n.Engine + ", which this Blender does not have; an add-on holds it", scene: true, rest: true, alive: true}
	}
	folder.pin()
	s.session.folder, s.session.scene, s.session.facts, s.session.variant = folder, k.grant.Scene, facts, variantOf(k.grant, no)
	return nil
}

// forget lets go of the open scene's folder.
func (x *session) forget() {
	if x.folder != nil {
		x.folder.unpin()
		x.folder, x.scene, x.variant, x.facts = nil, "", "", blender.SceneFacts{}
	}
}

// endSession stops the session, if there is one.
func (s *slot) endSession() {
	if s.session == nil {
		return
	}
	s.root.Store(0)
	s.session.renderer.Kill()
	if err := s.session.renderer.Close(); err != nil {
		s.w.log.Debug("a session ended", "slot", s.no, "err", err)
	}
	s.session.forget()
	s.session = nil
}

func (s *slot) phase(k *work, text string) {
	s.w.book.update(k.held, func(b *farm.Beat) { b.Phase = text })
}
