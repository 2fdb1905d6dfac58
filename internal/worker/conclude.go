package worker

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
)

// conclude makes a parcel of what became of a frame, beside the rendering of the next one: the results are verified
// and hashed, everything is made durable, and then it may be spoken of.
func (w *Worker) conclude(f *frame) {
	p := &parcel{record: record{Slot: f.slot, Reports: f.reports}, dir: f.dir}
	r := &p.Reports[0]
	if f.log != nil {
		var err error
		p.logSent, r.LogBytes, r.Dropped, err = f.log.seal()
		if p.Log = err == nil; err != nil {
			w.log.Warn("the log of a frame could not be kept", "job", r.Job, named(r.Frame), "err", err)
		}
	}
	var err error
	if f.result != nil {
		if err = w.collect(p, f); err != nil {
			fault := faultOf(err, 0, nil)
			p.spoil(&spoiltError{text: fault.text, own: fault.own})
		} else {
			w.copier.stage(p, f)
		}
	}
	err = w.store(p)
	if err != nil && r.Outcome == farm.Rendered {
		text := "the finished frame could not be kept on the worker's disk: " + err.Error()
		if isFull(err) {
			text = "the worker's disk is full, the finished frame could not be kept"
		}
		p.spoil(&spoiltError{text: text, own: true})
		w.copier.drop(p.Copies)
		p.Copies = nil
		err = w.store(p)
	}
	if err != nil {
		// Not even a report can be kept. It is said all the same: nothing was promised, and nothing is lost but a
		// word on what went wrong if the process ends before the master hears it.
		w.log.Error("the outbox cannot be written", "err", err)
		_ = os.RemoveAll(p.dir)
		p.dir, p.Log = "", false
	}
	if r.Outcome == farm.Errored && f.result != nil {
		w.log.Warn("a frame failed", "job", r.Job, named(r.Frame), "why", r.Error)
	}
	w.out.push(p)
}

// store makes the parcel durable, without the files of a frame that failed.
func (w *Worker) store(p *parcel) error {
	if p.dir != "" && p.Reports[0].Outcome != farm.Rendered {
		if err := os.RemoveAll(filepath.Join(p.dir, filesDir)); err != nil {
			return err
		}
	}
	return w.out.keep(p)
}

// collect verifies and names the files that Blender wrote. What the job asks for must be among them.
func (w *Worker) collect(p *parcel, f *frame) error {
	r := &p.Reports[0]
	if f.caches != nil {
		return w.collectCaches(p, f)
	}
	for _, file := range f.result.Files {
		rel, err := filepath.Rel(p.dir, file.Path)
		if err != nil || !filepath.IsLocal(rel) {
			return &fault{text: "Blender wrote " + file.Path + ", which is outside the frame's folder", own: true}
		}
		found, err := w.examine(file)
		if err != nil {
			return err
		}
		found.Frame = r.Frame
		if f.view != "" {
			found.Name = f.view + "/" + found.Name
		}
		if farm.IsPart(r.Frame) {
			found.Kind, found.Name = farm.KindPart, farm.PartName(r.Frame)
		}
		r.Results = append(r.Results, found)
		p.Paths = append(p.Paths, filepath.ToSlash(rel))
	}
	if farm.IsFilm(r.Frame) {
		if len(r.Results) != 1 {
			return &fault{text: fmt.Sprintf("Blender wrote %d files for a film, not one", len(r.Results))}
		}
		return nil
	}
	if farm.IsPart(r.Frame) {
		if len(r.Results) != 1 {
			return &fault{text: fmt.Sprintf("Blender wrote %d files for a part of a frame, not one", len(r.Results))}
		}
		return nil
	}
	if lack := f.options.Lacks(r.Results); lack != "" && len(r.Results) == 0 {
		return &fault{text: "Blender said that the frame is done and wrote no file"}
	} else if lack != "" {
		return &fault{text: "Blender said that the frame is done, but " + lack + " is not among its files"}
	}
	return nil
}

// examine reads one file whole: every pixel of an EXR must decode.
func (w *Worker) examine(file blender.File) (farm.Result, error) {
	f, err := os.Open(file.Path)
	if err != nil {
		return farm.Result{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return farm.Result{}, err
	}
	if file.Kind == blender.KindEXR {
		if err := exr.Verify(f, st.Size()); err != nil {
			return farm.Result{}, &fault{text: "the EXR that Blender wrote is not whole: " + err.Error()}
		}
		if _, err := f.Seek(0, 0); err != nil {
			return farm.Result{}, err
		}
	}
	ref, err := hashOf(f)
	if err != nil {
		return farm.Result{}, err
	}
	return farm.Result{Kind: farm.ResultKind(file.Kind), Name: file.Name, Size: st.Size(), Ref: ref}, nil
}
