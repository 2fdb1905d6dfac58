package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// TestOldJobsKeepTheirOwners: jobs from before tokens were noted are of the oldest token of their owner's name that
// could have submitted them.
func TestOldJobsKeepTheirOwners(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "farm.db"))
	defer s.Close()
	now := time.Now()
	owned := func(id farm.JobID, owner string) farm.Change {
		j := job(id)
		j.Owner = owner
		return farm.JobAdd{Job: j}
	}
	token := func(id, name string, role farm.Role, age time.Duration) farm.Change {
		return farm.TokenSet{Token: farm.Token{ID: id, Name: name, Role: role, Created: now.Add(-age)}}
	}
	apply(t, s, owned(1, "anna"), owned(2, "bert"), owned(3, "gone"),
		token("young", "anna", farm.RoleSubmit, time.Hour), token("old", "anna", farm.RoleSubmit, 9*time.Hour),
		token("worker", "anna", farm.RoleWorker, 20*time.Hour), token("root", "bert", farm.RoleAdmin, time.Hour))
	text, err := os.ReadFile("migrations/sqlite/00006_identity.sql")
	if err != nil {
		t.Fatal(err)
	}
	update := regexp.MustCompile(`(?s)UPDATE jobs.*?;`).Find(text)
	if err := s.Pragma(string(update)); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[farm.JobID]string{1: "old", 2: "root", 3: ""} {
		if j, err := s.Job(ctx, id); err != nil || j.OwnerID != want {
			t.Errorf("job %d belongs to %q, not %q (%v)", id, j.OwnerID, want, err)
		}
	}
}
