package main

import (
	"fmt"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// warned tells what may be wrong with a job's pictures while they come, each sentence once.
type warned struct {
	a    *app
	say  func(format string, args ...any)
	said map[string]bool
}

func (a *app) newWarned(say func(format string, args ...any)) *warned {
	return &warned{a, say, map[string]bool{}}
}

func (w *warned) tell(frame int, sentences ...string) {
	for _, s := range sentences {
		if w.said[s] {
			continue
		}
		w.said[s] = true
		if w.a.json {
			_ = w.a.print(map[string]any{"warning": s, "frame": frame})
			continue
		}
		w.say("warning: %s (%s)", plainText(s), farm.TaskName(frame))
	}
}

// showWarnings shows them with how many frames they are of.
func (a *app) showWarnings(list []farm.Warning, line func(name, format string, args ...any)) {
	for _, w := range list[:min(len(list), maxShown)] {
		where := farm.TaskName(w.Frame)
		if w.Frames > 1 {
			where = fmt.Sprintf("%s, the first is %s", count(w.Frames, "frame"), strings.TrimPrefix(where, "frame "))
		}
		line("warning", "%s (%s)", plainText(w.Text), where)
	}
	if more := len(list) - maxShown; more > 0 {
		line("", "... and %s more", count(more, "warning"))
	}
}
