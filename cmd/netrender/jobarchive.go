package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("job", (*app).archiveVerb)

func (a *app) archiveVerb() *cobra.Command {
	var out string
	var force, noFiles, noResults, noLogs, allow bool
	c := &cobra.Command{
		Use: "archive ID -o FILE", Short: "Write a job into one file: its scene, results, logs and settings", Args: cobra.ExactArgs(1),
		Long: `Write a job into one file: the scene with its files, the results, the logs, the settings, and what became of each frame.
netrender import brings it back, on this farm or another one. The file is a tar packed by zstd, which other programs open,
too: zstd -d < shot.nrz | tar tv

Of a job that goes on the archive holds what is done now. The scene's files are for the job's owner and for admins;
others use --no-files. The archive is checked while it is written, and FILE is there when it is whole or not at all.
What is damaged or lost on the master is an error that names it; --allow-missing archives the rest.`,
		Example: "  netrender archive 12 -o shot.nrz\n  netrender archive 12 -o - --no-logs | ssh store 'cat > shot.nrz'",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := oneJob(args)
			if err != nil {
				return err
			}
			if out == "" {
				return usagef("an archive needs the name of a file: -o FILE")
			}
			if out == "-" && terminal(a.out) {
				return usagef("an archive is not shown on a terminal: -o FILE")
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			parts := wire.ArchiveParts{Files: !noFiles, Results: !noResults, Logs: !noLogs, AllowMissing: allow}
			return interrupted(cmd.Context(), a.archive(cmd.Context(), client, id, out, force, parts))
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "file to write, - for the standard output")
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	c.Flags().BoolVar(&noFiles, "no-files", false, "without the scene and its files")
	c.Flags().BoolVar(&noResults, "no-results", false, "without the results: imported, no frame is rendered")
	c.Flags().BoolVar(&noLogs, "no-logs", false, "without the logs")
	c.Flags().BoolVar(&allow, "allow-missing", false, "leave out what is damaged or lost on the master")
	a.masterFlags(c)
	return c
}

func (a *app) archive(ctx context.Context, from *wire.Client, id farm.JobID, out string, force bool, parts wire.ArchiveParts) error {
	if out == "-" {
		n := &counted{w: a.out, tell: func(int64) {}}
		made, err := a.readWhileWritten(n, func(w io.Writer) error { return from.Archive(ctx, id, parts, w) })
		var file *os.PathError
		if errors.As(err, &file) {
			return client.PlainWrite("the standard output", err, "name a file with -o")
		}
		if err != nil {
			return err
		}
		return a.tellArchived(a.err, "", n.n, made)
	}
	var made *master.JobArchive
	written, err := writeWhole(out, force, func(w io.Writer) (err error) {
		made, err = a.readWhileWritten(w, func(w io.Writer) error { return from.Archive(ctx, id, parts, w) })
		return err
	})
	if err != nil {
		return err
	}
	return a.tellArchived(a.out, out, written, made)
}

// readWhileWritten checks an archive while it is written to w.
func (a *app) readWhileWritten(w io.Writer, write func(io.Writer) error) (*master.JobArchive, error) {
	show := a.newShow()
	defer show.close()
	from, to := io.Pipe()
	var made *master.JobArchive
	var wrong error
	read := make(chan struct{})
	go func() {
		defer close(read)
		made, wrong = master.ReadJobArchive(from, &watchedParts{show: show, name: "archiving"})
		_, _ = io.Copy(io.Discard, from)
	}()
	err := write(io.MultiWriter(w, to))
	to.Close()
	<-read
	switch {
	case err != nil && made.Broken != nil:
		return nil, &farm.Error{Kind: made.Broken.Kind, Text: made.Broken.Text, Hint: made.Broken.Hint} // and not that the connection broke
	case err != nil:
		return nil, err
	case wrong != nil:
		return nil, master.JobArchiveError("what the master sent", wrong)
	}
	return made, nil
}

// watchedParts shows how far the reading of an archive is.
type watchedParts struct {
	show  *show
	name  string
	total int64
	done  int64
}

// Begin implements master.ArchiveParts, as all that follow.
func (p *watchedParts) Begin(a *master.JobArchive) error {
	p.total = a.About.Bytes
	return nil
}

// File counts.
func (p *watchedParts) File(_ *farm.File, body io.Reader) error { return p.count(body) }

// Result counts.
func (p *watchedParts) Result(_ *master.ArchivedFrame, _ *farm.Result, body io.Reader) error {
	return p.count(body)
}

// Log is not counted.
func (p *watchedParts) Log(*master.ArchivedFrame, int64, io.Reader) error { return nil }

// Wrong is for those who keep what was given.
func (p *watchedParts) Wrong() error { return nil }

// Frame is not counted.
func (p *watchedParts) Frame(*master.ArchivedFrame, bool) error { return nil }

func (p *watchedParts) count(body io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{&counted{w: io.Discard, n: p.done, tell: func(n int64) {
		p.done = n
		p.show.bytes(p.name, min(n, p.total), p.total)
	}}}, body, make([]byte, 128<<10))
	return err
}

// tellArchived says what is in an archive that was just written, and what is not.
func (a *app) tellArchived(w io.Writer, out string, size64 int64, made *master.JobArchive) error {
	if a.json {
		if out == "" {
			return nil // the standard output is the archive
		}
		lacks := made.Lacks
		if lacks == nil {
			lacks = []master.ArchiveLack{}
		}
		return a.print(map[string]any{
			"file": out, "job": made.About.Job, "name": made.About.Name, "state": made.Job.State, "bytes": size64, "unpacked_bytes": made.Unpacked,
			"total": made.Job.Total, "done": made.Job.Done, "failed": made.Failed, "files": made.Files, "results": made.Results, "logs": made.Logs, "missing": lacks,
		})
	}
	to := "The standard output"
	if out != "" {
		to = out
	}
	fmt.Fprintf(w, "%s holds job %d, %s: %d of %s, %s, %s of the scene, %s; %s.\n", to, made.About.Job, plainText(made.About.Name), made.Job.Done,
		count(made.Job.Total, "frame"), count(made.Results, "result"), count(made.Files, "file"), count(made.Logs, "log"), size(size64))
	if !made.Job.State.Ended() {
		fmt.Fprintf(w, "The job is %s: what is rendered from now on is not in it.\n", made.Job.State)
	}
	if n := len(made.Lacks); n > 0 {
		fmt.Fprintf(w, "%s could not be put in; missing/ in it names them, the first: %s (%s).\n", count(n, "file"), plainText(made.Lacks[0].Name), plainText(made.Lacks[0].Why))
	}
	return nil
}
