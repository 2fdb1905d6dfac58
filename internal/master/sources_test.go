package master

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/netrender/netrender/internal/farm"
)

// hall is sources with a clock and a file of 100 bytes.
type hall struct {
	sources
	now time.Time
}

func newHall(workers ...string) *hall {
	h := &hall{sources: newSources(), now: time.Unix(1e9, 0)}
	for _, w := range workers {
		h.enter(farm.WorkerID(w), "token-"+w, true, false, true)
	}
	return h
}

type fault = farm.SourceFault

func (h *hall) asks(worker string, have int64, failed ...fault) string {
	from, _ := h.ask(h.now, "ref", &farm.SourceQuestion{Worker: farm.WorkerID(worker), Size: 100, Have: have, Failed: failed})
	return string(from)
}

func (h *hall) has(workers ...string) {
	for _, w := range workers {
		h.asks(w, 100)
	}
}

func (h *hall) want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("led to %q, not %q", got, want)
	}
}

// TestSourcesChain: the first has the master, each next one the end of the chain, and who comes later a worker that has
// it all and serves nobody.
func TestSourcesChain(t *testing.T) {
	h := newHall("a", "b", "c", "d", "e")
	h.want(t, h.asks("a", 0), "master")
	h.want(t, h.asks("b", 0), "a")
	h.want(t, h.asks("c", 0), "b")
	h.has("a")
	h.want(t, h.asks("d", 0), "c") // a serves b, c serves nobody
	h.has("b", "c", "d")
	h.want(t, h.asks("e", 0), "a")
	if h.asks("e", 100) != "" {
		t.Error("who has it all is led somewhere")
	}
}

// TestSourcesFew: a worker that has it all serves a few at once, one that is fetching it itself fewer, and the master two
// while others can; when nobody else can there is the master.
func TestSourcesFew(t *testing.T) {
	h := newHall("a")
	h.has("a")
	counts := map[string]int{}
	for i := range 30 { // they serve nobody
		w := farm.WorkerID(fmt.Sprintf("r%02d", i))
		h.enter(w, "t", false, false, true)
		counts[h.asks(string(w), 0)]++
	}
	if counts["a"] != wholeReaders || counts["master"] != 30-wholeReaders {
		t.Errorf("led to %v", counts)
	}
}

// TestSourcesPartBusy: while the master serves two, a worker that fetches itself serves a second one.
func TestSourcesPartBusy(t *testing.T) {
	h := newHall("a")
	for _, w := range []farm.WorkerID{"x1", "x2", "x3", "x4"} {
		h.enter(w, "t", false, false, true)
	}
	h.want(t, h.asks("a", 0), "master")
	h.want(t, h.asks("x1", 0), "a")
	h.want(t, h.asks("x2", 0), "master")
	h.want(t, h.asks("x3", 0), "a")
	h.want(t, h.asks("x4", 0), "master") // nobody else can
}

// TestSourcesSpread: a worker that needs many files gets them from many workers.
func TestSourcesSpread(t *testing.T) {
	h := newHall("a", "b", "c", "d", "z")
	led := map[farm.WorkerID]int{}
	for i := range 8 {
		ref := fmt.Sprint("ref", i)
		for _, w := range []farm.WorkerID{"a", "b", "c", "d"} {
			h.ask(h.now, ref, &farm.SourceQuestion{Worker: w, Size: 100, Have: 100})
		}
		from, _ := h.ask(h.now, ref, &farm.SourceQuestion{Worker: "z", Size: 100})
		led[from]++
	}
	for _, w := range []farm.WorkerID{"a", "b", "c", "d"} {
		if led[w] != 2 {
			t.Errorf("led to %v", led)
		}
	}
}

// TestSourcesGone: who is gone, forgotten, drained, started anew or silent is not offered; a question of its own brings a
// worker back.
func TestSourcesGone(t *testing.T) {
	for what, end := range map[string]func(h *hall){
		"gone":      func(h *hall) { h.leave("a") },
		"forgotten": func(h *hall) { h.forget("a") },
		"drained":   func(h *hall) { h.doors["a"].shut = true },
		"anew":      func(h *hall) { h.enter("a", "token-a", true, false, true) },
		"no door":   func(h *hall) { h.enter("a", "token-a", false, false, false) },
	} {
		h := newHall("a", "b")
		h.has("a")
		end(h)
		if got := h.asks("b", 0); got != "master" {
			t.Errorf("%s: led to %q", what, got)
		}
	}
	h := newHall("a", "b", "c")
	h.want(t, h.asks("a", 0), "master")
	h.now = h.now.Add(silentMember + time.Second)
	h.want(t, h.asks("b", 0), "master") // a is gone for good
	h.asks("a", 10)
	h.enter("a", "token-a", true, false, false) // the same process: what it has holds
	h.has("a")
	h.want(t, h.asks("c", 0), "a")
}

