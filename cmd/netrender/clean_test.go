package main

import (
	"errors"
	"testing"

	"github.com/netrender/netrender/internal/farm"
)

func TestRulesOfCleaning(t *testing.T) {
	c := farm.Cleaning{Logs: farm.CleanRule{DoneDays: 30, MaxBytes: 7}}
	if err := changeCleaning(&c, []string{"outputs.done=60d", "outputs.max=1.5TB", "inputs.canceled=36h", "logs.max=none", "logs.failed=never"}); err != nil {
		t.Fatal(err)
	}
	want := farm.Cleaning{
		Outputs: farm.CleanRule{DoneDays: 60, MaxBytes: 1.5e12}, Inputs: farm.CleanRule{CanceledDays: 1.5}, Logs: farm.CleanRule{DoneDays: 30},
	}
	if c != want {
		t.Errorf("%+v", c)
	}
	for _, word := range []string{"outputs", "outputs=60", "frames.done=1d", "outputs.done=soon", "outputs.max=much", "outputs.paused=1d", "=", "."} {
		if err := changeCleaning(&c, []string{word}); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", word, err)
		}
	}
	if change, err := jobChange([]string{"keep=true"}); err != nil || change.Keep == nil || !*change.Keep {
		t.Error(change, err)
	}
	if _, err := jobChange([]string{"keep=perhaps"}); !errors.Is(err, errUsage) {
		t.Error(err)
	}
}
