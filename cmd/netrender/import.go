package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("job", (*app).importVerb)

func (a *app) importVerb() *cobra.Command {
	var begin bool
	var key string
	c := &cobra.Command{
		Use: "import FILE", Short: "Bring a job back from an archive and print its number", Args: cobra.ExactArgs(1),
		Long: `Bring a job back that netrender archive wrote, on this farm or another one, and print its number here.

The job is yours and has a new number; its name, settings, results, logs and what became of its frames are those of the
archive. Frames that are not done wait until you say netrender resume, or are rendered at once with --start. Of an archive
without results all frames are to be rendered; of one without files the job waits, once it goes on, for its scene to be
sent again. Importing a file twice makes two jobs.

The file is checked whole before anything is sent, and the master checks it again: one that is damaged, cut off or no
archive of a job leaves nothing.`,
		Example: "  netrender import shot.nrz\n  netrender import shot.nrz --start",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			if key == "" {
				key = rand.Text()
			}
			return interrupted(cmd.Context(), a.importJob(cmd.Context(), client.Patient(time.Minute), args[0], key, begin))
		},
	}
	c.Flags().BoolVar(&begin, "start", false, "render the frames that are not done; else the job is paused")
	c.Flags().StringVar(&key, "key", "", "a mark of your own: importing twice under the same one makes one job")
	a.masterFlags(c)
	return c
}

func (a *app) importJob(ctx context.Context, client *wire.Client, path, key string, begin bool) error {
	cannot := func(err error) error {
		return farm.Errorf(farm.Invalid, "the archive %s cannot be read: %s", path, reasonOf(err)).WithHint("name a file that netrender archive wrote")
	}
	f, err := os.Open(path)
	if err != nil {
		return cannot(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return cannot(err)
	}
	if !st.Mode().IsRegular() {
		return cannot(errors.New("it is no file"))
	}
	show := a.newShow()
	defer show.close()
	tell := func(what string) func(int64) { return func(n int64) { show.bytes(what, n, st.Size()) } }
	made, err := master.ReadJobArchive(&countedReader{ctx: ctx, r: f, tell: tell("checking")}, nil)
	if err != nil {
		var file *fs.PathError
		if errors.As(err, &file) {
			return cannot(err)
		}
		return master.JobArchiveError(path, err)
	}
	reply, err := client.Import(ctx, wire.Archive{
		Size: st.Size(), Unpacked: made.Unpacked, Key: key, Start: begin, Progress: tell("sending"),
		Open: func() (io.ReadSeekCloser, error) { return os.Open(path) },
	})
	show.close()
	if err != nil {
		return err
	}
	return a.tellImported(&reply)
}

// tellImported prints the job's number, and to people what there is of it.
func (a *app) tellImported(reply *wire.ImportReply) error {
	j := &reply.Job
	if a.json {
		return a.print(reply)
	}
	fmt.Fprintln(a.out, j.ID)
	if reply.Again {
		a.note(nil, "It was imported before under this key.")
		return nil
	}
	a.note(nil, "Job %d, %s, is here: %d of %s done, %d failed.", j.ID, plainText(j.Name), j.Done, count(j.Total, "frame"), j.Failed)
	if n := len(reply.Missing); n > 0 {
		a.note(nil, "The archive lacked %s, the first: %s (%s).", count(n, "file"), plainText(reply.Missing[0].Name), plainText(reply.Missing[0].Why))
	}
	if j.State == farm.Paused {
		a.note(nil, "It is paused: netrender resume %d renders what is left.", j.ID)
	}
	if j.Missing > 0 {
		a.note(nil, "%s of the scene are not here: submit the scene again to send them.", count(j.Missing, "file"))
	}
	return nil
}
