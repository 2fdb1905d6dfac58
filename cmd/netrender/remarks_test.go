package main

import (
	"bytes"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func TestRemarks(t *testing.T) {
	view := func(name string, online, confined bool, idle, disabled string) wire.WorkerView {
		return wire.WorkerView{
			Worker: farm.Worker{Name: name, Enabled: disabled == "", Reason: disabled, Facts: farm.Facts{Confined: confined}},
			Online: online, Load: farm.Load{Idle: idle},
		}
	}
	var out bytes.Buffer
	a := &app{streams: streams{out: &out}}
	a.remarks([]wire.WorkerView{
		view("oak", true, true, "its disk is nearly full", ""), view("elm", true, false, "", ""), view("ash", true, false, "", ""),
		view("fir", false, false, "its disk is nearly full", ""), view("yew", true, true, "", "it failed"),
	})
	want := "oak asks for no frames: its disk is nearly full\n" +
		"yew is disabled: it failed; netrender worker-set yew enabled=yes lets it work again\n" +
		"Blender is not confined on elm, ash: a job there reads and writes what the worker's user may\n"
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
	out.Reset()
	if a.remarks([]wire.WorkerView{view("oak", true, true, "", "")}); out.Len() > 0 {
		t.Errorf("%s", out.String())
	}
}