// TestSourcesNear: a worker on the master's machine has the master, costs no other its place, and is offered to nobody.
func TestSourcesNear(t *testing.T) {
	h := newHall("a", "b", "c", "d")
	h.enter("a", "token-a", true, true, true)
	h.has("b")
	h.want(t, h.asks("a", 0), "master")
	h.leave("b")
	h.has("a")
	h.want(t, h.asks("c", 0), "master")
	h.want(t, h.asks("d", 0), "c")
}

// TestSourcesFaults: a peer that failed a worker is not offered to it for a while, and to others last.
func TestSourcesFaults(t *testing.T) {
	for how, span := range map[farm.FaultKind]time.Duration{
		farm.FaultUnreachable: blockTime, farm.FaultRefused: shunTime, farm.FaultBroke: shunTime, farm.FaultSilent: shunTime,
		farm.FaultSlow: shunTime, farm.FaultLied: liarTime, farm.FaultDoubtful: liarTime,
	} {
		h := newHall("a", "b", "c", "d")
		h.has("a")
		h.want(t, h.asks("c", 0), "a")
		h.want(t, h.asks("c", 0, fault{Peer: "a", How: how}), "master")
		h.leave("c")
		h.has("b")
		h.want(t, h.asks("d", 0), "b") // a is as idle, and first by name
		h.leave("d")
		h.leave("b")
		h.want(t, h.asks("d", 0), "a")
		h.leave("d")
		h.now = h.now.Add(span - time.Second)
		h.want(t, h.asks("c", 0), "master")
		h.leave("c")
		h.now = h.now.Add(2 * time.Second)
		h.want(t, h.asks("c", 0), "a")
	}
}

// TestSourcesLiar: a peer that several say lies is offered to nobody; what one says, or many of one token, or somebody
// who was not led there, is not enough.
func TestSourcesLiar(t *testing.T) {
	type voice struct{ worker, token string }
	lied := fault{Peer: "a", How: farm.FaultLied}
	for what, c := range map[string]struct {
		voices []voice
		led    bool
		shut   bool
	}{
		"one":                            {[]voice{{"b", "tb"}}, true, false},
		"one, again":                     {[]voice{{"b", "tb"}, {"b", "tb"}}, true, false},
		"two":                            {[]voice{{"b", "tb"}, {"c", "tc"}}, true, true},
		"two who were never led there":   {[]voice{{"b", "tb"}, {"c", "tc"}}, false, false},
		"two of another token":           {[]voice{{"b", "tb"}, {"c", "tb"}}, true, false},
		"two of the same token as a has": {[]voice{{"b", "ta"}, {"c", "ta"}}, true, true},
	} {
		h := newHall()
		h.enter("a", "ta", true, false, true)
		h.has("a")
		for _, v := range c.voices {
			id := farm.WorkerID(v.worker)
			h.enter(id, v.token, false, false, true)
			clear(h.doors[id].shuns)
			if c.led {
				h.want(t, h.asks(v.worker, 0), "a")
			}
			h.asks(v.worker, 0, fault{Peer: "a", How: farm.FaultDoubtful}) // it goes on elsewhere, and is sure in the end
			h.asks(v.worker, 100, lied)
			h.leave(id)
		}
		h.enter("z", "tz", true, false, true)
		if shut := h.asks("z", 0) != "a"; shut != c.shut {
			t.Errorf("%s: shut out: %v", what, shut)
		}
		h.forget("a") // and comes back: what was said of it stays
		h.leave("z")
		h.enter("a", "ta", true, false, true)
		h.has("a")
		if shut := h.asks("z", 0) != "a"; shut != c.shut {
			t.Errorf("%s, come back: shut out: %v", what, shut)
		}
	}
}

