package worker

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// Master is what a worker asks of its master; *wire.Client is one, and must not be a patient one: the worker waits
// by itself. An error that is no farm.Error means that the master was not reached.
type Master interface {
	Register(ctx context.Context, r farm.Registration) (farm.Registered, error)
	Heartbeat(ctx context.Context, id farm.WorkerID, h farm.Heartbeat) (farm.Orders, error)
	Claim(ctx context.Context, wish farm.Wish) (*farm.Grant, error)
	Report(ctx context.Context, r wire.ReportRequest) (wire.ReportReply, error)
	PutResult(ctx context.Context, lease farm.LeaseID, worker farm.WorkerID, result farm.Result, open func() (io.ReadSeekCloser, error)) error
	CachesReady(ctx context.Context, lease farm.LeaseID, in wire.CacheRequest) (wire.CacheReply, error)
	AppendLog(ctx context.Context, lease farm.LeaseID, worker farm.WorkerID, frame int, offset int64, text []byte) error
	Files(ctx context.Context, id farm.JobID) iter.Seq2[farm.File, error]
	Parts(ctx context.Context, lease farm.LeaseID) ([]farm.Result, error)
	FetchPart(ctx context.Context, lease farm.LeaseID, r farm.Result, path string, progress func(bytes, size int64)) error
	SuspectPart(ctx context.Context, lease farm.LeaseID, task int) (farm.Suspicion, error)
	Sources(ctx context.Context, ref string, q farm.SourceQuestion) (farm.Source, error)
	FetchBlobFrom(ctx context.Context, ref string, offset int64, w io.Writer) error
	OpenBlobRange(ctx context.Context, ref string, offset, n int64) (io.ReadCloser, error)
	FetchRecipe(ctx context.Context, ref string, size int64) (blob.Recipe, error)
	// Suspect is told when the master seems out of reach, Refresh when it answers again: what hangs on connections
	// that went dead meanwhile must fail then, so that it is tried again at once.
	Suspect()
	Refresh()
}

// Renderer is a running Blender that a slot drives; a blender.Session is one. Its methods are called by one goroutine,
// Kill by any.
type Renderer interface {
	// Open loads a scene in place of the one that is open.
	Open(ctx context.Context, scene blender.Scene) (blender.SceneFacts, error)
	// Render renders one frame of the open scene. progress is called from another goroutine.
	Render(ctx context.Context, task blender.Task, progress func(blender.Progress)) (blender.Result, error)
	// SetLog says where Blender's output goes from here on; nil drops it. What was said before has been written when it
	// returns, unless the writer takes its time.
	SetLog(w io.Writer)
	// Root is the process that all processes of it descend from; 0: there are none.
	Root() int
	// Kill stops the whole process tree at once.
	Kill()
	// Close ends the process in good order.
	Close() error
}

// Setup says how to start a Renderer.
type Setup struct {
	Install blender.Install
	Device  string // as Options.Devices has them; "" leaves the scene's setting
	Threads int    // 0: all cores
	Scripts bool   // the scene's Python may run
	Addons  []blender.Addon
	Colours string   // a colour configuration to take, "" for Blender's own
	Home    string   // a folder of its own
	Job     string   // the folder of the job's files; it need not be written
	In      string   // a folder that is read besides, and in which the worker alone writes
	Out     string   // the folder below which results are written
	Writes  []string // folders of the job's files that Blender opens for writing
	Log     io.Writer
}

// NewRenderer starts a Renderer.
type NewRenderer func(ctx context.Context, s Setup) (Renderer, error)

// rejected tells whether the master will not have this worker, whatever it does.
func rejected(err error) bool {
	kind := kindOf(err)
	return kind == farm.Denied || kind == farm.Outdated
}

// kindOf is the kind of an error that the master answered with, or "" when it was not reached or asked for patience.
func kindOf(err error) farm.Kind {
	var e *farm.Error
	if !errors.As(err, &e) || wire.Again(err) || e.Kind == farm.Internal {
		return ""
	}
	return e.Kind
}

// hintOf is the next step that an error names.
func hintOf(err error) string {
	var e *farm.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}
