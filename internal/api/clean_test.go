package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func TestCleaning(t *testing.T) {
	h := open(t)
	c, lease, result, picture := h.picture(5000, 13)
	if err := c.PutResult(within(t), lease.ID, "worker-01", result, reader(picture)); err != nil {
		t.Fatal(err)
	}
	h.settle(c, lease, result, picture)
	admin := h.client(farm.RoleAdmin)
	if _, err := admin.CancelJob(within(t), lease.Job); err != nil {
		t.Fatal(err)
	}
	rules := farm.Cleaning{Outputs: farm.CleanRule{MaxBytes: 4999}}
	if got, err := admin.SetCleaning(within(t), rules); err != nil || got != rules {
		t.Fatal(got, err)
	}
	_, err := admin.SetCleaning(within(t), farm.Cleaning{Logs: farm.CleanRule{DoneDays: -1}})
	wantKind(t, err, farm.Invalid)
	if got, err := h.client(farm.RoleView).Cleaning(within(t)); err != nil || got != rules {
		t.Fatal(got, err)
	}
	run := func(dry bool) (n int, bytes int64) {
		t.Helper()
		for c, err := range admin.Clean(within(t), dry) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; c.Job != lease.Job || c.Part != farm.Outputs || c.Rule != "outputs.max=5.0 kB" || c.Name != "shot" {
				t.Errorf("%+v", c)
			}
			bytes += c.Bytes
		}
		return n, bytes
	}
	keep, lose := true, false
	if _, err := admin.ChangeJob(within(t), lease.Job, wire.JobChange{Keep: &keep}); err != nil {
		t.Fatal(err)
	}
	if n, _ := run(false); n != 0 {
		t.Error("a job that is kept was cleaned")
	}
	if j, err := admin.ChangeJob(within(t), lease.Job, wire.JobChange{Keep: &lose}); err != nil || j.Keep {
		t.Fatal(j, err)
	}
	for body, want := range map[string]string{
		`{"outputs":{"max_bytes":5000}}`: "{\"end\":true}\n",
		`{"outputs":{"max_bytes":4000}}`: `{"item":{"job":1,"name":"shot","part":"outputs","rule":"outputs.max=4.0 kB","bytes":5000}}` + "\n{\"end\":true}\n",
	} {
		if resp, text := h.send(farm.RoleAdmin, http.MethodPost, wire.Root+"/cleaning/preview", []byte(body)); resp.StatusCode != http.StatusOK || strings.TrimLeft(string(text), "\n") != want {
			t.Errorf("%s: %d %s", body, resp.StatusCode, text)
		}
	}
	if resp, _ := h.send(farm.RoleAdmin, http.MethodPost, wire.Root+"/cleaning/preview", []byte(`{"logs":{"done_days":-1}}`)); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("bad rules: %d", resp.StatusCode)
	}
	for _, dry := range []bool{true, true, false} {
		if n, bytes := run(dry); n != 1 || bytes != 5000 {
			t.Error(n, bytes)
		}
	}
	if n, _ := run(false); n != 0 {
		t.Error("it went twice")
	}
	err = admin.FetchVerified(within(t), lease.Job, result, t.TempDir()+"/x", nil)
	wantKind(t, err, farm.NotFound)
	if !strings.Contains(err.Error(), "its results were removed on") {
		t.Error(err)
	}
	job, err := admin.Job(within(t), lease.Job)
	if err != nil || len(job.Removed) != 1 || job.State != farm.Canceled {
		t.Fatal(job, err)
	}
	for _, err := range h.client(farm.RoleSubmit).Clean(within(t), true) {
		wantKind(t, err, farm.Denied)
	}
}
