package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/netrender/netrender/internal/farm"
)

// RecoveredJob is what a job lost.
type RecoveredJob struct {
	ID      farm.JobID    `json:"id"`
	Name    string        `json:"name"`
	State   farm.JobState `json:"state,omitempty"`   // now
	Gone    string        `json:"gone,omitempty"`    // why it is not there any more
	Found   bool          `json:"found,omitempty"`   // its state is lost: it is paused
	Files   bool          `json:"files,omitempty"`   // its list of files is lost: the scene must be sent again
	Frames  farm.FrameSet `json:"frames"`            // that are not finished any more: their records or their results are lost
	Unknown int           `json:"unknown,omitempty"` // frames that are not finished any more, and which is not known
}

// mender makes rows hold together that came out of a damaged database.
type mender struct {
	*SQLite
	*rescue
	ctx context.Context
	opt RecoverOptions
}

const (
	allJobs    = `SELECT id FROM jobs WHERE gone = 0 UNION SELECT job FROM specs WHERE job NOT IN (SELECT id FROM jobs WHERE gone <> 0) ORDER BY 1`
	someSpec   = `SELECT scene, folder, spec, coalesce(removed, '') FROM specs WHERE job = ?`
	someName   = `SELECT search FROM jobs WHERE id = ?`
	specDrop   = `DELETE FROM specs WHERE job = ?`
	foreigners = `SELECT m.name, f."from" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' AND f."table" = 'jobs'`
	lostWords  = `INSERT INTO words (id, word) SELECT id, 'lost-' || id FROM (SELECT worker AS id FROM attempts UNION
		SELECT install FROM attempts UNION SELECT worker FROM leases UNION SELECT worker FROM sums WHERE worker > 0) WHERE id NOT NULL AND id NOT IN (SELECT id FROM words)`
	lastEpoch = `SELECT coalesce(max(n), 0) FROM (SELECT max(id) >> 32 AS n FROM leases UNION SELECT max(lease) >> 32 FROM attempts
		UNION SELECT max(seq) >> 32 FROM attempts)`
	lastJob = `SELECT coalesce(max(id), 0) + 1 FROM jobs WHERE gone = 0`
)

