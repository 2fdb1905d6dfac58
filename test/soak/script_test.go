//go:build linux

package soak

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// action is one line of the script.
type action struct {
	At  int64    `json:"at_ms"` // since the round's start
	Do  string   `json:"do"`
	Who string   `json:"who,omitempty"` // an actor, a user, a disk
	Job int      `json:"job,omitempty"` // counted in the order of the script, from 1
	For int64    `json:"for_ms,omitempty"`
	N   int64    `json:"n,omitempty"`
	CLI bool     `json:"cli,omitempty"` // by a command; else by calls of the test
	New *jobPlan `json:"new,omitempty"`
	Set string   `json:"set,omitempty"` // frames
}

// jobPlan is a job to be submitted.
type jobPlan struct {
	User     string   `json:"user"`
	Frames   string   `json:"frames"`
	Chunk    int      `json:"chunk"`
	Priority int      `json:"priority"`
	Order    nr.Order `json:"order"`
	EXR      string   `json:"exr"`
	Preview  bool     `json:"preview"`
	Files    []int64  `json:"files"` // sizes; the first is the scene
	Shared   bool     `json:"shared"`
	Fetch    bool     `json:"fetch"`
	Render   bool     `json:"render"` // by `netrender render` or `netrender submit`, where there is a Blender to read scenes
	Again    bool     `json:"again"`  // if it is canceled, it is to go on in the end
	Keep     bool     `json:"keep"`   // it is not deleted after the round
}

var (
	workerNames = []string{"oak", "elm", "ash", "fir", "far"}
	userNames   = []string{"ada", "bob"}
	everybody   = slices.Concat(workerNames, userNames)
)

