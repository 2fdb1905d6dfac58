package worker

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// fault is why a frame has no result, as its report says it.
type fault struct {
	text  string
	fatal bool // trying elsewhere cannot help
	own   bool // this worker's fault, not the scene's
	scene bool // no other frame of the job would fare better: here, or, when fatal, anywhere
	rest  bool // the other frames of the lease cannot be rendered here either
	alive bool // the session can go on
	worn  bool // what the session held of other frames may be to blame
}

func (f *fault) Error() string { return f.text }

// tell writes the fault into a frame's report.
func (f *fault) tell(r *farm.Report) {
	r.Outcome, r.Error, r.Fatal, r.OwnFault, r.Scene = farm.Errored, f.text, f.fatal, f.own, f.scene
}

// errHung ends the context of a frame of which nothing is heard; a *fault ends it for other reasons.
var errHung = errors.New("no sign of life")

// faultOf sorts what went wrong with a frame. log is the end of Blender's output.
func faultOf(err error, hang time.Duration, log []byte) *fault {
	if errors.Is(err, errHung) {
		return &fault{text: fmt.Sprintf("Blender showed no sign of life for %s and was stopped%s", plainTime(hang), lastWords(log))}
	}
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	if isFull(err) {
		return &fault{text: "the worker's disk is full: " + err.Error(), own: true, rest: true}
	}
	var b *blender.Error
	if !errors.As(err, &b) {
		return &fault{text: "the worker could not render: " + err.Error(), own: true, rest: true}
	}
	f = &fault{text: b.Error()}
	switch b.Kind {
	case blender.NotBlend, blender.Truncated, blender.NoScene, blender.NoCamera, blender.NoParts:
		f.fatal, f.scene, f.rest = true, true, true
	case blender.TooNew, blender.NoEngine, blender.NoAddon, blender.NoDenoiser: // another worker may have the right Blender
		f.scene, f.rest = true, true
	case blender.NoStart, blender.NoFile, blender.NoDevice, blender.NoSpace, blender.NotOpened, blender.Killed:
		f.own, f.rest = true, true
	case blender.Crashed, blender.BadTalk, blender.NoFrame, blender.NoMemory, blender.Refused, blender.Agent:
	}
	if line := lineThatMatters(b.Log, log); line != "" && !strings.Contains(f.text, line) {
		f.text += "; Blender said: " + line
	}
	return f
}

// restError is why frames of a lease are handed back after one of them failed.
type restError struct{ text string }

func (e restError) Error() string {
	return "another frame of the lease failed, and this one would as well: " + e.text
}

func isRest(err error) bool {
	var rest restError
	return errors.As(err, &rest)
}

// isWorn tells whether the process ended by itself or lost its senses, or held too much, which may come of frames that
// it rendered before.
func isWorn(err error) bool {
	var f *fault
	return errors.As(err, &f) && f.worn || errors.Is(err, &blender.Error{Kind: blender.Crashed}) || errors.Is(err, &blender.Error{Kind: blender.BadTalk})
}

// alive tells whether the session can go on after the error.
func alive(err error) bool {
	var f *fault
	var b *blender.Error
	if errors.As(err, &f) || !errors.As(err, &b) {
		return f != nil && f.alive
	}
	switch b.Kind {
	case blender.NoStart, blender.NoDevice, blender.NoAddon, blender.Crashed, blender.Killed, blender.BadTalk, blender.NoMemory, blender.Agent:
		return false // after some of them it lives, but what it holds is in doubt
	}
	return true
}

// signs are what lines that name a cause look like, the most telling first.
var signs = []string{"Error: ", "Error:", "error: ", "ERROR", "Out of memory", "out of memory", "Exception", "Segmentation fault", "cannot", "failed", "No camera"}

// lineThatMatters finds the line of the log that says why. said are the last lines that Blender's session kept, more
// is the end of the whole log.
func lineThatMatters(said []string, more []byte) string {
	lines := said
	if len(lines) == 0 {
		lines = strings.Split(string(more), "\n")
	}
	lines = lines[max(0, len(lines)-200):]
	for _, sign := range signs {
		for i := len(lines) - 1; i >= 0; i-- {
			if strings.Contains(lines[i], sign) {
				return clip(strings.TrimSpace(lines[i]))
			}
		}
	}
	return ""
}

func lastWords(log []byte) string {
	log = bytes.TrimSpace(log)
	log = log[bytes.LastIndexByte(log, '\n')+1:]
	if len(log) == 0 {
		return ""
	}
	return "; its last words: " + clip(string(log))
}

const clipAt = 300

func clip(s string) string {
	if len(s) <= clipAt {
		return s
	}
	return strings.ToValidUTF8(s[:clipAt], "") + "..."
}

// isFull tells whether a disk of this machine is full.
func isFull(err error) bool {
	return blob.IsFull(err) || errors.Is(err, &blender.Error{Kind: blender.NoSpace}) || errors.Is(err, errLowDisk)
}

var errLowDisk = farm.Errorf(farm.NoRoom, "too little of it is free to begin a frame")

func plainTime(d time.Duration) string {
	switch {
	case d%time.Hour == 0 && d >= time.Hour:
		return count(int(d/time.Hour), "hour")
	case d%time.Minute == 0 && d >= time.Minute:
		return count(int(d/time.Minute), "minute")
	}
	return count(int(d.Seconds()), "second")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
