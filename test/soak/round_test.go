//go:build linux

package soak

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// playRound does what the script says, mends everything, waits for the jobs' ends, and audits.
func (r *run) playRound() {
	script := makeScript(r.seed, *roundFlag, *faultFlag)
	if *scriptFlag != "" {
		var err error
		if script, err = readScript(*scriptFlag); err != nil {
			r.t.Fatal(err)
		}
	}
	path := filepath.Join(r.dir, "logs", fmt.Sprintf("script-%d.jsonl", r.seed))
	if err := writeScript(path, script); err != nil {
		r.t.Fatal(err)
	}
	r.say("round %d, seed %d: NETRENDER_SEED=%d repeats its script, %d actions, also in %s", r.round, r.seed, r.seed, len(script), path)
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.began = time.Now()
	mended := make(chan struct{})
	notes := map[int]*note{}
	for _, a := range script {
		<-time.After(time.Until(r.began.Add(time.Duration(a.At) * time.Millisecond)))
		switch n := notes[a.Job]; {
		case a.New != nil:
			n := r.newNote(a.Job, a.New)
			notes[a.Job] = n
			r.notes = append(r.notes, n)
			r.pursue(n)
		case n != nil:
			n.ops <- a
		case a.Job == 0:
			r.harm(a, mended)
		}
	}
	close(mended)
	r.undo.Wait()
	r.mend()
	for _, n := range notes {
		close(n.ops)
	}
	if r.rest() && !r.t.Failed() {
		r.audit()
	}
	if !r.t.Failed() {
		r.tidy()
	}
	r.stop()
}

// rest waits until everything is at rest and the clients have ended.
func (r *run) rest() bool {
	ok := r.settle()
	r.setCalm(true)
	defer r.setCalm(false)
	if !doneWithin(r.jobs.Wait, 90*time.Second) {
		r.failf("the clients do not come to their ends")
	}
	return ok
}

func (r *run) setCalm(calm bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calm = calm
}

func doneWithin(f func(), limit time.Duration) bool {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}

// harm does one harm; what lasts is ended after its time, or when everything is mended.
func (r *run) harm(a action, mended <-chan struct{}) {
	last := time.Duration(a.For) * time.Millisecond
	hit, what := true, a.Do
	lasting := func(end func()) {
		r.undo.Go(func() {
			select {
			case <-time.After(last):
			case <-mended:
			}
			end()
		})
	}
	worker, line := r.actors[a.Who], r.links[a.Who]
	switch a.Do {
	case "kill worker":
		hit = worker.kill(last)
	case "kill master":
		hit = r.master.kill(last)
	case "end worker":
		hit = worker.term(last)
	case "end master":
		hit = r.master.term(last)
	case "stop worker":
		if hit = worker.freeze(); hit {
			lasting(func() { worker.thaw() })
		}
	case "stop master":
		if hit = r.master.freeze(); hit {
			lasting(func() { r.master.thaw() })
		}
	case "kill command":
		_, hit = r.signalCommand(a.N, syscall.SIGKILL)
	case "stop command":
		if _, hit = r.signalCommand(a.N, syscall.SIGSTOP); hit {
			lasting(r.thawCommands)
		}
	case "cut":
		hit = line.cut()
	case "cut within bytes":
		line.cutAfter(a.N)
	case "network down":
		line.setDown(true)
		lasting(func() { line.setDown(false) })
	case "half open":
		line.setHole(true, false)
		lasting(func() { line.setHole(false, a.N == 1) })
	case "answers lost":
		line.setDeaf(true)
		lasting(func() { line.setDeaf(false) })
	case "slow":
		line.setRate(a.N)
		lasting(func() { line.setRate(0) })
	case "cable out":
		hit = r.plug(false)
		lasting(func() { r.plug(true) })
	case "disk full":
		if hit = r.disks[a.Who].fill(a.N); hit {
			lasting(func() { r.roomAgain(a.Who) })
		}
		what += " of " + a.Who
	case "verify":
		r.jobs.Go(r.verify)
		hit = false // it counts itself
	case "rot a file":
		hit = r.rotFile(a.N)
	case "rot a result":
		hit = r.rotResult(a.N)
	case "rot in an outbox":
		hit = r.rotOutbox(a.Who, a.N)
	default:
		r.t.Fatalf("nobody knows how to %q", a.Do)
	}
	if hit {
		r.count(what, 1)
	}
	r.trace(a, hit)
}

// trace keeps what was done, and when in truth.
func (r *run) trace(a action, hit bool) { r.note("%v %s", hit, a) }