// faults are what is done to the farm, with how often.
var faults = []struct {
	do    string
	often int
	make  func(a *action, rng *rand.Rand)
}{
	{"kill worker", 20, func(a *action, rng *rand.Rand) { a.Who, a.For = pick(rng, workerNames), upTo(rng, 1500) }},
	{"kill master", 10, func(a *action, rng *rand.Rand) { a.For = upTo(rng, 1000) }},
	{"kill command", 8, func(a *action, rng *rand.Rand) { a.N = rng.Int64N(100) }},
	{"stop worker", 8, func(a *action, rng *rand.Rand) { a.Who, a.For = pick(rng, workerNames), 100+upTo(rng, 4000) }},
	{"stop master", 4, func(a *action, rng *rand.Rand) { a.For = 100 + upTo(rng, 2500) }},
	{"stop command", 3, func(a *action, rng *rand.Rand) { a.N, a.For = rng.Int64N(100), 100+upTo(rng, 2000) }},
	{"end worker", 5, func(a *action, rng *rand.Rand) { a.Who, a.For = pick(rng, workerNames), upTo(rng, 1000) }},
	{"end master", 3, func(a *action, rng *rand.Rand) { a.For = upTo(rng, 1000) }},
	{"cut", 12, func(a *action, rng *rand.Rand) { a.Who = pick(rng, everybody) }},
	{"cut within bytes", 10, func(a *action, rng *rand.Rand) { a.Who, a.N = pick(rng, everybody), upTo(rng, 1<<uint(8+rng.IntN(14))) }},
	{"network down", 6, func(a *action, rng *rand.Rand) { a.Who, a.For = pick(rng, everybody), 200+upTo(rng, 3000) }},
	{"half open", 7, func(a *action, rng *rand.Rand) {
		a.Who, a.For, a.N = pick(rng, everybody), 200+upTo(rng, 5000), rng.Int64N(2)
	}},
	{"answers lost", 7, func(a *action, rng *rand.Rand) { a.Who, a.For = pick(rng, everybody), 20+upTo(rng, 700) }},
	{"slow", 3, func(a *action, rng *rand.Rand) {
		a.Who, a.N, a.For = pick(rng, everybody), 20_000+upTo(rng, 200_000), 500+upTo(rng, 3000)
	}},
	{"cable out", 4, func(a *action, rng *rand.Rand) { a.Who, a.For = "far", 300+upTo(rng, 5000) }},
	{"disk full", 4, func(a *action, rng *rand.Rand) {
		a.Who, a.N, a.For = pick(rng, []string{"master", "ash", "users"}), pick(rng, []int64{0, 8 << 10, 100 << 10, 1 << 20}), 300+upTo(rng, 2500)
	}},
	{"verify", 1, func(*action, *rand.Rand) {}},
	{"rot a file", 2, func(a *action, rng *rand.Rand) { a.N = rng.Int64() }},
	{"rot a result", 2, func(a *action, rng *rand.Rand) { a.N = rng.Int64() }},
	{"rot in an outbox", 2, func(a *action, rng *rand.Rand) { a.Who, a.N = pick(rng, workerNames), rng.Int64() }},
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

func upTo(rng *rand.Rand, n int64) int64 { return rng.Int64N(n + 1) }

const jobsPerRound = 9

// makeScript is the script of a round. It depends on nothing but its arguments.
func makeScript(seed uint64, length time.Duration, faultEvery time.Duration) []action {
	rng := rand.New(rand.NewPCG(seed, 0x6e6574))
	end := length.Milliseconds()
	var list []action
	for no := 1; no <= jobsPerRound; no++ {
		at := int64(0)
		if no > 2 { // two at once, the others by and by
			at = upTo(rng, end*8/10)
		}
		plan := makeJob(rng)
		list = append(list, action{At: at, Do: "submit", Job: no, New: plan})
		for range rng.IntN(4) {
			a := action{At: at + upTo(rng, end-at), Job: no, CLI: rng.IntN(2) == 0}
			switch rng.IntN(9) {
			case 0, 1:
				a.Do = "pause"
				back := action{At: a.At + upTo(rng, end/4), Do: "resume", Job: no, CLI: rng.IntN(2) == 0}
				list = append(list, back)
			case 2, 3:
				a.Do, a.N = "priority", 1+upTo(rng, 9)
			case 4:
				a.Do = "cancel"
				if rng.IntN(2) == 0 {
					list = append(list, action{At: a.At + upTo(rng, end/4), Do: "retry", Job: no})
				}
			case 5, 6:
				a.Do, a.Set = "retry", someFrames(rng, plan.Frames)
			case 7:
				a.Do, a.Set = "retry", "all"
			case 8:
				a.Do = "delete"
			}
			list = append(list, a)
		}
	}
	total := 0
	for _, f := range faults {
		total += f.often
	}
	for at := int64(0); ; {
		at += int64(rng.ExpFloat64() * float64(faultEvery.Milliseconds()))
		if at > end {
			break
		}
		n := rng.IntN(total)
		for _, f := range faults {
			if n -= f.often; n < 0 {
				a := action{At: at, Do: f.do}
				f.make(&a, rng)
				list = append(list, a)
				break
			}
		}
	}
	slices.SortStableFunc(list, func(a, b action) int { return int(a.At - b.At) })
	return list
}

func makeJob(rng *rand.Rand) *jobPlan {
	first, n := rng.IntN(40)-20, 5+rng.IntN(70)
	if rng.IntN(5) == 0 {
		n = 150 + rng.IntN(150)
	}
	p := &jobPlan{
		User: pick(rng, userNames), Frames: nr.FrameRange(first, first+n, 1).String(),
		Chunk: pick(rng, []int{1, 1, 2, 3, 7, 30}), Priority: 1 + rng.IntN(5),
		Order: pick(rng, []nr.Order{nr.Linear, nr.Linear, nr.Reverse, nr.OutsideIn}),
		EXR:   pick(rng, []string{"full", "full", "half", "none"}), Preview: rng.IntN(2) == 0,
		Files: []int64{1 + upTo(rng, 4096)}, Shared: rng.IntN(4) == 0, Fetch: rng.IntN(2) == 0,
		Again: rng.IntN(2) == 0, Keep: rng.IntN(3) == 0, Render: rng.IntN(4) == 0,
	}
	for range rng.IntN(5) {
		p.Files = append(p.Files, upTo(rng, 1<<uint(rng.IntN(23))))
	}
	return p
}

// someFrames is a part of a range.
func someFrames(rng *rand.Rand, frames string) string {
	set, err := nr.ParseFrameSet(frames)
	if err != nil {
		panic(err)
	}
	var some []int
	for f := range set.All() {
		if rng.IntN(3) == 0 {
			some = append(some, f)
		}
	}
	if len(some) == 0 {
		some = []int{set.First()}
	}
	return nr.Frames(some...).String()
}

func (a action) String() string {
	text, _ := json.Marshal(a)
	return string(text)
}

// writeScript keeps the script beside the logs, a line for each action.
func writeScript(path string, list []action) error {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintln(&b, a)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// readScript reads what writeScript wrote, perhaps shortened by hand.
func readScript(path string) ([]action, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []action
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		var a action
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		list = append(list, a)
	}
	return list, nil
}