func (m *mender) mend() error {
	ids, err := collect(m.ctx, m.reads, allJobs, nil, func(rows *sql.Rows) (id farm.JobID, err error) { return id, rows.Scan(&id) })
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := m.job(id); err != nil {
			return err
		}
	}
	for _, step := range []func() error{m.strangers, m.unread, m.numbers, m.count} {
		if err := m.w.transact(m.ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// job mends one job, or takes it out when too little of it is left.
func (m *mender) job(id farm.JobID) error {
	said := RecoveredJob{ID: id}
	var scene, folder, spec, removed string
	found, err := m.w.row(someSpec, []any{int64(id)}, &scene, &folder, &spec, &removed)
	if err != nil {
		return err
	}
	there, err := m.w.row(someName, []any{int64(id)}, &said.Name)
	if err != nil {
		return err
	}
	var j farm.Job
	if !found || json.Unmarshal([]byte(spec), &j.JobSpec) != nil || j.Frames.Count() == 0 {
		said.Gone = "its settings are lost"
		m.out.Jobs = append(m.out.Jobs, said)
		return m.w.transact(m.ctx, func() error { return m.remove(id) })
	}
	if removed != "" && json.Unmarshal([]byte(removed), new([]farm.Removal)) != nil {
		if _, err := m.w.exec(removedSet, nil, int64(id)); err != nil {
			return err
		}
	}
	b := &batch{w: m.w}
	if !there {
		plan := j.Plan()
		said.Found = true
		j.ID, j.Scene, j.Folder, j.Key, j.State, j.Total = id, scene, folder, "", farm.Paused, plan.Tasks()
		j.Reason = "its state was lost with a damaged database; resume it if it is to go on"
		if err := m.w.transact(m.ctx, func() error { return b.jobPut(&j) }); err != nil {
			return err
		}
	}
	if j, err = m.Job(m.ctx, id); err != nil {
		return err
	}
	said.Name = j.Name
	lost, err := m.frames(&j, &said)
	if err == nil {
		said.Files, err = m.files(&j)
	}
	if err != nil || !lost && !said.Files && !said.Found {
		return err
	}
	switch {
	case said.Files && !j.State.Ended():
		j.State, j.Reason = farm.Canceled, "its list of files was lost with a damaged database; send the scene again"
	case lost && j.State == farm.Done:
		j.State, j.Reason = farm.Failed, "records or results of finished frames were lost with a damaged database; retry them by their numbers"
	}
	said.State = j.State
	m.out.Jobs = append(m.out.Jobs, said)
	return m.w.transact(m.ctx, func() error { return b.jobPut(&j) })
}

// remove takes out a job with all that belongs to it; many rows are left to the sweep of the next start.
func (m *mender) remove(id farm.JobID) error {
	b := &batch{w: m.w}
	err := b.jobDelete(id)
	if err == nil {
		_, err = m.w.exec(specDrop, int64(id))
	}
	return err
}

// files tells whether the job's manifest is not what it was; then it goes whole: with some of its files missing the
// scene would give other pictures.
func (m *mender) files(j *farm.Job) (lost bool, err error) {
	var files []farm.File
	for after := ""; ; {
		page, err := m.Manifest(m.ctx, j.ID, after, 1000)
		if err != nil {
			return false, err
		}
		files = append(files, page...)
		if len(page) < 1000 {
			break
		}
		after = page[len(page)-1].Path
	}
	if farm.SceneKey(&j.JobSpec, files) == j.Scene {
		return false, nil
	}
	return true, m.w.transact(m.ctx, func() error {
		_, err := m.w.exec(filesDrop, int64(j.ID))
		return err
	})
}

// strangers removes rows that belong to no job, and gives a text to the numbers whose word is lost, so that no later
// word gets the number.
func (m *mender) strangers() error {
	list, err := collect(m.ctx, m.w.conn, foreigners, nil, func(rows *sql.Rows) (of [2]string, err error) { return of, rows.Scan(&of[0], &of[1]) })
	if err != nil {
		return err
	}
	for _, of := range list {
		n, err := m.w.exec(fmt.Sprintf(`DELETE FROM %s WHERE %s NOT IN (SELECT id FROM jobs)`, of[0], of[1]))
		if err != nil {
			return err
		}
		m.table(of[0]).LostRows += int(n)
	}
	n, err := m.w.exec(lostWords)
	m.table("words").LostRows += int(n)
	return err
}

// unread removes rows of the short tables that make no sense: leases expire anyway, and workers register again.
func (m *mender) unread() error {
	sense := func(text string, into any) bool { return json.Unmarshal([]byte(text), into) == nil }
	for _, of := range []struct {
		table, key, query string
		good              func(one, two string) bool
	}{
		{"leases", "id", `SELECT id, frames, CAST(id AS TEXT) FROM leases`, func(frames, id string) bool {
			n, err := strconv.ParseInt(id, 10, 64)
			if err == nil {
				_, err = parseNumbers(frames)
			}
			return err == nil && given(n)
		}},
		{"workers", "id", `SELECT id, tags, facts FROM workers`, func(tags, facts string) bool {
			return sense(tags, new([]string)) && sense(facts, new(farm.Facts))
		}},
		{"refusals", "job", `SELECT job, workers, '' FROM refusals`, func(workers, _ string) bool { return sense(workers, new([]farm.WorkerID)) }},
		{"targets", "id", `SELECT id, kinds, '' FROM targets`, func(kinds, _ string) bool { return sense(kinds, new([]farm.MessageKind)) }},
		{"pending", "seq", `SELECT seq, message, '' FROM pending`, func(message, _ string) bool { return sense(message, new(farm.Message)) }},
		{"meta", "name", `SELECT name, value, '' FROM meta WHERE name = '` + metaRules + `'`, func(text, _ string) bool {
			var rules farm.Rules
			return sense(text, &rules) && rules.Check() == nil
		}},
		{"meta", "name", `SELECT name, value, '' FROM meta WHERE name = '` + metaClean + `'`, func(text, _ string) bool {
			var rules farm.Cleaning
			return sense(text, &rules) && rules.Check() == nil
		}},
	} {
		var bad []any
		err := forEach(m.ctx, m.w.conn, of.query, nil, func(rows *sql.Rows) error {
			var key any
			var one, two string
			err := rows.Scan(&key, &one, &two)
			if err == nil && !of.good(one, two) {
				bad = append(bad, key)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, key := range bad {
			if _, err := m.w.exec(`DELETE FROM `+of.table+` WHERE `+of.key+` = ?`, key); err != nil {
				return err
			}
		}
		m.table(of.table).LostRows += len(bad)
	}
	return nil
}

// numbers raises what is counted up: what was given out and is lost must not come again.
func (m *mender) numbers() error {
	var epoch, next int64
	if _, err := m.w.row(lastEpoch, nil, &epoch); err != nil {
		return err
	}
	if _, err := m.w.row(lastJob, nil, &next); err != nil {
		return err
	}
	for name, n := range map[string]*int64{metaEpoch: &epoch, metaNextJob: &next} {
		if kept, err := m.w.metaNumber(name); err == nil {
			*n = max(*n, kept)
		}
	}
	next = max(next, int64(m.opt.NextJob))
	next = (next/m.opt.Jump + 2) * m.opt.Jump
	m.out.NextJob = farm.JobID(next)
	if err := m.w.metaSetNumber(metaEpoch, epoch+m.opt.Jump); err != nil {
		return err
	}
	return m.w.metaSetNumber(metaNextJob, next)
}

// count takes stock.
func (m *mender) count() error {
	for _, name := range slices.Sorted(maps.Keys(m.tables)) {
		t := m.tables[name]
		if _, err := m.w.row(`SELECT count(*) FROM `+t.Name, nil, &t.Rows); err != nil {
			return err
		}
		if *t != (RecoveredTable{Name: t.Name}) {
			m.out.Tables = append(m.out.Tables, *t)
		}
	}
	if _, err := m.w.row(`SELECT count(*) FROM jobs WHERE gone = 0`, nil, &m.out.Kept); err != nil {
		return err
	}
	_, err := m.w.row(`SELECT count(*) FROM attempts WHERE standing = 1`, nil, &m.out.Frames)
	return err
}