func (r *run) note(format string, args ...any) {
	f, err := os.OpenFile(filepath.Join(r.dir, "logs", "done.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "%s round %d %6d ms "+format+"\n", append([]any{time.Now().Format("15:04:05.000"), r.round, time.Since(r.began).Milliseconds()}, args...)...)
}

func (r *run) roomAgain(name string) {
	if err := r.disks[name].empty(); err != nil {
		r.failf("the test's own small disk: %v", err)
	}
}

// thawCommands lets every command that was stopped go on.
func (r *run) thawCommands() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.commands {
		_ = c.cmd.Process.Signal(syscall.SIGCONT)
	}
}

// mend ends all harm. Dead connections of workers stay dead: they must find out by themselves.
func (r *run) mend() {
	for name := range r.disks {
		r.roomAgain(name)
	}
	r.plug(true)
	for name, l := range r.links {
		l.mend(r.users[name] != nil)
	}
	for _, a := range r.actors {
		a.mend()
	}
	r.thawCommands()
}

const settleTime = 4 * time.Minute

// settle waits until every job has ended and nothing is under way any more, doing what a person would do: letting
// paused jobs go on, sending files again, trusting workers again.
func (r *run) settle() bool {
	began := time.Now()
	var why string
	var tended time.Time
	ok := r.waited(settleTime, func() bool {
		tend := time.Since(tended) > time.Second
		if tend {
			tended = time.Now()
		}
		if why = r.unsettled(tend); tend {
			r.note("%s", why)
		}
		return why == ""
	})
	if !ok {
		r.failf("%s after all harm had ended the farm has not come to rest: %s", settleTime, why)
		return false
	}
	r.say("everything is at rest %s after all harm had ended", time.Since(began).Round(100*time.Millisecond))
	return true
}

// unsettled tells what is still under way; "" when nothing is.
func (r *run) unsettled(tend bool) (why string) {
	err := r.call(func(ctx context.Context) error {
		workers, err := r.admin.Workers(ctx)
		if err != nil {
			return err
		}
		for i := range workers {
			w := &workers[i]
			if !w.Enabled && tend {
				r.count("workers trusted again", 1)
				yes := true
				if _, err := r.admin.ChangeWorker(ctx, w.ID, wire.WorkerChange{Enabled: &yes}); err != nil {
					return err
				}
			}
			if !w.Online || !w.Enabled {
				why = fmt.Sprintf("worker %s is not there, or not enabled: %q", w.Name, w.Reason)
			}
		}
		if tend {
			if err := r.orphans(ctx); err != nil {
				return err
			}
		}
		for _, n := range r.notes {
			if n.gone() {
				continue
			}
			if n.job() == 0 {
				why = "job " + n.name + " is not submitted yet"
				continue
			}
			job, err := r.admin.Job(ctx, n.job())
			if nr.KindOf(err) == nr.NotFound && !n.gone() {
				time.Sleep(again) // a deletion may be on its way to us
				if why = fmt.Sprintf("job %d (%s) is not there", n.job(), n.name); n.gone() {
					why = ""
				}
				continue
			}
			if err != nil {
				return err
			}
			if !job.State.Ended() || job.State == nr.Failed || job.State == nr.Canceled && n.plan.Again {
				why = fmt.Sprintf("job %d (%s) is %s with %d of %d frames, %d failed, %d running, %d files missing", job.ID, n.name, job.State, job.Done, job.Total, job.Failed, job.Running, job.Missing)
				if tend {
					r.tend(n, &job)
				}
			}
		}
		return nil
	})
	if err != nil {
		return "the master does not answer: " + err.Error()
	}
	if why == "" {
		why = r.leftInWorkers()
	}
	if n := len(hashesBelow(filepath.Join(r.masterDir(), "incoming"))); why == "" && n > 0 {
		why = fmt.Sprintf("%d files lie in incoming/", n)
	}
	if why == "" {
		why = r.rottenYet(tend)
	}
	return why
}

// tend does what the job needs to go on.
func (r *run) tend(n *note, job *nr.Job) {
	switch job.State {
	case nr.Paused:
		r.count("resumed in the end", 1)
		r.steer(n, action{Do: "resume"})
	case nr.Failed, nr.Canceled:
		r.count("retried in the end: "+string(job.State), 1)
		r.steer(n, action{Do: "retry"})
	case nr.Collecting:
		_ = r.call(func(ctx context.Context) error {
			var missing []string
			for f, err := range r.admin.Missing(ctx, n.job()) {
				if err != nil {
					return err
				}
				missing = append(missing, f.Ref)
			}
			r.feed(n, missing)
			return nil
		})
	case nr.Queued, nr.Active, nr.Done:
	}
}

// leftInWorkers tells what workers still keep for the master.
func (r *run) leftInWorkers() string {
	for _, name := range workerNames {
		for _, pattern := range []string{"out/*", "leases/*"} {
			list, _ := filepath.Glob(filepath.Join(r.workerData(name), "worker", pattern))
			if len(list) > 0 {
				return fmt.Sprintf("worker %s keeps %d of %s, as %s", name, len(list), pattern, list[0])
			}
		}
	}
	return ""
}
