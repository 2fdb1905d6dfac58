package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("farm", (*app).backupVerb)

func (a *app) backupVerb() *cobra.Command {
	var out string
	var files bool
	c := &cobra.Command{
		Use: "backup -o FILE", Short: "Write a backup of the farm, while it works on", Args: cobra.NoArgs,
		Long: `Write a backup of the farm as it is at this moment, while its master works on. It takes an admin's token.

The file holds the database (jobs, what became of every frame, workers, tokens as hashes, rules), the farm's id, the
master's own TLS key, its settings file, and a list of the scenes' files and results that the database refers to.
--with-files puts those in, too. It never holds logs, the admin's token (a new one is made at the next start) or a
studio's own certificate.

FILE is a tar that only you may read (mode 0600), for it holds the farm's key. It is read through and checked before it
takes the place of one that is there; a backup that breaks off leaves that one as it was. netrender restore puts it
back.`,
		Example: "  netrender backup -o farm.tar\n  netrender backup -o /mnt/safe/farm-whole.tar --with-files",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usagef("a backup needs the name of a file: -o FILE")
			}
			if out == "-" {
				return usagef("a backup goes to a file, where it is checked, and not to the standard output")
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			return interrupted(cmd.Context(), a.backup(cmd.Context(), client, out, files))
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "file to write")
	c.Flags().BoolVar(&files, "with-files", false, "put in the scenes' files and the results, too")
	a.masterFlags(c)
	return c
}

func (a *app) backup(ctx context.Context, client *wire.Client, out string, files bool) (err error) {
	if err := noFile(out); err != nil {
		return err
	}
	dir, base := filepath.Split(out)
	dir = filepath.Clean(dir)
	sweepKilled(dir, base)
	tmp, err := os.CreateTemp(dir, "."+base+".*") // mode 0600
	if err != nil {
		return cannotWrite(out, err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	if err := client.Backup(ctx, files, &counted{w: tmp, tell: a.steps("written")}); err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			return cannotWrite(out, err)
		}
		return err
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return cannotWrite(out, err)
	}
	b, err := readBackup(ctx, tmp.Name(), nil, a.steps("checked"))
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), out); err != nil {
		return cannotWrite(out, err)
	}
	syncFolder(dir)
	return a.tellBackup(out, b)
}

// tellBackup says what is in a backup that was just written, and what is not.
func (a *app) tellBackup(out string, b *backupFile) error {
	if a.json {
		return a.print(map[string]any{
			"file": out, "farm": b.about.Farm, "made": b.head.Made, "bytes": b.size, "jobs": b.about.Jobs, "frames": b.about.Frames,
			"with_files": b.about.Files, "files": b.files, "files_bytes": b.bytes, "missing": b.missing,
		})
	}
	fmt.Fprintf(a.out, "%s holds the farm of %s as it was at %s: %s, %s, %s.\n", out, plainText(b.about.Name),
		b.head.Made.Local().Format(time.DateTime), count(int(b.about.Jobs), "job"), count(int(b.about.Frames), "finished frame"), size(b.size))
	switch {
	case !b.about.Files && b.files > 0:
		fmt.Fprintf(a.out, "The scenes' files and results are not in it (%s, %s): --with-files puts them in.\n", count(b.files, "file"), size(b.bytes))
	case b.missing > 0:
		fmt.Fprintf(a.out, "%s of %d could not be put in: %s in it and the master's log name them.\n", count(b.missing, "file"), b.files, master.BackupMissing)
	}
	fmt.Fprintln(a.out, "Keep it to yourself: it holds the farm's key.")
	return nil
}

// steps tells now and then how far a transfer is, to people only.
func (a *app) steps(what string) func(bytes int64) {
	said := time.Now()
	return func(bytes int64) {
		if time.Since(said) >= 10*time.Second {
			said = time.Now()
			a.note(nil, "%s %s", size(bytes), what)
		}
	}
}

// counted tells how much was written.
type counted struct {
	w    io.Writer
	n    int64
	tell func(int64)
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

// countedReader tells how much was read, and ends with ctx.
type countedReader struct {
	ctx  context.Context
	r    io.Reader
	n    int64
	tell func(int64)
}

func (c *countedReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}
