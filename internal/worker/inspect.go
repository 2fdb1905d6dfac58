package worker

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/layout"
	"github.com/netrender/netrender/internal/farm"
)

// Inspector has a Blender look at a scene, whose files lie in s.Job, without rendering. Started is told of the process that
// its processes descend from. Errors are those of blender.Collect.
type Inspector func(ctx context.Context, s Setup, scene blender.Scene, started func(pid int)) (blender.Collection, error)

// inspect looks at the scene of a lease. What Blender cannot read is what was found: it is no failure.
func (s *slot) inspect(ctx context.Context, k *work, f *frame, p *pulse) error {
	if s.w.opt.Inspect == nil {
		return &fault{text: "this worker does not look at scenes", own: true, rest: true}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hang := time.AfterFunc(s.w.opt.HangTimeout, func() { stop(errHung) })
	defer hang.Stop()
	p.start(hang, s.w.opt.HangTimeout)
	defer p.stop()
	in := s.newest()
	if in == nil {
		return &fault{text: "the worker has no Blender", own: true, rest: true}
	}
	s.version = in.Version
	open := s.root.Load() // of the session that stays open meanwhile
	defer s.root.Store(open)
	s.root.Store(0)
	defer s.limitMemory(ctx, stop)()
	defer s.limitTime(k, stop)()
	s.phase(k, "looking at the scene")
	home := filepath.Join(s.w.opt.Dir, homeDir, "slot-"+strconv.Itoa(s.no))
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	began := s.w.opt.Now()
	folder := k.files.folder
	scene := folder.scene(k.grant.Blend)
	setup := Setup{Job: folder.dir, Install: *in, Home: home, Log: f.log}
	found, err := s.w.opt.Inspect(ctx, setup, scene, func(pid int) { s.root.Store(int64(pid)) })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	report, err := inspected(&found, err, filepath.Join(folder.dir, sourceDir), k.grant.Blend, folder.manifest)
	if err != nil {
		return err
	}
	f.result = &blender.Result{Seconds: s.w.opt.Now().Sub(began).Seconds()}
	text, err := json.Marshal(report)
	if err == nil {
		err = f.add(blender.Kind(farm.KindReport), farm.InspectionName, text)
	}
	if picture := blender.Thumbnail(scene.Blend); err == nil && picture != nil {
		err = f.add(blender.Kind(farm.KindThumbnail), farm.ThumbnailName, picture)
	}
	return err
}

// add writes a file of the worker's own into the parcel.
func (f *frame) add(kind blender.Kind, name string, text []byte) error {
	dir := filepath.Join(f.dir, filesDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	place := filepath.Join(dir, name)
	f.result.Files = append(f.result.Files, blender.File{Kind: kind, Path: place, Name: name, Size: int64(len(text))})
	return os.WriteFile(place, text, 0o600)
}

// newest is the install that reads the most scenes.
func (s *slot) newest() *blender.Install {
	best := -1
	for i := range s.w.machine.fixed.Blenders {
		if b := &s.w.machine.fixed.Blenders[i]; best < 0 || s.w.machine.fixed.Blenders[best].Version.Before(b.Version) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	return &s.w.opt.Installs[best]
}

// inspected makes the report of what Blender said. An error is this attempt's: another may fare better.
func inspected(c *blender.Collection, err error, src, blend string, manifest []farm.File) (*farm.Inspection, error) {
	var b *blender.Error
	switch {
	case err == nil:
		return inspectionOf(c, src, blend, manifest), nil
	case !errors.As(err, &b):
		return nil, err
	case b.Kind == blender.NotBlend || b.Kind == blender.Truncated || b.Kind == blender.NoScene:
		i := &farm.Inspection{Problem: b.Error(), Files: []farm.InspectedFile{}, Errors: []farm.Obstacle{}, Warnings: []string{}}
		switch b.Kind {
		case blender.NotBlend:
			i.Hint = "send the .blend that Blender saved"
		case blender.Truncated:
			i.Hint = "open it in Blender, save it once more and send that"
		}
		i.Bound()
		return i, nil
	case b.Kind == blender.Killed && errors.Is(err, context.DeadlineExceeded):
		return nil, &fault{text: b.Error()}
	}
	return nil, err
}

// inspectionOf is the report of a scene whose job's files lie in src. Paths of this machine are led back to the manifest's.
func inspectionOf(c *blender.Collection, src, blend string, manifest []farm.File) *farm.Inspection {
	t := newTranslator(src, blend, manifest)
	facts := farm.InspectedScene(c.Scene)
	for _, list := range [][]string{c.Warnings, facts.Clashes, facts.Unbaked, facts.Scripts} {
		for i := range list {
			list[i] = t.plain(list[i])
		}
	}
	facts.OutputPath = t.plain(facts.OutputPath)
	i := &farm.Inspection{Scene: &facts, Frames: facts.OwnFrames(), Needs: facts.OwnNeeds(&farm.Options{}), Files: []farm.InspectedFile{}, Errors: []farm.Obstacle{}}
	if i.Frames.Count() == 0 {
		i.Frames = farm.Frames(facts.FrameStart)
	}
	i.Simulations = unbaked(c.Simulations)
	check := facts.Preflight()
	i.Warnings = append(c.Warnings, facts.Remarks()...)
	twins := layout.Twins(c.Paths())
	for k := range c.Files {
		f := &c.Files[k]
		if f.Missing && twins[f.Path] {
			continue
		}
		found := t.file(f)
		switch {
		case found.Missing && f.Needed:
			check.Missing++
		case found.Missing:
			i.Warnings = append(i.Warnings, farm.NotUsed(t.plain(f.Path)))
		case f.Kind == blender.ColourConfiguration:
			i.Colours = found.Path
		}
		i.Files = append(i.Files, found)
	}
	t.settle(i.Files)
	asked := farm.Options{EXR: "full"}
	i.Errors = append(i.Errors, check.Obstacles(&asked, false)...)
	i.Warnings = append(i.Warnings, check.Warnings(&asked)...)
	i.Bound()
	return i
}

// unbaked are simulations as a report names them.
func unbaked(all []blender.Simulation) (list []farm.InspectedSimulation) {
	add := func(bake int, k *blender.Simulation) {
		list = append(list, farm.InspectedSimulation{
			Simulation: farm.Simulation{Kind: k.Kind, Owner: k.Owner, Name: k.Name, Start: k.Start, End: k.End}, Bake: bake, Text: k.String(), Refused: k.Refused,
		})
	}
	for n, group := range blender.Bakes(all) {
		for k := range group {
			add(n, &group[k])
		}
	}
	for k := range all {
		if all[k].Refused != "" {
			add(0, &all[k])
		}
	}
	return list
}

// translator leads paths of this machine back to a job's manifest.
type translator struct {
	src      string // where the manifest's files lie
	dir      string // the .blend's own folder there
	original string // the folder it came from, with slashes; "" when that is not known
	there    map[string]*farm.File
	named    map[string]*farm.File // by their originals
	came     map[string]string     // folders of places -> folders that their files came from
	taken    []string              // places in the manifest
}

func newTranslator(src, blend string, manifest []farm.File) *translator {
	t := &translator{
		src: src, dir: filepath.Dir(filepath.Join(src, filepath.FromSlash(blend))),
		there: make(map[string]*farm.File, len(manifest)), named: make(map[string]*farm.File, len(manifest)), came: make(map[string]string, len(manifest)),
	}
	for i := range manifest {
		m := &manifest[i]
		t.taken = append(t.taken, m.Path)
		t.there[blob.FoldPath(m.Path)] = m
		if m.Original != "" {
			t.named[layout.Slashes(m.Original)] = m
			t.came[path.Dir(m.Path)] = path.Dir(layout.Slashes(m.Original))
		}
		if m.Path == blend {
			t.original = m.Original[:max(strings.LastIndexAny(m.Original, `/\`), 0)]
			if t.original == "" && strings.HasPrefix(m.Original, "/") {
				t.original = "/"
			}
		}
	}
	return t
}

// plain is a sentence without this machine's own folder.
func (t *translator) plain(text string) string {
	return strings.ReplaceAll(text, t.src+string(filepath.Separator), "")
}

// file is a file as the report names it. One that is missing and lies elsewhere gets its place by settle.
func (t *translator) file(f *blender.CollectedFile) farm.InspectedFile {
	out := farm.InspectedFile{
		Stored: f.Original, Kind: f.Kind, Users: f.Users, Needed: f.Needed, First: f.First, Last: f.Last,
		Sequence: strings.Contains(f.Kind, "sequence") || strings.Contains(f.Kind, "tile") || strings.Contains(f.Kind, "cache"),
	}
	inside, err := filepath.Rel(t.src, f.Path)
	if err == nil && filepath.IsAbs(f.Path) && filepath.IsLocal(inside) {
		out.Path = filepath.ToSlash(inside)
		moved := strings.HasPrefix(filepath.ToSlash(f.Original), filepath.ToSlash(t.src)+"/") // the scene was opened with it there
		if m := t.there[blob.FoldPath(out.Path)]; m != nil {
			out.Path, out.Original = m.Path, m.Original
			if moved && m.Original != "" {
				out.Stored = m.Original
			}
			return out
		}
		if from, known := t.came[path.Dir(out.Path)]; moved && known {
			out.Original = path.Join(from, path.Base(out.Path))
			out.Stored = out.Original
		}
		out.Stored = t.plain(out.Stored)
		if out.Missing = f.Missing; !f.Missing {
			return out
		}
		if clean, err := blob.CleanPath(out.Path); err == nil && clean == out.Path {
			t.taken = append(t.taken, out.Path)
			t.folder(&out, f)
			return out
		}
	}
	// It lies elsewhere, or has a name that not every platform can have: the manifest's original leads to it.
	out.Path, out.Original, out.Missing = "", f.Path, true // what this machine has of it others need not have
	if strings.HasPrefix(f.Original, "//") && filepath.IsAbs(f.Path) {
		if up, err := filepath.Rel(t.dir, f.Path); err == nil {
			out.Original = path.Join(t.original, filepath.ToSlash(up))
			if layout.Windows(t.original) { // which path.Join does not know
				out.Original = layout.Slashes(t.original + "/" + filepath.ToSlash(up))
			}
		}
	}
	if m := t.named[layout.Slashes(out.Original)]; m != nil {
		out.Path, out.Original, out.Missing = m.Path, m.Original, false
		return out
	}
	t.folder(&out, f)
	return out
}

// folder marks a whole cache of which nothing but the folder's name is known.
func (t *translator) folder(out *farm.InspectedFile, f *blender.CollectedFile) {
	out.Folder = out.Sequence && filepath.Ext(f.Path) == ""
}

// settle gives missing files that lie elsewhere their places.
func (t *translator) settle(files []farm.InspectedFile) {
	var lost []string
	for i := range files {
		if files[i].Missing && files[i].Path == "" {
			lost = append(lost, files[i].Original)
		}
	}
	places := layout.Outside(t.taken, lost)
	for i := range files {
		if f := &files[i]; f.Missing && f.Path == "" {
			f.Path = places[f.Original]
		}
	}
}
