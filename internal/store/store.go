// Package store keeps a farm in an SQL database. Its nouns:
//
//	writer    the one connection that changes the database, with its prepared statements
//	batch     the changes of one Apply on their way into one transaction
//	standing  whether an attempt is its frame's accepted one, a failure that counts, or history
//	finished  a job's set of finished positions up to a sequence number; accepted attempts after it add to it
//	words     texts that many rows repeat, kept once
//	reset     frames that are to be rendered again; a large one is kept at once and carried out in parts
//	sweep     the removal, in small pieces, of the rows of deleted jobs, and the parts of resets
//
// The statements are written by hand, one file a verb, in the SQL that SQLite and PostgreSQL share but for three
// words: the mark ? of an argument, INSERT OR FAIL and INDEXED BY. Package storetest is the test that every dialect
// passes.
package store

import (
	"database/sql"
	"time"
)

// db is what the dialects share: the verbs of the store.
type db struct {
	w     *writer
	reads *sql.DB
	sweep *sweeper
	fault func(error) error // turns an error of the driver into one of package farm
}

// micros keeps a time as microseconds; no time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the inverse of micros.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// orNull keeps empty text as NULL, which takes no room.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
