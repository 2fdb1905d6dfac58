package farm

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestJobStates is the table of what may follow what, written out: a row for each state, a mark for each that may
// follow it.
func TestJobStates(t *testing.T) {
	want := map[JobState]string{ // collecting queued active paused done failed canceled
		Collecting: ".xxxxxx",
		Queued:     "x.xx..x",
		Active:     "x..xxxx",
		Paused:     "xxx.xxx",
		Done:       "x.x....",
		Failed:     "x.x....",
		Canceled:   "xxx....",
	}
	if len(want) != len(JobStates()) {
		t.Errorf("there are %d states", len(JobStates()))
	}
	for _, from := range JobStates() {
		for i, to := range JobStates() {
			if got := from.May(to); got != (want[from][i] == 'x') {
				t.Errorf("%s may become %s: %v", from, to, got)
			}
		}
	}
	if JobState("lost").May(Queued) || Queued.May("lost") || JobState("").May("") {
		t.Error("a state that is none may change")
	}
}

func TestJobStatesAreReached(t *testing.T) {
	for _, start := range []JobState{Collecting, Queued} { // with files missing, and with all there
		reached := map[JobState]bool{start: true}
		for todo := []JobState{start}; len(todo) > 0; todo = todo[1:] {
			for _, to := range JobStates() {
				if todo[0].May(to) && !reached[to] {
					reached[to] = true
					todo = append(todo, to)
				}
			}
		}
		for _, s := range JobStates() {
			if !reached[s] {
				t.Errorf("%s is never reached from %s", s, start)
			}
		}
	}
	for _, s := range JobStates() {
		if s.Ended() && s.Dispatches() {
			t.Errorf("%s has ended and hands out frames", s)
		}
		for _, to := range JobStates() {
			if s.Ended() && s.May(to) && (to.Ended() || to == Paused) {
				t.Errorf("%s has ended and becomes %s, which is no retry", s, to)
			}
		}
	}
	for s, want := range map[JobState][2]bool{ // ended, dispatches
		Collecting: {false, false}, Queued: {false, true}, Active: {false, true}, Paused: {false, false},
		Done: {true, false}, Failed: {true, false}, Canceled: {true, false},
	} {
		if got := [2]bool{s.Ended(), s.Dispatches()}; got != want {
			t.Errorf("%s: ended, dispatches = %v, want %v", s, got, want)
		}
	}
}

func aSpec() JobSpec {
	return JobSpec{
		Name: "shot", Blend: "shot.blend", Frames: FrameRange(1, 250, 1), Chunk: 1, Priority: 1, Order: Linear,
		Options: Options{EXR: "full", Outputs: true},
	}
}

