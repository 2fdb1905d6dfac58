package test

import (
	"slices"
	"testing"
)

// TestProgress: with --progress those who read JSON are told how far things are, also when it is over in a moment;
// without it they are told what they always were.
func TestProgress(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	blend, collected := collectedScene(t, "CYCLES")
	ends := func(words ...string) (what []string) {
		t.Helper()
		out, errs, code := f.runBare(append(words, "--json")...)
		if code != 0 {
			t.Fatalf("%v: exit %d\n%s%s", words, code, out, errs)
		}
		last := map[string]any{}
		for _, line := range objects(t, words[0], out) {
			p, _ := line["progress"].(map[string]any)
			if p == nil {
				continue
			}
			name := p["what"].(string)
			if !slices.Contains(what, name) {
				what = append(what, name)
			}
			last[name] = p
			if p["done"].(float64) > p["total"].(float64) {
				t.Errorf("%v says %v", words, p)
			}
		}
		for name, p := range last {
			if p := p.(map[string]any); p["done"] != p["total"] || p["total"] == 0.0 {
				t.Errorf("%v: the last of %s is %v", words, name, p)
			}
		}
		return what
	}
	job := []string{blend, "--collected", collected}
	for _, c := range []struct{ words, want []string }{
		{append([]string{"check", "--progress"}, job...), []string{"reading", "checking files"}},
		{append([]string{"render", "--progress", "-o", t.TempDir()}, job...), []string{"reading", "checking files", "sending", "fetching"}},
		{append([]string{"submit", "--progress"}, job...), []string{"reading", "checking files"}}, // everything is there
		{[]string{"fetch", "1", "--progress", "-o", t.TempDir()}, []string{"fetching"}},
		{append([]string{"render", "-o", t.TempDir()}, job...), nil},
		{[]string{"fetch", "1", "-o", t.TempDir()}, nil},
	} {
		if got := ends(c.words...); !slices.Equal(got, c.want) {
			t.Errorf("%v tells of %q", c.words, got)
		}
	}
}