// TestSourcesMute: a peer of which two got no byte is offered to nobody for a while, whatever it says it has; what one
// says is not enough, nor is a slow line.
func TestSourcesMute(t *testing.T) {
	for how, shut := range map[farm.FaultKind]bool{
		farm.FaultRefused: true, farm.FaultSilent: true, farm.FaultUnreachable: true, farm.FaultSlow: false, farm.FaultBroke: false,
	} {
		h := newHall("a", "y", "z")
		h.has("a")
		for i, worker := range []string{"b", "c"} {
			if i == 1 {
				h.want(t, h.asks("y", 0), "a")
				h.leave("y")
			}
			h.enter(farm.WorkerID(worker), "token-"+worker, false, false, true)
			h.want(t, h.asks(worker, 0), "a")
			h.want(t, h.asks(worker, 0, fault{Peer: "a", How: how}), "master")
			h.leave(farm.WorkerID(worker))
		}
		h.has("a") // it says so again
		if got := h.asks("z", 0); (got == "master") != shut {
			t.Errorf("%s: led to %s", how, got)
		}
		h.leave("z")
		h.now = h.now.Add(shunTime)
		h.want(t, h.asks("z", 0), "a")
	}
}

// TestSourcesSlow: who is served slowly is led elsewhere when somebody surely is better; not where all wait for the same.
func TestSourcesSlow(t *testing.T) {
	slow := func(h *hall, w, from string, have int64) (string, bool) {
		to, keep := h.ask(h.now, "ref", &farm.SourceQuestion{
			Worker: farm.WorkerID(w), Size: 100, Have: have, From: farm.WorkerID(from), Slow: true,
		})
		return string(to), keep
	}
	start := func() *hall {
		h := newHall("a", "b", "c", "d")
		h.want(t, h.asks("a", 0), "master")
		h.want(t, h.asks("b", 0), "a")
		h.want(t, h.asks("c", 0), "b")
		return h
	}
	h := start()
	if to, keep := slow(h, "c", "b", 1); to != "master" || keep { // it serves one only
		t.Errorf("led to %q, %v", to, keep)
	}
	h = start()
	if to, keep := slow(h, "b", "a", 1); to != "master" || keep {
		t.Errorf("led to %q, %v", to, keep)
	}
	if to, keep := slow(h, "c", "b", 1); to != "b" || !keep { // b just got something better
		t.Errorf("led to %q, %v", to, keep)
	}
	h = start()
	h.has("d")
	if to, keep := slow(h, "c", "b", 1); to != "d" || keep {
		t.Errorf("led to %q, %v", to, keep)
	}
}

// TestSourcesAhead: a reader behind a worker with a slow line is led past it, when it tells how far it is and somebody else
// has much more; one whose own line is slow stays, and so does everybody in a chain where all are about as far or as quick.
func TestSourcesAhead(t *testing.T) {
	const size = 100 * leastAhead
	for what, c := range map[string]struct {
		a, b, c int64 // what they have, in a chain, when each has read for ten seconds
		late    int64 // what a has more, because it began earlier
		want    string
	}{
		"b is slow":               {a: 20 * leastAhead, b: leastAhead, c: leastAhead, want: "a"},
		"c is slow":               {a: 20 * leastAhead, b: 20 * leastAhead, c: leastAhead, want: "b"},
		"all are as far":          {a: 2*leastAhead - 1, b: 2*leastAhead - 2, c: 2*leastAhead - 3, want: "b"},
		"a began earlier":         {a: 8 * leastAhead, b: 8 * leastAhead, c: 8 * leastAhead, late: 20 * leastAhead, want: "b"},
		"b is slow and a is done": {a: size, b: leastAhead, c: leastAhead, want: "a"},
		"a is slow":               {a: leastAhead, b: leastAhead, c: leastAhead, want: "b"},
	} {
		h := newHall("a", "b", "c")
		tell := func(w, from string, have int64) string {
			to, keep := h.ask(h.now, "ref", &farm.SourceQuestion{Worker: farm.WorkerID(w), Size: size, Have: have, From: farm.WorkerID(from)})
			if keep != (string(to) == from) && have < size {
				t.Errorf("%s: %s is led to %q, %v", what, w, to, keep)
			}
			return string(to)
		}
		h.want(t, tell("a", "", 0), "master")
		h.want(t, tell("b", "", 0), "a")
		h.want(t, tell("c", "", 0), "b")
		if c.late > 0 {
			tell("a", "master", c.late)
		}
		h.now = h.now.Add(askAgain)
		tell("a", "master", c.a+c.late)
		if c.a < size { // whoever speaks first is not led astray because the others did not speak yet
			h.want(t, tell("c", "b", c.c), "b")
		}
		h.want(t, tell("b", "a", c.b), "a")
		if got := tell("c", "b", c.c); got != c.want {
			t.Errorf("%s: led to %q", what, got)
		}
	}
}