func TestJobSpecCheck(t *testing.T) {
	long, many := strings.Repeat("a", MaxName+1), make([]string, maxList+1)
	for _, c := range []struct {
		name   string
		change func(*JobSpec)
		want   string // part of the sentence; empty: it is fine
		kind   Kind
	}{
		{"as it is", func(*JobSpec) {}, "", ""},
		{"no frames", func(s *JobSpec) { s.Frames = FrameSet{} }, "no frames", Invalid},
		{"chunk 0", func(s *JobSpec) { s.Chunk = 0 }, "chunk", Invalid},
		{"chunk below", func(s *JobSpec) { s.Chunk = -1 }, "chunk", Invalid},
		{"largest chunk", func(s *JobSpec) { s.Chunk = MaxChunk }, "", ""},
		{"chunk above", func(s *JobSpec) { s.Chunk = MaxChunk + 1 }, "chunk", Invalid},
		{"priority 0", func(s *JobSpec) { s.Priority = 0 }, "priority", Invalid},
		{"largest priority", func(s *JobSpec) { s.Priority = MaxPriority }, "", ""},
		{"priority above", func(s *JobSpec) { s.Priority = MaxPriority + 1 }, "priority", Invalid},
		{"no order", func(s *JobSpec) { s.Order = "" }, "frame order", Invalid},
		{"bakes", func(s *JobSpec) {
			s.Bakes = []Bake{{{"cloth", "Shirt", "Cloth", 1, 250}, {"cloth", "Shirt", "Cloth.001", 1, 250}}}
		}, "", ""},
		{"no such simulation", func(s *JobSpec) { s.Bakes = []Bake{{{"weather", "Sky", "", 1, 250}}} }, "not a kind of simulation", Invalid},
		{"a simulation of nothing", func(s *JobSpec) { s.Bakes = []Bake{{{"cloth", "", "", 1, 250}}} }, "owner", Invalid},
		{"a simulation of no frames", func(s *JobSpec) { s.Bakes = []Bake{{{"cloth", "Shirt", "", 2, 1}}} }, "no frames", Invalid},
		{"a simulation twice", func(s *JobSpec) { s.Bakes = []Bake{{{"cloth", "Shirt", "", 1, 9}, {"cloth", "Shirt", "", 1, 8}}} }, "cloth on Shirt is to be baked twice", Invalid},
		{"a bake of nothing", func(s *JobSpec) { s.Bakes = []Bake{{}} }, "a bake has simulations", Invalid},
		{"a simulation in two bakes", func(s *JobSpec) { s.Bakes = []Bake{{{"cloth", "Shirt", "", 1, 9}}, {{"cloth", "Shirt", "", 1, 8}}} }, "cloth on Shirt is to be baked twice", Invalid},
		{"too many simulations", func(s *JobSpec) { s.Bakes = make([]Bake, MaxBakes+1) }, "at most", TooLarge},
		{"in order", func(s *JobSpec) { s.InOrder = true }, "", ""},
		{"in order and baked", func(s *JobSpec) { s.InOrder, s.Bakes = true, []Bake{{{"cloth", "Shirt", "", 1, 9}}} }, "in order", Invalid},
		{"in order and tiled", func(s *JobSpec) { s.InOrder, s.Tiles = true, Tiles{2, 2} }, "in order", Invalid},
		{"every order", func(s *JobSpec) { s.Order = OutsideIn }, "", ""},
		{"a wrong order", func(s *JobSpec) { s.Order = "random" }, "frame order", Invalid},
		{"the farm's attempts", func(s *JobSpec) { s.Attempts = 0 }, "", ""},
		{"most attempts", func(s *JobSpec) { s.Attempts = MaxAttempts }, "", ""},
		{"attempts below", func(s *JobSpec) { s.Attempts = -1 }, "attempts", Invalid},
		{"attempts above", func(s *JobSpec) { s.Attempts = MaxAttempts + 1 }, "attempts", Invalid},
		{"a time limit", func(s *JobSpec) { s.Timeout = 60 }, "", ""},
		{"a time limit below", func(s *JobSpec) { s.Timeout = -1 }, "time limit", Invalid},
		{"tiles", func(s *JobSpec) { s.Tiles = Tiles{256, 16} }, "", ""},
		{"tiles in one direction", func(s *JobSpec) { s.Tiles = Tiles{X: 4} }, "tiles", Invalid},
		{"too many tiles of too many frames", func(s *JobSpec) { s.Tiles, s.Frames = Tiles{64, 64}, FrameRange(1, 300, 1) }, "over 1048576 tasks", TooLarge},
		{"too many tiles", func(s *JobSpec) { s.Tiles = Tiles{65, 64} }, "at most 4096", Invalid},
		{"a probe that is no inspection", func(s *JobSpec) { s.Probe = true }, "kind of inspection", Invalid},
		{"a probe", func(s *JobSpec) { s.Probe, s.Inspect = true, true }, "", ""},
		{"parts of the samples", func(s *JobSpec) { s.Samples = 64 }, "", ""},
		{"one part of the samples", func(s *JobSpec) { s.Samples = 1 }, "in 2 to 64 parts", Invalid},
		{"a negative part of the samples", func(s *JobSpec) { s.Samples = -2 }, "in 2 to 64 parts", Invalid},
		{"too many parts of the samples", func(s *JobSpec) { s.Samples = 65 }, "in 2 to 64 parts", Invalid},
		{"too many parts of too many frames", func(s *JobSpec) { s.Samples, s.Frames = 64, FrameRange(1, 20_000, 1) }, "over 1048576 tasks", TooLarge},
		{"tiles and parts of the samples", func(s *JobSpec) { s.Samples, s.Tiles = 2, Tiles{2, 2} }, "not both", Invalid},
		{"parts of the samples of nothing", func(s *JobSpec) { s.Samples, s.Options = 2, Options{EXR: "none"} }, "put together", Invalid},
		{"parts of the samples by Cycles", func(s *JobSpec) { s.Samples, s.Needs.Engine = 2, "CYCLES" }, "", ""},
		{"parts of the samples by another", func(s *JobSpec) { s.Samples, s.Needs.Engine = 2, "BLENDER_EEVEE" }, "with BLENDER_EEVEE", Invalid},
		{"parts of the samples by another that was asked for", func(s *JobSpec) { s.Samples, s.Needs.Engine, s.Options.Engine = 2, "CYCLES", "BLENDER_WORKBENCH" }, "only Cycles", Invalid},
		{"overscan of tiles", func(s *JobSpec) { s.Tiles, s.Options.Overscan, s.Options.KeepAdaptive = Tiles{2, 2}, MaxOverscan, true }, "", ""},
		{"too much overscan", func(s *JobSpec) { s.Tiles, s.Options.Overscan = Tiles{2, 2}, MaxOverscan+1 }, "overscan", Invalid},
		{"negative overscan", func(s *JobSpec) { s.Tiles, s.Options.Overscan = Tiles{2, 2}, -1 }, "overscan", Invalid},
		{"overscan of whole frames", func(s *JobSpec) { s.Options.Overscan = 8 }, "for frames in tiles", Invalid},
		{"adaptive sampling of parts of the samples", func(s *JobSpec) { s.Samples, s.Options.KeepAdaptive = 2, true }, "for frames in tiles", Invalid},
		{"a film", func(s *JobSpec) { s.Film = &Film{Format: FilmLossless} }, "", ""},
		{"a film of no kind", func(s *JobSpec) { s.Film = &Film{Format: "avi"} }, "kind of film", Invalid},
		{"a film of nothing", func(s *JobSpec) { s.Film, s.Options = &Film{}, Options{EXR: "none", Preview: true} }, "no picture", Invalid},
		{"a film of two far frames", func(s *JobSpec) { s.Film, s.Frames = &Film{}, Frames(1, 2, MaxFilmFrames+1) }, "at most 100000", TooLarge},
		{"tiles of nothing", func(s *JobSpec) { s.Tiles, s.Options = Tiles{2, 2}, Options{EXR: "none"} }, "put together", Invalid},
		{"a rate", func(s *JobSpec) { s.FPS = 24000.0 / 1001 }, "", ""},
		{"highest rate", func(s *JobSpec) { s.FPS = MaxFPS }, "", ""},
		{"rate above", func(s *JobSpec) { s.FPS = MaxFPS + 0.1 }, "frames a second", Invalid},
		{"rate below", func(s *JobSpec) { s.FPS = -1 }, "frames a second", Invalid},
		{"no number as rate", func(s *JobSpec) { s.FPS = math.NaN() }, "frames a second", Invalid},
		{"threads", func(s *JobSpec) { s.Options.Threads = 1024 }, "", ""},
		{"threads below", func(s *JobSpec) { s.Options.Threads = -1 }, "threads", Invalid},
		{"threads above", func(s *JobSpec) { s.Options.Threads = 1025 }, "threads", Invalid},
		{"half", func(s *JobSpec) { s.Options.EXR = "half" }, "", ""},
		{"no EXR", func(s *JobSpec) { s.Options.EXR = "none" }, "", ""},
		{"another EXR", func(s *JobSpec) { s.Options.EXR = "double" }, "EXR", Invalid},
		{"another engine", func(s *JobSpec) { s.Options.Engine = "BLENDER_EEVEE_NEXT" }, "", ""},
		{"our own engine", func(s *JobSpec) { s.Options.Engine = "NETRENDER" }, "sends to the farm", Invalid},
		{"engine of two words", func(s *JobSpec) { s.Options.Engine = "CYCLES X" }, "not an engine's name", Invalid},
		{"long engine", func(s *JobSpec) { s.Options.Engine = strings.Repeat("X", 64) }, "not an engine's name", Invalid},
		{"preview only", func(s *JobSpec) { s.Options = Options{EXR: "none", Preview: true} }, "", ""},
		{"longest name", func(s *JobSpec) { s.Name = long[1:] }, "", ""},
		{"name too long", func(s *JobSpec) { s.Name = long }, "name", Invalid},
		{"no scene", func(s *JobSpec) { s.Blend = "" }, ".blend", Invalid},
		{"key too long", func(s *JobSpec) { s.Key = long }, "key", Invalid},
		{"lists", func(s *JobSpec) { s.Needs.Allow, s.Needs.Deny, s.Needs.Tags = many[1:], many[1:], many[1:] }, "", ""},
		{"long allow list", func(s *JobSpec) { s.Needs.Allow = many }, "list", TooLarge},
		{"long deny list", func(s *JobSpec) { s.Needs.Deny = many }, "list", TooLarge},
		{"long tag list", func(s *JobSpec) { s.Needs.Tags = many }, "list", TooLarge},
		{"a huge order", func(s *JobSpec) { s.Order = Order(strings.Repeat("z", 1<<20)) }, "frame order", Invalid},
	} {
		s := aSpec()
		c.change(&s)
		err := s.Check()
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || KindOf(err) != c.kind || len(err.Error()) > 200) {
			t.Errorf("%s: %v (%s), want %q (%s)", c.name, err, KindOf(err), c.want, c.kind)
		}
	}
}

