package worker

import (
	"cmp"
	"slices"

	"github.com/netrender/netrender/internal/farm"
)

// Doing is what a worker does, for the person in front of it.
type Doing struct {
	Master string        `json:"master,omitempty"` // where it is
	Met    bool          `json:"met"`              // the master has answered since the start
	Away   bool          `json:"away,omitempty"`   // it does not answer just now
	Barred string        `json:"barred,omitempty"` // why the master gives it nothing
	Leaves bool          `json:"leaves,omitempty"` // it finishes what it has in hand and ends
	Frames []FrameInHand `json:"frames"`           // being rendered, by slots
	Done   int64         `json:"done"`             // frames that the master has taken, since the start
	Failed int64         `json:"failed,omitempty"` // frames that could not be rendered, since the start
}

// FrameInHand is a frame that is being rendered.
type FrameInHand struct {
	Job      farm.JobID `json:"job"`
	Name     string     `json:"name"` // of the job
	Frame    int        `json:"frame"`
	Fraction float64    `json:"fraction"` // 0..1
	Phase    string     `json:"phase,omitempty"`
}

// Doing is safe to call at any time, by anybody.
func (w *Worker) Doing() Doing {
	d := Doing{Met: w.met.Load(), Away: !w.link.isOpen(), Done: w.done.Load(), Failed: w.failed.Load(), Frames: w.book.inHand()}
	if why := w.barredNow.Load(); why != nil {
		d.Barred = *why
	}
	select {
	case <-w.leaving:
		d.Leaves = true
	default:
	}
	return d
}

// inHand are the frames that are being rendered, the oldest first.
func (b *book) inHand() []FrameInHand {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []*held{}
	for _, h := range b.leases {
		if !h.canceled && h.beat.Started && h.beat.Phase != phaseSending {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(x, y *held) int { return cmp.Compare(x.id, y.id) })
	frames := make([]FrameInHand, len(list))
	for i, h := range list {
		frames[i] = FrameInHand{Job: h.job, Name: h.name, Frame: h.beat.Frame, Fraction: h.beat.Fraction, Phase: h.beat.Phase}
	}
	return frames
}