// TestSourcesAheadIdle: who is behind others in a chain is led to a worker that has it all once that serves nobody, and not
// to one whose line another has.
func TestSourcesAheadIdle(t *testing.T) {
	const size = 100 * leastAhead
	h := newHall("a", "b", "c", "d")
	tell := func(w, from string, have int64) string {
		to, _ := h.ask(h.now, "ref", &farm.SourceQuestion{Worker: farm.WorkerID(w), Size: size, Have: have, From: farm.WorkerID(from)})
		return string(to)
	}
	h.want(t, tell("a", "", 0), "master")
	h.want(t, tell("b", "", 0), "a")
	h.want(t, tell("c", "", 0), "b")
	h.now = h.now.Add(askAgain)
	tell("a", "master", size)
	tell("b", "a", size*4/5)
	h.want(t, tell("c", "b", size*4/5-1), "b") // a still gives to b
	tell("d", "", size)
	h.want(t, tell("c", "b", size*4/5-1), "d")
}

// TestSourcesAdopts: a master that was started anew lets readers go on as they do, but for those in a circle.
func TestSourcesAdopts(t *testing.T) {
	h := newHall("a", "b")
	on := func(w, from string) (string, bool) {
		to, keep := h.ask(h.now, "ref", &farm.SourceQuestion{Worker: farm.WorkerID(w), Size: 100, Have: 1, From: farm.WorkerID(from)})
		return string(to), keep
	}
	if to, keep := on("b", "a"); to != "a" || !keep {
		t.Errorf("led to %q, %v", to, keep)
	}
	if to, keep := on("a", "b"); to != "master" || keep {
		t.Errorf("led to %q, %v", to, keep)
	}
	if to, keep := on("b", "master"); to != "master" || !keep { // it gave up on peers by itself
		t.Errorf("led to %q, %v", to, keep)
	}
}

