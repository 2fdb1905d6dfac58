package farm

import (
	"strings"
	"testing"
)

func TestFits(t *testing.T) {
	if err := Fits(Speaker{"1.0", 3}, Speaker{"2.0", 3}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		worker, master Speaker
		text, hint     string
	}{
		{Speaker{"1.0", 3}, Speaker{"2.0", 4}, "the worker is netrender 1.0 (protocol 3) and the master is netrender 2.0 (protocol 4)", "install netrender 2.0 on the worker's machine"},
		{Speaker{"2.0", 4}, Speaker{"1.0", 3}, "the worker is netrender 2.0 (protocol 4)", "install netrender 2.0 on the master's machine"},
		{Speaker{}, Speaker{"2.0", 1}, "the worker is netrender of an unknown version (protocol 0)", "install netrender 2.0 on the worker's machine"},
		{Speaker{"", 2}, Speaker{"1.0", 1}, "of an unknown version (protocol 2)", "install the same version on both machines"},
	} {
		err := Fits(c.worker, c.master)
		if KindOf(err) != Outdated || !strings.Contains(err.Error(), c.text) || err.(*Error).Hint != c.hint {
			t.Errorf("%v and %v: %+v", c.worker, c.master, err)
		}
	}
}

func TestLacks(t *testing.T) {
	all := []Result{{Kind: KindNode}, {Kind: KindPreview}, {Kind: KindOutput}, {Kind: KindEXR}}
	for _, c := range []struct {
		o     Options
		has   []Result
		lacks string
	}{
		{Options{EXR: "none"}, nil, ""},
		{Options{EXR: "full"}, nil, "the multilayer EXR"},
		{Options{EXR: "half", Outputs: true, Preview: true}, all, ""},
		{Options{EXR: "half", Outputs: true, Preview: true}, all[:3], "the multilayer EXR"},
		{Options{EXR: "none", Outputs: true}, all[:2], "the file that the scene writes"},
		{Options{EXR: "none", Preview: true}, all[:1], "the preview"},
		{Options{EXR: "none", Outputs: true, Preview: true}, all[2:3], ""},
	} {
		if got := c.o.Lacks(c.has); got != c.lacks {
			t.Errorf("%+v with %v lacks %q", c.o, c.has, got)
		}
		if c.o.Asks() != (c.o != Options{EXR: "none"}) {
			t.Errorf("%+v asks: %v", c.o, c.o.Asks())
		}
	}
}