func TestJobSpecDefaults(t *testing.T) {
	s := JobSpec{Blend: "scenes/a b/shot.010.blend", Frames: FrameRange(1, 9, 1), Name: "  "}
	s.Defaults()
	want := s
	want.Name, want.Chunk, want.Priority, want.Order, want.Options.EXR = "shot.010", 1, 1, Linear, "full"
	if !reflect.DeepEqual(s, want) {
		t.Errorf("the defaults are %+v", s)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	full := aSpec()
	full.Chunk, full.Priority, full.Order, full.Options.EXR = 20, 7, Reverse, "half"
	again := full
	again.Defaults()
	if !reflect.DeepEqual(full, again) {
		t.Errorf("what was said was changed: %+v", again)
	}
	for _, c := range []struct{ chunk, frames, want int }{{50, 9, 9}, {9, 9, 9}, {4, 9, 4}, {3, 0, 1}, {-3, 9, -3}} {
		s := JobSpec{Chunk: c.chunk, Frames: FrameRange(1, c.frames, 1)}
		if s.Defaults(); s.Chunk != c.want {
			t.Errorf("a chunk of %d for %d frames became %d, want %d", c.chunk, c.frames, s.Chunk, c.want)
		}
	}
}

func TestProgressQueued(t *testing.T) {
	if n := (Progress{Total: 100, Done: 50, Failed: 20, Running: 7}).Queued(); n != 23 {
		t.Errorf("%d frames wait, want 23", n)
	}
}

func TestParseJobID(t *testing.T) {
	for text, want := range map[string]JobID{"1": 1, "42": 42, "9223372036854775807": math.MaxInt64} {
		if got, err := ParseJobID(text); got != want || err != nil || got.String() != text {
			t.Errorf("%q is read as %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "x", "1.5", "9223372036854775808", "1 ", strings.Repeat("9", 1<<16)} {
		if got, err := ParseJobID(text); KindOf(err) != Invalid || got != 0 || len(err.Error()) > 100 {
			t.Errorf("%.40q is read as %d, %.200v", text, got, err)
		}
	}
}

func TestVersion(t *testing.T) {
	for text, want := range map[string]Version{
		"4": {4, 0, 0}, "4.5": {4, 5, 0}, "4.5.3": {4, 5, 3}, " 4.5.3 ": {4, 5, 3}, "4.5.3 LTS": {4, 5, 3}, "5.1.0-alpha": {5, 1, 0},
		"2.93.18": {2, 93, 18}, "4.5.3.1": {4, 5, 3}, "0.0.1": {0, 0, 1},
	} {
		if got, err := ParseVersion(text); got != want || err != nil {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", " ", "x", "v4.5", "4.", ".5", "4..5", "4.x", "-4", "4.5.100000", "99999999999999999999", strings.Repeat("4", 1<<16)} {
		if got, err := ParseVersion(text); KindOf(err) != Invalid || !got.IsZero() || len(err.Error()) > 100 {
			t.Errorf("%.40q is read as %v, %.200v", text, got, err)
		}
	}
	sorted := []Version{{}, {0, 0, 1}, {2, 79, 0}, {2, 93, 18}, {3, 0, 0}, {3, 6, 0}, {4, 0, 9}, {4, 5, 3}, {4, 5, 10}, {4, 10, 0}, {5, 0, 0}}
	for i, v := range sorted {
		for k, w := range sorted {
			if v.Before(w) != (i < k) {
				t.Errorf("%v before %v: %v", v, w, v.Before(w))
			}
		}
		if v.IsZero() != (i == 0) {
			t.Errorf("%v is zero: %v", v, v.IsZero())
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.IntRange(0, 99999)
		v := Version{part.Draw(t, "major"), part.Draw(t, "minor"), part.Draw(t, "patch")}
		var back Version
		text, err := v.MarshalText()
		if err == nil {
			err = back.UnmarshalText(text)
		}
		if back != v || err != nil {
			t.Fatalf("%v is written %q, read %v, %v", v, text, back, err)
		}
	})
	v := Version{4, 5, 0}
	if err := v.UnmarshalText([]byte("nonsense")); err == nil || v != (Version{4, 5, 0}) {
		t.Errorf("a wrong text was read as %v, %v", v, err)
	}
	if err := v.UnmarshalText(nil); err != nil || !v.IsZero() {
		t.Errorf("empty text was read as %v, %v", v, err)
	}
}

// TestJSONLosesNothing: every noun that travels or is kept as JSON comes back as it was. Names that collide in
// embedded structs would be dropped in silence.
func TestJSONLosesNothing(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	one := 1
	spec := aSpec()
	spec.Attempts, spec.Timeout, spec.FPS, spec.Key, spec.Keep, spec.Inspect, spec.Tiles, spec.Samples, spec.Film = 5, 60, 23.976, "key", true, true, Tiles{4, 3}, 8, &Film{Format: FilmMP4}
	spec.Needs = Needs{Allow: []string{"a"}, Deny: []string{"b"}, Tags: []string{"c"}, Blender: Version{4, 5, 1}, Engine: "CYCLES", Denoiser: true, MemoryMB: 1, GPU: "cuda", Addons: []string{"d"}, AddonFiles: []string{"e.zip"}, Shared: []string{"/f"}, Exact: Version{4, 5, 2}, Bakes: []string{"cloth"}, Cores: 4, OS: []string{"linux"}, Arch: []string{"arm64"}}
	spec.Process = &Process{[]ProcessValue{{"n", "v"}}, []ProcessStep{{"s", 1, 2}}, []ProcessPath{{"/a", "b", true}}}
	spec.Probe = true
	spec.Bakes, spec.InOrder = []Bake{{{Kind: "cloth", Owner: "Shirt", Name: "Cloth", Start: 1, End: 250}}}, true
	spec.Views = []View{{Name: "Left", Scene: "S", Camera: "C", Layers: []string{"L"}, Frames: Frames(1, 2)}}
	spec.Options = Options{Scripts: true, EXR: "half", Outputs: true, Preview: true, Threads: 4, Engine: "CYCLES", Colours: "c/config.ocio", CopyTo: "/g", Overscan: 8, KeepAdaptive: true}
	job := Job{
		ID: 7, Owner: "ada", OwnerID: "tok", State: Active, Reason: "why", Created: now, Started: now, Ended: now, Scene: "scene", Folder: "shot-7", JobSpec: spec,
		Progress: Progress{Total: 1, Done: 2, Failed: 3, Running: 4, Dispatched: 5, Seconds: 6.5, Missing: 7, Stages: []StageProgress{{StageFinish, 1, 2, 3, 4, 5}}},
		Removed:  []Removal{{Logs, now, "logs.done=1d"}},
	}
	lease := Lease{ID: 1 << 40, Job: 7, Worker: "worker-1", Slot: 2, Frames: []int{1, -2}, Attempt: 3, Issued: now}
	result := Result{Kind: KindEXR, Name: "a/b.exr", Size: 9, Ref: "ref", Frame: -2, First: &one, Last: &one}
	beat := Beat{Lease: 1, Frame: 2, Started: true, Fraction: 0.5, Phase: "x", LeftS: 1.5, MemoryMB: 3}
	facts := Facts{
		Host: "h", OS: "linux", Arch: "amd64", CPU: "c", Cores: 8, MemoryMB: 1, DiskMB: 2, GPUs: []GPU{{"g", "cuda"}},
		Blenders: []Blender{{Version{4, 5, 1}, true, []string{"CYCLES"}, true, []string{"node_wrangler"}, []string{"cloth"}}}, Program: "1", Slots: 1, Devices: []string{"cpu"}, Scripts: true, Shared: []string{"/f"}, Stages: []Stage{StageInspect},
	}
	worker := Worker{
		ID: "worker-1", Name: "one", Wished: "uno", Slots: 2, SetSlots: 2, Tags: []string{"big"}, Facts: facts, Enabled: true, Reason: "r", Draining: true,
		Registered: now, Seen: now, Address: "10.0.0.1", Token: "tok", Hours: "sat", WhenIdle: 60,
	}
	progress := job.Progress
	half := 0.5
	for _, v := range []any{
		job, spec, lease, result, beat, worker,
		Rules{0.75, 1, 10, 3, 3, 5000, true},
		File{Path: "a", Original: "//a", Size: 1, Ref: "r", First: &one, Last: &one, Bake: 3},
		Attempt{
			Seq: 1, Job: 7, Frame: -2, Number: 3, Lease: 4, Worker: "w", Outcome: Rendered, Error: "e", Started: now, Ended: now, Seconds: 1.5,
			MemoryMB: 5, Install: "4.5", Results: []Result{result}, Final: true, Stage: StageRender, Part: 3, No: 4, Warnings: []string{"x"},
		},
		Report{
			Lease: 1, Worker: "w", Job: 7, Frame: -2, Attempt: 3, Outcome: Errored, Error: "e", Results: []Result{result}, Seconds: 1.5, MemoryMB: 4,
			Fatal: true, OwnFault: true, Scene: true, Install: "4.5", LogBytes: 5, Dropped: 6, Warnings: []string{"x"},
		},
		Registration{
			ID: "w", Name: "n", Slots: 2, Tags: []string{"t"}, Facts: facts, Fresh: true, Protocol: 1,
			Peer: &PeerDoor{Port: 1, Addresses: []string{"a"}, Pin: "p"},
		},
		Registered{Worker: worker, HeartbeatMS: 1, Program: "p", Protocol: 1, Peer: &PeerKey{Key: "k", TimeMS: 1, Least: 2}},
		SourceQuestion{Worker: "w", Size: 1, Have: 2, From: "f", Slow: true, Failed: []SourceFault{{"p", FaultLied}}, Gone: true},
		Source{
			Peer: &PeerSource{Worker: "w", Name: "n", Addresses: []string{"a"}, Pin: "p", Ticket: "t", SilentMS: 1},
			Keep: true, AgainMS: 2,
		},
		Wish{Worker: "w", Slot: 1, Scene: "s", Ahead: true, WaitMS: 5},
		Grant{Lease: lease, Name: "n", Blend: "b", Scene: "s", Needs: spec.Needs, Options: spec.Options, Timeout: 9, Folder: "f-7", Tiles: Tiles{4, 3}, Samples: 8, Probe: true, Stage: StageInspect, Film: &Film{Format: FilmWebM}, Shot: &Shot{First: 1, Last: 9, Step: 2, Name: "n"}, Bakes: spec.Bakes, Until: 12, Baked: 3, Ready: &one, InOrder: true, Views: spec.Views, Process: spec.Process},
		Load{CPU: 0.5, MemoryMB: 1, DiskMB: 2, Idle: "x", GPU: &half, UserIdle: &half, UTCOffset: &one, Peer: &PeerLoad{Given: 1, FromPeers: 2, FromMaster: 3, Unreachable: []string{"n"}}},
		Heartbeat{Beats: []Beat{beat}, Load: Load{CPU: 0.5}, Slots: 2, PaceMS: 1, WaitMS: 2, Leaves: true},
		Orders{Cancel: []LeaseID{1}, Drain: true, Unknown: true, Disabled: "why", HeartbeatMS: 5, Slots: 2},
		Verdict{Lease: 1, Frame: 2, Accepted: true, Reason: "r", Missing: []string{"m"}},
		Running{Lease: lease, WorkerName: "n", Beat: beat, Seen: now, Task: "part 1 of frame 2", No: 3, Ahead: true},
		FrameStates{Done: Frames(1, 2), Failed: Frames(4), Running: Frames(7, 9), Queued: FrameRange(10, 20, 2)},
		Grid{
			Job: 7, State: Active, Total: 9, Frames: Frames(1, 2), Count: 1, Next: &one, Base: 1, Seq: 2, States: []FrameState{GridDone}, Seconds: []float64{1.5},
			Started: []int64{1}, Workers: []int{0}, Attempts: []int{1}, Failed: []int{1}, MemoryMB: []int{1}, Parts: []int{1}, WorkerList: []GridWorker{{"w", "n"}},
		},
		Reason{Worker: "w", Job: 7, Chosen: true, Class: 1, Rating: 0.5, Text: "t"},
		Event{Seq: 1, Time: now, Kind: EventFrame, Job: 7, Worker: "w", Frame: &one, State: "s", Text: "t", Cursor: 2, Progress: &progress, Beat: &beat},
		Pairing{Code: "ABC-DEF", Letters: true, Name: "n", Role: RoleWorker, Kind: "k", Address: "a", Worker: "w", Again: "o", Asked: now, Expires: now, State: PairWaiting},
		CleanRule{1, 2, 3.5, 4},
		Cleaned{7, "n", Inputs, "r", 9},
		Disk{DiskLow, 1, 2, 3, 4},
		Sharing{10_000, now, []int{9}, []JobShare{{7, "n", 2, []int{6}}}},
		AttentionList{[]Attention{{"disk", NeedsDisk, "t", "h", 7, "w", "n", "c", now}}, 2},
		Balance{9, 8, 7, []JobBalance{{7, "n", "o", "i", 2, 0.5, 0.25, 2, "rest", 6, 9, 6, 0.5, 7, true}}, []Pool{{2, 1, 0.5, 6}}},
		Schedule{true, "t", now, true},
		RulesPreview{9, []JobPreview{{7, "n", 2, 6, 6, 5}}, []string{"s"}, true},
		WorkerAttempt{Attempt{Seq: 1}, "n"},
		WorkerHistory{60_000, now, []*int{nil, &one}, []*int{&one}, []*int{&one}, []Running{{Lease: lease}}, []WorkerAttempt{{Attempt{Seq: 1}, "n"}}, "1"},
		Statistics{[]StatKey{PerDay}, "a", "b", []StatRow{{Day: "a", Job: 7, JobName: "n", Owner: "o", Worker: "w", WorkerName: "n", StatSum: StatSum{1.5, 2, 3, 4}}}, StatSum{Done: 1}, true},
		About{
			"p", "go", "linux", "amd64", 2,
			StoreAbout{"SQLite", "3", 9, 1, "/d", now, "torn"},
			now, now, 1.5, &Disk{Free: 1},
			AboutCounts{1, 2, 3, 4, 5, 6, 7, 8},
			&BackupAge{now, 2}, "/data",
		},
		Audit{Seq: 1, Time: now, Who: "w", Token: "t", Role: RoleAdmin, Address: "a", Action: DidCancel, Subject: "s", Text: "x"},
		Target{ID: "i", Name: "n", Where: "w", Kinds: []MessageKind{TellDone}, Owner: "o", Enabled: true, Created: now, Failing: now, Error: "e"},
		Message{"i", TellDone, now, "t", "h", "/jobs/7", &MessageJob{7, "n", "o", Done, 3, 2, 1, 1.5, 2.5}},
		Delivery{"i", []string{"m"}, TellDone, "t", now, Waits, 2, now, Answer{true, 200, "a", 0.5, true}},
		Token{ID: "i", Name: "n", Role: RoleView, Created: now, Used: now},
	} {
		noted := reflect.ValueOf(v)
		for i := range noted.NumField() {
			tag := noted.Type().Field(i).Tag.Get("json")
			if noted.Field(i).IsZero() && tag != "-" {
				t.Errorf("%T.%s is not set here, so that nothing is known of it", v, noted.Type().Field(i).Name)
			}
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%T: %v", v, err)
			continue
		}
		back := reflect.New(reflect.TypeOf(v))
		if err := json.Unmarshal(text, back.Interface()); err != nil {
			t.Errorf("%T: %v in %s", v, err, text)
			continue
		}
		sets := cmp.Comparer(func(a, b FrameSet) bool { return a.String() == b.String() })
		if diff := cmp.Diff(v, back.Elem().Interface(), sets); diff != "" {
			t.Errorf("%T: %s", v, diff)
		}
	}
	if text, _ := json.Marshal(Token{Hash: "secret"}); strings.Contains(string(text), "secret") {
		t.Errorf("a token's hash travels: %s", text)
	}
	if text, _ := json.Marshal(Target{URL: "secret", Secret: "secret"}); strings.Contains(string(text), "secret") {
		t.Errorf("a target's secrets travel: %s", text)
	}
}

func TestRulesCheck(t *testing.T) {
	if err := DefaultRules().Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name string
		f    func(*Rules)
		ok   bool
	}{
		{"cap 0", func(r *Rules) { r.Cap = 0 }, false},
		{"cap 1", func(r *Rules) { r.Cap = 1 }, true},
		{"cap above", func(r *Rules) { r.Cap = 1.01 }, false},
		{"cap is no number", func(r *Rules) { r.Cap = math.NaN() }, false},
		{"no first frames", func(r *Rules) { r.NewFrames = 0 }, true},
		{"first frames below", func(r *Rules) { r.NewFrames = -1 }, false},
		{"minutes", func(r *Rules) { r.StaleMins = 0.1 }, true},
		{"no minutes", func(r *Rules) { r.StaleMins = 0 }, false},
		{"minutes are no number", func(r *Rules) { r.StaleMins = math.NaN() }, false},
		{"endless minutes", func(r *Rules) { r.StaleMins = math.Inf(1) }, false},
		{"attempts 0", func(r *Rules) { r.Attempts = 0 }, false},
		{"attempts 1", func(r *Rules) { r.Attempts = 1 }, true},
		{"attempts above", func(r *Rules) { r.Attempts = MaxAttempts + 1 }, false},
		{"never out", func(r *Rules) { r.OutAfter = 0 }, true},
		{"out below", func(r *Rules) { r.OutAfter = -1 }, false},
		{"fast heart", func(r *Rules) { r.HeartbeatMS = 50 }, true},
		{"too fast", func(r *Rules) { r.HeartbeatMS = 49 }, false},
		{"slow heart", func(r *Rules) { r.HeartbeatMS = 600_000 }, true},
		{"too slow", func(r *Rules) { r.HeartbeatMS = 600_001 }, false},
	} {
		r := DefaultRules()
		c.f(&r)
		if err := r.Check(); (err == nil) != c.ok || err != nil && KindOf(err) != Invalid {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	r := Rules{HeartbeatMS: 1500}
	if r.Heartbeat() != 1500*time.Millisecond || r.LeaseTime() != 4500*time.Millisecond {
		t.Errorf("a heart of 1500 ms beats every %v, a lease lives %v", r.Heartbeat(), r.LeaseTime())
	}
}
