package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

func installWith(devices ...string) blender.Install {
	in := blender.Install{}
	for _, d := range devices {
		id, name, _ := strings.Cut(d, " ")
		in.Devices = append(in.Devices, blender.Device{ID: id, Name: name})
	}
	return in
}

func TestDevices(t *testing.T) {
	two := installWith("cpu Xeon", "cuda:0 RTX", "cuda:1 RTX", "optix:0 RTX", "optix:1 RTX", "cuda:2 GTX")
	none := installWith("cpu Xeon")
	if got := fmt.Sprint(cardsOf([]blender.Install{none, two, two})); got != "[{RTX optix:0} {RTX optix:1} {GTX cuda:2}]" {
		t.Errorf("the cards are %s", got)
	}
	for _, c := range []struct {
		in      blender.Install
		devices []string
		err     string
		hint    string
		logs    []string
	}{
		{in: none},
		{in: none, devices: []string{"cpu"}},
		{in: none, devices: []string{"cuda:0"}, err: "no Blender on this machine finds the device cuda:0", hint: "no graphics card at all"},
		{in: two, devices: []string{"cpu", "optix", "cuda:2"}},
		{in: two, devices: []string{"hip:0"}, err: "finds the device hip:0", hint: "it finds optix:0, optix:1, cuda:2, and cpu"},
		{in: two, logs: []string{"card=RTX", `"--devices optix:1"`, "card=GTX", `"--devices cuda:2"`}},
	} {
		var log bytes.Buffer
		o := workerOptions{devices: c.devices}
		err := o.checkDevices([]blender.Install{c.in}, slog.New(slog.NewTextHandler(&log, nil)))
		var fe *farm.Error
		if asError(err, &fe); (fe != nil) != (c.err != "") || fe != nil && (!strings.Contains(fe.Text, c.err) || !strings.Contains(fe.Hint, c.hint)) {
			t.Errorf("%v: %v", c.devices, err)
		}
		if len(c.logs) == 0 && log.Len() > 0 {
			t.Errorf("%v: logged %s", c.devices, log.String())
		}
		for _, want := range c.logs {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%v: %q is not in %s", c.devices, want, log.String())
			}
		}
	}
}
