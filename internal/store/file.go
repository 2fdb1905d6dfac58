package store

import (
	"context"
	"database/sql"

	"github.com/netrender/netrender/internal/farm"
)

var fileAdd = manyRows(7, insertMany+`files (job, path, original, size, ref, first, last) VALUES `, `(?, ?, ?, ?, ?, ?, ?)`, ``)

const (
	filesDrop = `DELETE FROM files WHERE job = ?`
	filesList = `SELECT path, original, size, ref, first, last FROM files
		WHERE job = ? AND path > ? AND (SELECT gone FROM jobs WHERE id = ?) = 0 ORDER BY path LIMIT ?`
	filePath = `SELECT path FROM files WHERE ref = ? AND job = ? AND (SELECT gone FROM jobs WHERE id = ?) = 0 ORDER BY path LIMIT 1`
)

// filesSet keeps the manifest in place of the one that is there.
func (b *batch) filesSet(job farm.JobID, files []farm.File) error {
	if _, err := b.w.exec(filesDrop, int64(job)); err != nil {
		return err
	}
	args := make([]any, 0, 7*len(files))
	for i := range files {
		f := &files[i]
		args = append(args, int64(job), f.Path, f.Original, f.Size, f.Ref, frameOrNull(f.First), frameOrNull(f.Last))
	}
	return fileAdd.run(b.w, args, nil)
}

func frameOrNull(n *int) any {
	if n == nil {
		return nil
	}
	return int64(*n)
}

// Manifest lists a job's files by path, byte by byte; after is the last path of the page before.
func (d *db) Manifest(ctx context.Context, id farm.JobID, after string, limit int) ([]farm.File, error) {
	list, err := collect(ctx, d.reads, filesList, []any{int64(id), after, int64(id), int64(limit)},
		func(rows *sql.Rows) (f farm.File, err error) {
			return f, rows.Scan(&f.Path, &f.Original, &f.Size, &f.Ref, &f.First, &f.Last)
		})
	return list, d.fault(err)
}

// PathOf is the first path that the job's manifest gives the blob; "" when the job does not have it.
func (d *db) PathOf(ctx context.Context, id farm.JobID, ref string) (string, error) {
	list, err := collect(ctx, d.reads, filePath, []any{ref, int64(id), int64(id)},
		func(rows *sql.Rows) (path string, err error) { return path, rows.Scan(&path) })
	if err != nil || len(list) == 0 {
		return "", d.fault(err)
	}
	return list[0], nil
}
