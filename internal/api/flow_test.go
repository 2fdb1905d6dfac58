package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestFromSubmitToFetch goes the whole way of the data, as client, worker and watcher.
func TestFromSubmitToFetch(t *testing.T) {
	h := open(t)
	ctx := within(t)
	artist, machine, admin := h.client(farm.RoleSubmit), h.client(farm.RoleWorker), h.client(farm.RoleAdmin)

	content := []byte("BLENDER-v405 a scene")
	spec, files := h.scene("1-2", content)
	spec.Key = "once"
	reply, err := artist.Submit(ctx, spec, files)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Job.State != farm.Collecting || !slices.Equal(reply.Missing, []string{files[0].Ref}) || reply.More {
		t.Fatalf("%+v", reply)
	}
	if again, err := artist.Submit(ctx, spec, files); err != nil || again.Job.ID != reply.Job.ID {
		t.Fatalf("%v %v", again.Job.ID, err)
	}
	for f, err := range artist.Missing(ctx, reply.Job.ID) {
		if err != nil || f.Path != "shot.blend" {
			t.Fatal(f, err)
		}
	}
	path := filepath.Join(t.TempDir(), "shot.blend")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var told int64
	if err := artist.UploadFile(ctx, path, files[0].Ref, func(n int64) { told = n }); err != nil || told != int64(len(content)) {
		t.Fatal(err, told)
	}
	id := reply.Job.ID
	if j, err := artist.Job(ctx, id); err != nil || j.State != farm.Queued {
		t.Fatal(j.State, err)
	}

	h.worker(machine, "worker-01", 1)
	grant, err := machine.Claim(ctx, farm.Wish{Worker: "worker-01", WaitMS: 10_000})
	if err != nil || grant == nil || !slices.Equal(grant.Lease.Frames, []int{1}) {
		t.Fatal(grant, err)
	}
	var got bytes.Buffer
	for f, err := range machine.Files(ctx, id) {
		if err != nil {
			t.Fatal(err)
		}
		if err := machine.FetchBlob(ctx, f.Ref, &got); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got.Bytes(), content) {
		t.Fatalf("%q", got.Bytes())
	}
	orders, err := machine.Heartbeat(ctx, "worker-01", farm.Heartbeat{Beats: []farm.Beat{{Lease: grant.Lease.ID, Frame: 1, Started: true, Fraction: .5}}})
	if err != nil || len(orders.Cancel) > 0 || orders.Unknown {
		t.Fatal(orders, err)
	}
	if running, err := artist.Running(ctx, id); err != nil || len(running) != 1 || running[0].Beat.Fraction != .5 || running[0].WorkerName != "worker-01" {
		t.Fatal(running, err)
	}
	for _, offset := range []int64{0, 0} { // the second time is a repetition
		if err := machine.AppendLog(ctx, grant.Lease.ID, "worker-01", 1, offset, []byte("Fra:1 Mem:5M\n")); err != nil {
			t.Fatal(err)
		}
	}
	if text, next, more, err := artist.Log(ctx, wire.LogRange{Job: id, Frame: 1, Offset: 4}, 0); err != nil || string(text) != "1 Mem:5M\n" || next.Offset != 13 || next.Lease != grant.Lease.ID || !more {
		t.Fatalf("%q %d %v %v", text, next, more, err)
	}

	picture := noise(300_000, 1)
	result := farm.Result{Kind: farm.KindEXR, Name: "exr/shot 0001#.exr", Size: int64(len(picture)), Ref: blob.RefOf(picture).String(), Frame: 1}
	wrong := slices.Clone(picture)
	wrong[7]++
	wantKind(t, machine.PutResult(ctx, grant.Lease.ID, "worker-01", result, reader(wrong)), farm.Mismatch)
	if err := machine.PutResult(ctx, grant.Lease.ID, "worker-01", result, reader(picture)); err != nil {
		t.Fatal(err)
	}
	report := farm.Report{
		Lease: grant.Lease.ID, Worker: "worker-01", Job: id, Frame: 1, Attempt: 1, Outcome: farm.Rendered,
		Results: []farm.Result{result}, Seconds: 2,
	}
	settled, err := machine.Report(ctx, wire.ReportRequest{Reports: []farm.Report{report}, Wish: &farm.Wish{Worker: "worker-01"}})
	if err != nil || len(settled.Verdicts) != 1 || !settled.Verdicts[0].Accepted || settled.Grant == nil {
		t.Fatal(settled, err)
	}
	failed := farm.Report{
		Lease: settled.Grant.Lease.ID, Worker: "worker-01", Job: id, Frame: 2, Attempt: 1, Outcome: farm.Errored,
		Error: "no camera", Fatal: true, Warnings: []string{"gone.png\nis missing", "gone.png is missing"},
	}
	if _, err := machine.Report(ctx, wire.ReportRequest{Reports: []farm.Report{failed}}); err != nil {
		t.Fatal(err)
	}

	var outcomes []farm.Outcome
	for a, err := range artist.FollowAttempts(ctx, farm.AttemptFilter{Job: id}) {
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, a.Outcome)
	}
	if !slices.Equal(outcomes, []farm.Outcome{farm.Rendered, farm.Errored}) {
		t.Fatal(outcomes)
	}
	out := filepath.Join(t.TempDir(), "deep", "shot.exr")
	if err := artist.FetchVerified(ctx, id, result, out, nil); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(out); err != nil || !bytes.Equal(b, picture) {
		t.Fatal(len(b), err)
	}
	result.Ref = blob.RefOf(wrong).String()
	wantKind(t, artist.FetchVerified(ctx, id, result, out, nil), farm.Mismatch)
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".fetch-*")); len(left) > 0 {
		t.Fatal("left behind", left)
	}

	list, err := artist.Warnings(ctx, id)
	if want := []farm.Warning{{Text: "gone.png is missing", Frames: 1, Frame: 2}}; err != nil || !slices.Equal(list, want) {
		t.Fatal(list, err)
	}
	if fs, err := artist.Frames(ctx, id); err != nil || fs.Done.String() != "1" || fs.Failed.String() != "2" {
		t.Fatal(fs, err)
	}
	if j, err := artist.RetryJob(ctx, id, wire.RetryRequest{Failed: true}); err != nil || j.State != farm.Active {
		t.Fatal(j.State, err)
	}
	_, err = artist.RetryJob(ctx, id, wire.RetryRequest{Failed: true, All: true})
	wantKind(t, err, farm.Invalid)
	name, most := "better", 7
	if j, err := artist.ChangeJob(ctx, id, wire.JobChange{Name: &name, Priority: &most}); err != nil || j.Name != name || j.Priority != most {
		t.Fatal(j, err)
	}
	for _, steer := range []func(context.Context, farm.JobID) (farm.Job, error){artist.PauseJob, artist.ResumeJob, artist.CancelJob} {
		if _, err := steer(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if why, err := artist.Why(ctx, id); err != nil || len(why) == 0 {
		t.Fatal(why, err)
	}
	if err := admin.DeleteJob(ctx, id); err != nil {
		t.Fatal(err)
	}
	_, err = artist.Job(ctx, id)
	wantKind(t, err, farm.NotFound)
}

func reader(b []byte) func() (io.ReadSeekCloser, error) {
	return func() (io.ReadSeekCloser, error) {
		return struct {
			io.ReadSeeker
			io.Closer
		}{bytes.NewReader(b), io.NopCloser(nil)}, nil
	}
}

func TestAdministration(t *testing.T) {
	h := open(t)
	ctx := within(t)
	admin := h.client(farm.RoleAdmin)
	rules := farm.DefaultRules()
	rules.Cap = 0.5
	if got, err := admin.SetRules(ctx, rules); err != nil || got != rules {
		t.Fatal(got, err)
	}
	if got, err := h.client(farm.RoleView).Rules(ctx); err != nil || got != rules {
		t.Fatal(got, err)
	}
	_, err := admin.SetRules(ctx, farm.Rules{})
	wantKind(t, err, farm.Invalid)

	h.worker(h.client(farm.RoleWorker), "worker-02", 2)
	no, tags := false, []string{"gpu"}
	view, err := admin.ChangeWorker(ctx, "worker-02", wire.WorkerChange{Enabled: &no, Tags: &tags})
	if err != nil || view.Enabled || view.Reason != "disabled by the admin" || !slices.Equal(view.Tags, tags) || !view.Online {
		t.Fatalf("%+v %v", view, err)
	}
	if all, err := admin.Workers(ctx); err != nil || len(all) != 1 || all[0].Name != "worker-02" {
		t.Fatal(all, err)
	}
	if err := admin.DeleteWorker(ctx, "worker-02"); err != nil {
		t.Fatal(err)
	}

	made, err := admin.CreateToken(ctx, "eve", farm.RoleView)
	if err != nil || made.Secret == "" {
		t.Fatal(made, err)
	}
	eve := admin.WithToken(made.Secret)
	if _, err := eve.Jobs(ctx, farm.JobFilter{}); err != nil {
		t.Fatal(err)
	}
	for _, scene := range []string{"x", strings.Repeat("F", 64)} {
		_, err = eve.Jobs(ctx, farm.JobFilter{Scene: scene})
		wantKind(t, err, farm.Invalid)
	}
	if _, err := eve.Jobs(ctx, farm.JobFilter{Scene: strings.Repeat("f", 64)}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.client(farm.RoleWorker).Jobs(ctx, farm.JobFilter{Scene: strings.Repeat("f", 64)}); farm.KindOf(err) != farm.Denied {
		t.Errorf("a worker's token lists jobs: %v", err)
	}
	_, err = eve.Tokens(ctx)
	wantKind(t, err, farm.Denied)
	if err := admin.RevokeToken(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	_, err = eve.Jobs(ctx, farm.JobFilter{})
	wantKind(t, err, farm.Denied)
	if all, err := admin.Tokens(ctx); err != nil || len(all) != len(farm.Roles()) {
		t.Fatal(all, err)
	}
}

func TestOwners(t *testing.T) {
	h := open(t)
	ctx := within(t)
	job := h.submit("1-3")
	if job.Owner != "the submit" {
		t.Fatal(job.Owner)
	}
	other, err := h.client(farm.RoleAdmin).CreateToken(ctx, "somebody else", farm.RoleSubmit)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.client(farm.RoleSubmit).WithToken(other.Secret).CancelJob(ctx, job.ID)
	wantKind(t, err, farm.Denied)
	if _, err := h.client(farm.RoleSubmit).CancelJob(ctx, job.ID); err != nil {
		t.Fatal(err)
	}
}

func TestPairing(t *testing.T) {
	h := open(t)
	ctx := within(t)
	stranger, admin := h.client("").WithToken(""), h.client(farm.RoleAdmin)
	for _, accept := range []bool{true, false} {
		ticket, err := stranger.AskPairing(ctx, wire.PairRequest{Name: "box", Role: farm.RoleWorker, Kind: "linux/amd64"})
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := stranger.PollPairing(ctx, wire.PairPoll{Secret: ticket.Secret}); err != nil || answer.State != farm.PairWaiting {
			t.Fatal(answer, err)
		}
		type polled struct {
			wire.PairAnswer
			err error
		}
		held := make(chan polled, 1)
		go func() {
			answer, err := stranger.PollPairing(ctx, wire.PairPoll{Secret: ticket.Secret, WaitMS: 20_000})
			held <- polled{answer, err}
		}()
		if list, err := admin.Pairings(ctx); err != nil || len(list) != 1 || list[0].Code != ticket.Code || list[0].Address != "127.0.0.1" {
			t.Fatal(list, err)
		}
		if _, err := admin.AnswerPairing(ctx, ticket.Code, accept); err != nil {
			t.Fatal(err)
		}
		p := <-held
		if p.err != nil || (p.State == farm.PairAccepted) != accept || (p.Token != "") != accept {
			t.Fatal(p)
		}
		if accept {
			h.worker(stranger.WithToken(p.Token), "worker-03", 1)
		}
	}
	if answer, err := stranger.PollPairing(ctx, wire.PairPoll{Secret: "guess", WaitMS: 20_000}); err != nil || answer.State != farm.PairExpired {
		t.Fatal(answer, err)
	}
}

func TestOpenFarm(t *testing.T) {
	h := open(t, func(o *Options) { o.Open = true })
	ctx := within(t)
	c := h.client(nobody)
	info, err := c.Info(ctx)
	if err != nil || !info.Open || info.Protocol != wire.Version || info.Time == 0 || info.ID != "f1" {
		t.Fatal(info, err)
	}
	if _, err := c.Tokens(ctx); err != nil {
		t.Fatal(err)
	}
	// A page of another site must not steer an open farm through somebody's browser.
	resp, text := h.send(nobody, "POST", wire.Root+"/jobs/1/cancel", nil, "Sec-Fetch-Site", "cross-site")
	if resp.StatusCode != 403 {
		t.Fatal(resp.Status)
	}
	wantProblem(t, resp, text, farm.Denied)
}

func TestUnreachable(t *testing.T) {
	h := open(t)
	c := h.client(farm.RoleView)
	h.server.CloseClientConnections()
	h.server.Listener.Close()
	_, err := c.Info(within(t))
	var u *wire.Unreachable
	if !errors.As(err, &u) || u.Error() != "cannot reach the master at "+h.url+": nothing answers there" || !wire.Again(err) {
		t.Fatal(err)
	}
}
