package main

import (
	"fmt"
	"strings"

	"github.com/netrender/netrender/internal/wire"
)

// remarks tells what the table of workers has no room for.
func (a *app) remarks(list []wire.WorkerView) {
	var open []string // those online that do not confine Blender
	for i := range list {
		w := &list[i]
		name := plainText(w.Name)
		switch {
		case !w.Enabled && w.Reason != "":
			fmt.Fprintf(a.out, "%s is disabled: %s; netrender worker-set %s enabled=yes lets it work again\n", name, plainText(w.Reason), name)
		case w.Online && w.Load.Idle != "":
			fmt.Fprintf(a.out, "%s asks for no frames: %s\n", name, plainText(w.Load.Idle))
		}
		if w.Online && !w.Facts.Confined {
			open = append(open, name)
		}
	}
	if len(open) > 0 {
		fmt.Fprintf(a.out, "Blender is not confined on %s: a job there reads and writes what the worker's user may\n", strings.Join(open, ", "))
	}
}
