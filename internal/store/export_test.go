package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// Pragma runs a statement on the connection that writes.
func (s *SQLite) Pragma(text string) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	_, err := s.w.exec(text)
	return err
}

// Rows counts the rows of a table that nothing hides.
func (s *SQLite) Rows(table string) (n int, err error) {
	return n, s.reads.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n)
}

// Text reads one text.
func (s *SQLite) Text(query string) (text string, err error) {
	return text, s.reads.QueryRow(query).Scan(&text)
}

// Plan tells how SQLite would run a query, a step a line.
func (s *SQLite) Plan(query string) (string, error) {
	args := make([]any, strings.Count(query, "?"))
	lines, err := collect(context.Background(), s.w.conn, `EXPLAIN QUERY PLAN `+query, args, func(rows *sql.Rows) (line string, err error) {
		var ignored int
		return line, rows.Scan(&ignored, &ignored, &ignored, &line)
	})
	return strings.Join(lines, "\n"), err
}

// Queries are the statements whose cost must not grow with the rows that are kept.
var Queries = map[string]string{
	"job": jobGet, "key": jobByKey, "mark": jobMark, "files": filesList, "path": filePath,
	"finished since": finishedSince, "counted": attemptsCounted, "there": attemptThere, "accepted": attemptAccepted,
	"stand": attemptStand, "reset": attemptReset, "forget": attemptForget, "next gone": goneNext,
	"resets": resetList, "part": resetPart, "reset done": resetDone,
	"sweep attempts": attemptsSome, "sweep files": filesSome,
	"inspect":         attemptsAfter,
	"attempts":        attemptSelect + `a.job = ? AND a.seq > ?` + jobStands + ` ORDER BY a.seq LIMIT ?`,
	"failed":          failedSelect + `a.job = ? AND a.seq > ?` + onlyFailed + jobStands + ` ORDER BY a.seq LIMIT ?`,
	"look up":         `SELECT a.seq FROM attempts a WHERE a.job = ? AND a.position IN (?, ?)` + onlyAccepted,
	"look up others":  `SELECT a.seq FROM attempts a ` + byOther + ` WHERE a.job = ? AND a.position IN (?, ?)` + onlyOthers,
	"list of a state": `SELECT id FROM jobs WHERE gone = 0 AND state = ? AND id < ? ORDER BY id DESC LIMIT ?`,
	"list of a scene": `SELECT id FROM specs CROSS JOIN jobs ON id = job WHERE gone = 0 AND blend = ? AND id < ? ORDER BY job DESC LIMIT ?`,
}

func init() {
	for sort, o := range jobOrders {
		from, s := selection(&farm.JobFilter{Owner: "a"})
		Queries["jobs of an owner"] = `SELECT id FROM ` + from + s.where() + ` LIMIT ?`
		s = selected{}
		s.and(`gone = 0`)
		for name, rising := range map[string]bool{"rising": true, "falling": false} {
			if o.index != `` { // else all is one walk along the table
				same, rest := s, s
				same.and(o.value+` = ?`, nil)
				same.and(`id`+beyond(rising), nil)
				rest.and(o.value+beyond(rising), nil)
				Queries[name+" list by "+string(sort)], Queries[name+" list of one "+string(sort)] = rest.walk(o, rising, false), same.walk(o, rising, true)
			}
		}
	}
}

// SmallParts makes even small resets wait for the sweep.
func (s *SQLite) SmallParts() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.part = 2
}

// StopSweep leaves what the sweep has to do undone, as a kill does.
func (s *SQLite) StopSweep() {
	s.sweep.stop()
	s.sweep = &sweeper{w: s.w, wake: make(chan struct{}, 1), quit: make(chan struct{})}
}

// Piece sweeps once.
func (s *SQLite) Piece() (bool, error) { return s.sweep.piece() }

// Put runs a statement with arguments on the connection that writes.
func (s *SQLite) Put(text string, args ...any) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	_, err := s.w.exec(text, args...)
	return err
}

// ParseNumbers and Numbers are the kept form of lists of frames.
var (
	ParseNumbers = parseNumbers
	Numbers      = numbers
)

// InspectFast takes the pauses out of inspections.
func InspectFast() { inspectPause = 0 }

// Short are the tables that are checked at every start.
var Short = short