// TestSourcesProperties plays farms at random: nobody is led to itself or to who reads from it, everybody is answered
// with the master or a worker that is there, open, of good name and not shunned, and what is counted stays bounded.
func TestSourcesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &hall{sources: newSources(), now: time.Unix(1e9, 0)}
		h.most = 3
		names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
		name := rapid.SampledFrom(names)
		ref := rapid.SampledFrom([]string{"r1", "r1", "r1", "r1", "r1", "r1", "r1", "r1", "r2", "r3", "r4"})
		hows := rapid.SampledFrom([]farm.FaultKind{
			farm.FaultUnreachable, farm.FaultRefused, farm.FaultBroke, farm.FaultSilent, farm.FaultSlow, farm.FaultLied, farm.FaultDoubtful,
		})
		there := map[string]bool{}
		enter := func(n string) {
			h.enter(farm.WorkerID(n), rapid.SampledFrom([]string{"t1", "t2", "t3"}).Draw(t, "token"),
				rapid.IntRange(0, 3).Draw(t, "open") > 0, rapid.IntRange(0, 9).Draw(t, "near") == 0, rapid.Bool().Draw(t, "fresh"))
			there[n] = true
		}
		t.Repeat(map[string]func(*rapid.T){
			"enter": func(t *rapid.T) { enter(name.Draw(t, "who")) },
			"leave": func(t *rapid.T) { h.leave(farm.WorkerID(name.Draw(t, "who"))) },
			"forget": func(t *rapid.T) {
				n := name.Draw(t, "who")
				h.forget(farm.WorkerID(n))
				there[n] = h.doors[farm.WorkerID(n)] != nil
			},
			"drop": func(t *rapid.T) {
				if n := farm.WorkerID(name.Draw(t, "who")); h.doors[n] != nil {
					h.drop(ref.Draw(t, "ref"), n)
				}
			},
			"shut": func(t *rapid.T) {
				if d := h.doors[farm.WorkerID(name.Draw(t, "who"))]; d != nil {
					d.shut = rapid.Bool().Draw(t, "shut")
				}
			},
			"time": func(t *rapid.T) {
				h.now = h.now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second)
			},
			"ask": func(t *rapid.T) {
				n := name.Draw(t, "who")
				if !there[n] {
					enter(n)
				}
				q := farm.SourceQuestion{
					Worker: farm.WorkerID(n), Size: 100, Have: rapid.SampledFrom([]int64{0, 0, 1, 50, 50, 99, 99, 100}).Draw(t, "have"),
					From: farm.WorkerID(rapid.SampledFrom(append([]string{"", "", "", "", "master"}, names...)).Draw(t, "from")),
					Slow: rapid.IntRange(0, 3).Draw(t, "slow") == 0,
				}
				for range rapid.IntRange(0, 2).Draw(t, "faults") {
					q.Failed = append(q.Failed, fault{Peer: farm.WorkerID(name.Draw(t, "peer")), How: hows.Draw(t, "how")})
				}
				r := ref.Draw(t, "ref")
				from, keep := h.ask(h.now, r, &q)
				w := h.swarms[r]
				m := w.members[q.Worker]
				if m == nil || from != m.from || (from == "") != (q.Have >= q.Size) || keep && from != "" && from != q.From {
					t.Fatalf("the answer %q, %v does not fit %+v", from, keep, q)
				}
				if from != "" && from != farm.FromMaster && !keep {
					p := h.doors[from]
					if p == nil || !p.open || p.near || p.shut || p.lies(h.now) || w.members[from] != nil && w.members[from].whole && !p.gives(h.now) || w.members[from] == nil || h.now.Before(h.doors[q.Worker].shuns[from]) {
						t.Fatalf("%s is led to %s: %+v", n, from, p)
					}
				}
			},
			"": func(t *rapid.T) {
				if len(h.swarms) > h.most {
					t.Fatalf("%d files are known", len(h.swarms))
				}
				for ref, w := range h.swarms {
					if len(w.members) == 0 {
						t.Fatal("a file that nobody has is known")
					}
					readers := map[farm.WorkerID]int{}
					for id, m := range w.members {
						if m.from != farm.FromMaster || !h.doors[id].near {
							readers[m.from]++
						}
					}
					for id, m := range w.members {
						if m.readers != readers[id] || w.readers != readers[farm.FromMaster] {
							t.Fatalf("%s serves %d, %d are counted; the master %d, %d", id, readers[id], m.readers, readers[farm.FromMaster], w.readers)
						}
					}
					for id, m := range w.members {
						if _, ok := h.doors[id].refs[ref]; !ok {
							t.Fatalf("%s does not know that it has %s", id, ref)
						}
						if m.whole && m.from != "" {
							t.Fatalf("%s has it all and reads from %s", id, m.from)
						}
						var way []farm.WorkerID
						for at := id; at != "" && at != farm.FromMaster; {
							if slices.Contains(way, at) {
								t.Fatalf("they read in a circle: %v", way)
							}
							way = append(way, at)
							next := w.members[at]
							if next == nil {
								break
							}
							at = next.from
						}
					}
				}
				serving := map[farm.WorkerID]int{}
				for _, w := range h.swarms {
					for id, m := range w.members {
						serving[id] += m.readers
					}
				}
				for id, d := range h.doors {
					if d.serving != serving[id] {
						t.Fatalf("%s serves %d, %d are counted", id, serving[id], d.serving)
					}
					for ref := range d.refs {
						if h.swarms[ref] == nil || h.swarms[ref].members[id] == nil {
							t.Fatalf("%s is taken for one that has %s", id, ref)
						}
					}
				}
			},
		})
	})
}

// BenchmarkSourcesAsk is one decision among so many workers that have a file or fetch it.
func BenchmarkSourcesAsk(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newHall()
			for i := range n {
				id := farm.WorkerID(fmt.Sprintf("worker-%05d", i))
				h.enter(id, "t", true, false, true)
				h.asks(string(id), int64(i%2)*100)
			}
			h.enter("asker", "t", true, false, true)
			for b.Loop() {
				h.asks("asker", 0, fault{Peer: "worker-00000", How: farm.FaultBroke})
			}
		})
	}
}
