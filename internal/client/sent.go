package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// Sent remembers in a folder what was sent to which farm: a small file for each plan, named by a hash of the farm, the
// job's settings and its manifest. So a job that waits for files, because an upload was broken off or because the master
// lost one, gets them when the same is sent again, and no second job is made. That the memory cannot be written or read
// costs nothing but that.
type Sent struct {
	Dir  string
	Farm string // id of the farm
	Now  func() time.Time

	path string // of the plan's file
	note sentNote
	old  bool // the key is that of an earlier submission
}

// sentNote is what is remembered.
type sentNote struct {
	Key  string     `json:"key"`
	Job  farm.JobID `json:"job,omitempty"`
	Done bool       `json:"done,omitempty"` // all its files were sent
}

const (
	sentLives = 90 * 24 * time.Hour
	sentMost  = 1000 // files
)

// key returns the key of the job that waits for files of this very plan, or a new one.
func (s *Sent) key(ctx context.Context, c *wire.Client, p *Plan) (string, error) {
	s.path = filepath.Join(s.Dir, planHash(s.Farm, p))
	if text, err := os.ReadFile(s.path); err == nil && json.Unmarshal(text, &s.note) == nil && s.note.Key != "" {
		waits, err := s.waits(ctx, c)
		if err != nil {
			return "", err
		}
		if waits {
			s.old = true
			return s.note.Key, nil
		}
	}
	s.tidy()
	return s.renew(), nil
}

// renew makes a key for another job.
func (s *Sent) renew() string {
	s.note, s.old = sentNote{Key: newKey()}, false
	s.keep()
	return s.note.Key
}

// isOver tells whether a job that was to be gone on with has ended.
func (s *Sent) isOver(job *farm.Job) bool { return s != nil && s.old && job.State.Ended() }

// waits tells whether the job that is remembered still needs files.
func (s *Sent) waits(ctx context.Context, c *wire.Client) (bool, error) {
	if s.note.Job == 0 { // the master's answer was not heard: if there is a job of the key, it is this one
		return true, nil
	}
	job, err := c.Job(ctx, s.note.Job)
	switch {
	case farm.KindOf(err) == farm.NotFound:
		return false, nil
	case err != nil:
		return false, err
	case job.Key != s.note.Key || job.State.Ended():
		return false, nil
	}
	return !s.note.Done || job.Progress.Missing > 0, nil
}

// announced notes the job; s may be nil.
func (s *Sent) announced(id farm.JobID) {
	if s != nil && s.note.Job != id {
		s.note.Job, s.note.Done = id, false
		s.keep()
	}
}

// done notes that everything was sent; s may be nil.
func (s *Sent) done() {
	if s != nil && !s.note.Done {
		s.note.Done = true
		s.keep()
	}
}

func (s *Sent) keep() {
	text, err := json.Marshal(s.note)
	if err != nil || os.MkdirAll(s.Dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(s.Dir, ".note-*")
	if err != nil {
		return
	}
	_, err = f.Write(text)
	if f.Close() != nil || err != nil || os.Rename(f.Name(), s.path) != nil {
		_ = os.Remove(f.Name())
	}
}

// tidy removes notes of long ago, and the oldest when there are many.
func (s *Sent) tidy() {
	list, err := os.ReadDir(s.Dir)
	if err != nil {
		return
	}
	type old struct {
		path string
		at   time.Time
	}
	var notes []old
	for _, e := range list {
		if info, err := e.Info(); err == nil {
			notes = append(notes, old{filepath.Join(s.Dir, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(notes, func(a, b old) int { return b.at.Compare(a.at) })
	for i, n := range notes {
		if i >= sentMost || s.Now().Sub(n.at) > sentLives {
			_ = os.Remove(n.path)
		}
	}
}

// planHash is equal for plans that would make the same job on the same farm.
func planHash(farmID string, p *Plan) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	spec := p.Spec
	spec.Key = ""
	_ = enc.Encode([]any{farmID, spec})
	for i := range p.Files {
		_ = enc.Encode(&p.Files[i].File)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
