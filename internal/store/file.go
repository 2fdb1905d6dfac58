package store

import (
	"context"
	"database/sql"

	"github.com/netrender/netrender/internal/farm"
)

var fileAdd = manyRows(8, insertMany+`files (job, path, original, size, ref, first, last, bake) VALUES `, `(?, ?, ?, ?, ?, ?, ?, ?)`, ``)

const (
	filesDrop = `DELETE FROM files WHERE job = ?`
	bakeDrop  = `DELETE FROM files WHERE job = ? AND bake = ?`
	fileDrop  = `DELETE FROM files WHERE job = ? AND path = ?`
	filesList = `SELECT path, original, size, ref, first, last, bake FROM files
		WHERE job = ? AND path > ? AND (SELECT gone FROM jobs WHERE id = ?) = 0 ORDER BY path LIMIT ?`
	filePath  = `SELECT path FROM files WHERE ref = ? AND job = ? AND (SELECT gone FROM jobs WHERE id = ?) = 0 ORDER BY path LIMIT 1`
	fileBakes = `SELECT DISTINCT bake FROM files WHERE ref = ? AND job = ? AND (SELECT gone FROM jobs WHERE id = ?) = 0 ORDER BY bake`
)

// filesSet keeps the manifest in place of the one that is there.
func (b *batch) filesSet(job farm.JobID, files []farm.File) error {
	if _, err := b.w.exec(filesDrop, int64(job)); err != nil {
		return err
	}
	return b.filesAdd(job, files)
}

func (b *batch) filesAdd(job farm.JobID, files []farm.File) error {
	args := make([]any, 0, 8*len(files))
	for i := range files {
		f := &files[i]
		args = append(args, int64(job), f.Path, f.Original, f.Size, f.Ref, frameOrNull(f.First), frameOrNull(f.Last), int64(f.Bake))
	}
	return fileAdd.run(b.w, args, nil)
}

// filesPut keeps what a bake made.
func (b *batch) filesPut(c *farm.FilesPut) error {
	gone := true
	if found, err := b.w.row(jobThere, []any{int64(c.Job)}, &gone); err != nil || !found || gone {
		return err
	}
	if c.Whole {
		if _, err := b.w.exec(bakeDrop, int64(c.Job), int64(c.Bake)); err != nil {
			return err
		}
	}
	for i := range c.Files {
		if _, err := b.w.exec(fileDrop, int64(c.Job), c.Files[i].Path); err != nil {
			return err
		}
	}
	return b.filesAdd(c.Job, c.Files)
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
			return f, rows.Scan(&f.Path, &f.Original, &f.Size, &f.Ref, &f.First, &f.Last, &f.Bake)
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

// BakesOf lists the bakes of the job that made the blob, rising; 0 is among them when it came with the scene.
func (d *db) BakesOf(ctx context.Context, id farm.JobID, ref string) ([]int, error) {
	list, err := collect(ctx, d.reads, fileBakes, []any{ref, int64(id), int64(id)},
		func(rows *sql.Rows) (bake int, err error) { return bake, rows.Scan(&bake) })
	return list, d.fault(err)
}
