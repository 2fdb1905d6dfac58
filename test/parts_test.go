package test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// partsOf are jobs whose frames are rendered in parts.
var partsOf = map[string]func(*nr.JobSpec){
	"tiles":   func(s *nr.JobSpec) { s.Tiles, s.Options.Overscan = nr.Tiles{X: 3, Y: 2}, 2 },
	"samples": func(s *nr.JobSpec) { s.Samples = 5 },
}

// TestPartsSurviveKills kills workers with frames in parts, in each stage: nothing is lost, and what comes is what whole frames
// are. The fake renderers look at what was put together, pixel by pixel.
func TestPartsSurviveKills(t *testing.T) {
	f := startFarm(t)
	f.heartbeat(200)
	slow := []string{"--fake-renderer", "3s", "--fake-finish", "1s"}
	oak, elm := f.workerIn(t.TempDir(), "oak", slow...), f.workerIn(t.TempDir(), "elm", slow...)
	whole := f.submitFake("1-2", func(s *nr.JobSpec) { s.Priority = 1 })
	f.doneWithin(time.Minute, whole.ID)
	// kill kills one of the workers while it is at a task whose name has this in it, and starts another.
	kill := func(id nr.JobID, what string) {
		t.Helper()
		eventually(t, time.Minute, "a worker is at the "+what, func() bool {
			list, err := f.client().Running(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			for i := range list {
				if !list[i].Beat.Started || !strings.HasPrefix(list[i].Task, what) || list[i].Beat.Phase == "sending results" {
					continue
				}
				if list[i].WorkerName == "elm" || strings.HasPrefix(list[i].WorkerName, "elm-") {
					elm.kill()
					elm = f.worker("elm", slow...)
				} else {
					oak.kill()
					oak = f.worker("oak", slow...)
				}
				return true
			}
			return false
		})
	}
	for name, parts := range partsOf {
		t.Run(name, func(t *testing.T) {
			job := f.submitFake("1-2", parts, func(s *nr.JobSpec) { s.Key += name })
			kill(job.ID, "part")
			kill(job.ID, "finish")
			f.doneWithin(time.Minute, job.ID)
			lost, finished := 0, map[int]int{}
			for a, err := range f.client().FollowAttempts(context.Background(), nr.AttemptFilter{Job: job.ID}) {
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case a.Outcome != nr.Rendered:
					lost++
				case a.Stage == nr.StageFinish:
					finished[a.Frame]++
					for _, r := range a.Results {
						mine, err := os.ReadFile(filepath.Join(f.data, "master", "outputs", job.Folder, r.Name))
						if err != nil {
							t.Fatal(err)
						}
						theirs, err := os.ReadFile(filepath.Join(f.data, "master", "outputs", whole.Folder, r.Name))
						if err != nil || string(mine) != string(theirs) {
							t.Errorf("%s is not what a whole frame is: %v", r.Name, err)
						}
					}
				}
			}
			if lost < 2 || finished[1] != 1 || finished[2] != 1 {
				t.Errorf("%d attempts were lost with their workers; frames were finished %v times", lost, finished)
			}
			if left, _ := filepath.Glob(filepath.Join(f.data, "master", "outputs", job.Folder, ".netrender-parts")); len(left) > 0 {
				t.Error("the parts of finished frames are still there")
			}
		})
	}
}

// TestAutoParts: into how many parts frames are cut is found out by a probe, told, and stands in the job.
func TestAutoParts(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "12s", "--fake-size", "192", "--slots", "2")
	f.worker("elm", "--fake-renderer", "12s", "--fake-size", "192")
	f.worker("ash", "--fake-renderer", "50ms", "--slots", "3")
	eventually(t, 20*time.Second, "the workers are there", func() bool {
		return strings.Count(f.ok("workers", "--json"), `"online":true`) == 3
	})
	blend, collected := collectedScene(t, "CYCLES")
	for _, c := range []struct {
		args    []string
		tiles   any
		samples any
		why     string
	}{
		{[]string{"--tiles", "auto", "--allow", "oak,elm", "-f", "1"}, "2x3", 0.0, ""},
		{[]string{"--samples-split", "auto", "--allow", "oak,elm", "-f", "1"}, "", 6.0, ""},
		{[]string{"--tiles", "auto", "--allow", "oak,elm", "-f", "1-3"}, "2x2", 0.0, ""},
		{[]string{"--tiles", "auto", "--allow", "oak,elm", "-f", "1-6"}, "", 0.0, "6 of them for 3 slots"},
		{[]string{"--tiles", "auto", "--allow", "ash", "-f", "1"}, "", 0.0, "less than a second"},
		{[]string{"--samples-split", "auto", "--allow", "elm", "-f", "1"}, "", 0.0, "only one slot"},
		{[]string{"--tiles", "auto", "--allow", "nobody", "-f", "1"}, "", 0.0, "no worker"},
	} {
		said, errs, code := f.runBare(append([]string{"submit", blend, "--collected", collected, "--json"}, c.args...)...)
		if code != 0 {
			t.Fatalf("%v: exit %d\n%s%s", c.args, code, said, errs)
		}
		var choice, job map[string]any
		for _, o := range objects(t, "submit", said) {
			if s, ok := o["split"].(map[string]any); ok {
				choice = s
			} else if o["id"] != nil {
				job = o
			}
		}
		tiles, samples := job["tiles"], job["samples_split"]
		if choice == nil || choice["tiles"] != c.tiles || choice["samples_split"] != c.samples || !strings.Contains(choice["why"].(string), c.why) {
			t.Errorf("%v: said %v", c.args, choice)
		}
		if tiles == nil {
			tiles = ""
		}
		if samples == nil {
			samples = 0.0
		}
		if tiles != c.tiles || samples != c.samples {
			t.Errorf("%v: the job has tiles %v, samples %v", c.args, tiles, samples)
		}
		f.ok("cancel", nr.JobID(job["id"].(float64)).String())
	}
	if list := objects(t, "jobs", f.ok("jobs", "--inspections", "--json")); len(list) > 0 {
		t.Errorf("probes are still there: %v", list)
	}
	for _, args := range [][]string{{"--tiles", "auto", "--samples-split", "auto"}, {"--samples-split", "some"}, {"--samples-split", "1"}, {"--overscan", "3"}} {
		if _, errs, code := f.runBare(append([]string{"submit", blend, "--collected", collected}, args...)...); code != 2 {
			t.Errorf("%v: exit %d\n%s", args, code, errs)
		}
	}
	eevee, collected := collectedScene(t, "BLENDER_EEVEE")
	if _, errs, code := f.runBare("submit", eevee, "--collected", collected, "--samples-split", "4"); code == 0 || !strings.Contains(errs, "only Cycles") {
		t.Errorf("parts of the samples of EEVEE: exit %d\n%s", code, errs)
	}
}
