package storetest

import (
	"bufio"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Batch n of the killed writer makes job n with all that a job can have; whoever finds one part of it must find all.
const (
	killedDone  = 30
	killedFiles = 40
)

func killedBatch(n int) []farm.Change {
	id := farm.JobID(n)
	j := newJob(id, 100)
	j.State = farm.Active
	c := farm.JobAdd{Job: j}
	for i := range killedFiles {
		c.Files = append(c.Files, farm.File{Path: fmt.Sprintf("%03d", i)})
	}
	changes := []farm.Change{c, farm.LeaseAdd{Lease: farm.Lease{ID: farm.LeaseID(n), Job: id, Worker: farm.WorkerID(fmt.Sprint("worker-", n))}}}
	for i := range killedDone {
		changes = append(changes, done(id, int64(n*1000+i), i))
	}
	j.Progress.Done = killedDone
	return append(changes, failed(id, int64(n*1000+999), 99), mark(j, 0, nil), farm.WorkerSet{Worker: farm.Worker{ID: "w", Slots: n}})
}

// WriteUntilKilled applies batches for ever and writes the number of each to ack when the store says it is durable.
// It is the body of the process that TestKill starts.
func WriteUntilKilled(s Store, ack io.Writer) error {
	st, err := s.Load(ctx, 0)
	if err != nil {
		return err
	}
	for n := int(st.NextJob); ; n++ {
		if err := s.Apply(ctx, killedBatch(n)); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(ack, n); err != nil {
			return err
		}
	}
}

// Kill starts processes that run WriteUntilKilled on the same database, one after the other, kills each and checks
// what it left. start returns what the process writes and a function that kills it and waits for its end.
func Kill(t *testing.T, open func(t *testing.T) Store, start func(t *testing.T) (out io.Reader, kill func())) {
	acked := 0
	for round := range 6 {
		out, kill := start(t)
		lines := bufio.NewReader(out)
		read := func() bool {
			n := 0
			if _, err := fmt.Fscanln(lines, &n); err != nil {
				return false
			}
			acked = n
			return true
		}
		for range 1 + 4*round {
			if !read() {
				kill()
				t.Fatalf("the writer ended by itself after batch %d", acked)
			}
		}
		// Somewhere in a later batch: another moment in every round.
		<-time.After(time.Duration(round) * 377 * time.Microsecond)
		kill()
		for read() { // what it said before it died
		}
		s := open(t)
		checkKilled(t, s, acked)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func checkKilled(t *testing.T, s Store, acked int) {
	t.Helper()
	st := must(s.Load(ctx, 0))(t)
	kept := len(st.Jobs)
	if kept < acked || kept > acked+1 {
		t.Fatalf("%d batches were acknowledged and %d are there", acked, kept)
	}
	if int(st.NextJob) != kept+1 || len(st.Leases) != kept || st.Workers[0].Slots != kept {
		t.Fatalf("of %d batches: next job %d, %d leases, last worker %d", kept, st.NextJob, len(st.Leases), st.Workers[0].Slots)
	}
	for n := 1; n <= kept; n++ {
		id := farm.JobID(n)
		l := must(s.LoadJob(ctx, id))(t)
		files := must(s.Manifest(ctx, id, "", 1000))(t)
		if l.Job.Done != killedDone || l.Finished.Count() != killedDone || len(l.Tried) != 1 || len(files) != killedFiles {
			t.Fatalf("batch %d is not whole: %d done, %d finished, %d tried, %d files", n, l.Job.Done, l.Finished.Count(), len(l.Tried), len(files))
		}
	}
}
