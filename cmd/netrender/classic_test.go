package main

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

// TestClassicFlag: the address may follow the flag in either way, or be left out.
func TestClassicFlag(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
		bad  bool
	}{
		{nil, "", false},
		{[]string{"--classic"}, ":8000", false},
		{[]string{"--classic=:8001"}, ":8001", false},
		{[]string{"--classic", ":8001"}, ":8001", false},
		{[]string{"--classic", "127.0.0.1:0", "--classic-announce=false"}, "127.0.0.1:0", false},
		{[]string{"--classic=true"}, ":8000", false},
		{[]string{"--classic=false"}, "", false},
		{[]string{":8001"}, "", true},
		{[]string{"--classic", ":8001", ":8002"}, "", true},
		{[]string{"--classic", "words"}, "", true},
		{[]string{"--classic=:8001", ":8002"}, "", true},
	} {
		var o classicOptions
		cmd := &cobra.Command{Use: "master", Args: classicArg(&o), SilenceUsage: true, SilenceErrors: true, RunE: func(*cobra.Command, []string) error { return nil }}
		classicSettings(cmd, &o)
		cmd.SetArgs(c.args)
		if err := cmd.Execute(); (err != nil) != c.bad {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		if on := o.on(); !c.bad && (on != (c.want != "") || on && o.listen != c.want) {
			t.Errorf("%q: %q", c.args, o.listen)
		}
	}
}

func TestClassicAllow(t *testing.T) {
	o := classicOptions{allow: []string{"203.0.113.7/24", "2001:db8::1"}}
	list, err := o.allowed()
	if err != nil || len(list) != 2 || !slices.Equal([]string{list[0].String(), list[1].String()}, []string{"203.0.113.0/24", "2001:db8::1/128"}) {
		t.Errorf("%v, %v", list, err)
	}
	for _, wrong := range []string{"", "farm.studio", "10.0.0.0/99"} {
		o := classicOptions{allow: []string{wrong}}
		if list, err := o.allowed(); err == nil {
			t.Errorf("%q: %v", wrong, list)
		}
	}
}
