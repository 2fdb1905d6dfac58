package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

var _ = verb("farm", (*app).recoverVerb)

func (a *app) recoverVerb() *cobra.Command {
	return &cobra.Command{
		Use: "recover", Short: "Save what can be read of a damaged database into a sound one", Args: cobra.NoArgs,
		Long: `Save what can be read of a master's damaged database into a sound one, while the master is stopped, and say what was
lost. The damaged one is kept beside it, in a folder named aside-....

A frame stays finished when its record can be read and its results lie in the outputs folder; all others of a job that
goes on are rendered again by themselves. A backup that is not old may hold more: see netrender restore.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return interrupted(cmd.Context(), a.recover(cmd.Context()))
		},
	}
}

func (a *app) recover(ctx context.Context) error {
	data := a.settings.data
	dir := filepath.Join(data, masterDir)
	database := filepath.Join(dir, databaseFile)
	if err := recoverAgain(data); err != nil {
		return err
	}
	switch err := store.Sound(ctx, database); farm.KindOf(err) {
	case "":
		return a.tellSound(database)
	case farm.Internal: // damaged
	default: // of a newer program or another one, in use, not there
		return err
	}
	release, err := store.Hold(database)
	if err != nil {
		return err
	}
	defer release()
	parts, err := newParts(dir)
	if err != nil {
		return err
	}
	defer parts.drop()
	fresh := parts.path(databaseFile)
	if st, err := os.Stat(database); err == nil {
		a.note(nil, "Reading what is left of %s (%s).", database, size(st.Size()))
	}
	out, err := store.Recover(ctx, database, fresh, store.RecoverOptions{Jump: jump, NextJob: lastJobSeen(data) + 1, Has: hasResult(ctx, dir)})
	if err != nil {
		return err
	}
	if out.Empty() {
		return farm.Errorf(farm.Internal, "nothing can be read out of the database %s", database).
			WithHint("netrender restore puts back a backup; to begin anew, move the file away with its -wal and -shm files. Finished pictures stay in %s",
				filepath.Join(dir, "outputs"))
	}
	if err := syncFile(fresh); err != nil {
		return cannotWriteData(err)
	}
	r, err := beginReplacement(data, recoverCommand, time.Now())
	if err != nil {
		return err
	}
	if err := r.putDatabase(fresh); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	return a.tellRecovered(database, r, out)
}

// recoverAgain undoes what a recovery did that was broken off.
func recoverAgain(data string) error {
	if _, err := os.Stat(filepath.Join(data, masterDir)); err != nil {
		return nil //nolint:nilerr // there is no farm
	}
	release, err := store.Hold(filepath.Join(data, masterDir, databaseFile))
	if err != nil {
		return err
	}
	defer release()
	r, command := brokenOff(data)
	switch {
	case r == nil:
		return nil
	case command != recoverCommand:
		return unfinished(data)
	}
	for _, suffix := range databaseSuffixes {
		if err := r.takeBack(filepath.Join(masterDir, databaseFile+suffix)); err != nil {
			return err
		}
	}
	_ = os.Remove(filepath.Join(r.aside, masterDir)) // empty now
	_ = os.Remove(r.aside)
	return r.end()
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// hasResult looks for results in the outputs folder.
func hasResult(ctx context.Context, dir string) func(folder string, r farm.Result, whole bool) bool {
	return func(folder string, r farm.Result, whole bool) bool {
		path, err := blob.Join(filepath.Join(dir, "outputs"), folder+"/"+r.Name)
		if err != nil {
			return false
		}
		st, err := os.Lstat(path)
		if err != nil || !st.Mode().IsRegular() || st.Size() != r.Size {
			return false
		}
		if !whole {
			return true
		}
		info, err := blob.HashFile(ctx, path)
		return err == nil && info.Ref.String() == r.Ref
	}
}

func (a *app) tellSound(database string) error {
	if a.json {
		return a.print(map[string]any{"database": database, "sound": true})
	}
	fmt.Fprintf(a.out, "The database %s is whole: there is nothing to recover.\n", database)
	return nil
}

func (a *app) tellRecovered(database string, r *replacement, out *store.Recovered) error {
	if a.json {
		return a.print(map[string]any{"database": database, "sound": false, "aside": r.aside, "recovered": out})
	}
	fmt.Fprintf(a.out, "%s is sound again: %s, %s.\nThe damaged one lies in %s.\n", database, count(out.Kept, "job"), count(int(out.Frames), "finished frame"), r.aside)
	if out.LogLost {
		fmt.Fprintln(a.out, "The log beside it cannot be read: the last changes are missing.")
	}
	for _, t := range out.Tables {
		var parts []string
		if t.LostPages > 0 {
			parts = append(parts, count(t.LostPages, "page")+" could not be read")
		}
		if t.LostRows > 0 {
			parts = append(parts, count(t.LostRows, "row")+" made no sense")
		}
		if t.Found > 0 {
			parts = append(parts, count(int(t.Found), "row")+" found on pages that nothing leads to")
		}
		if len(parts) > 0 {
			fmt.Fprintf(a.out, "  of %s: %s; left: %s\n", t.Name, strings.Join(parts, ", "), count(int(t.Rows), "row"))
		}
	}
	for i := range out.Jobs {
		fmt.Fprintln(a.out, "  "+lossOf(&out.Jobs[i]))
	}
	fmt.Fprintf(a.out, "New jobs are numbered from %d on. Look through netrender token list: a token that was revoked shortly before may be back.\n", out.NextJob)
	return nil
}

// lossOf says what a job lost, and what to do.
func lossOf(j *store.RecoveredJob) string {
	name := fmt.Sprintf("job %d", j.ID)
	if j.Name != "" {
		name += " (" + plainText(j.Name) + ")"
	}
	if j.Gone != "" {
		return name + " is gone: " + j.Gone
	}
	var parts []string
	if j.Found {
		parts = append(parts, fmt.Sprintf("its state is lost, so it is paused: netrender resume %d", j.ID))
	}
	if j.Files {
		parts = append(parts, "its list of files is lost: send the scene again")
	}
	if n := j.Frames.Count(); n > 0 {
		text := fmt.Sprintf("%s lost (%s)", count(n, "finished frame"), clip(j.Frames.String(), 300))
		if j.State.Ended() && !j.Files {
			text += fmt.Sprintf(": netrender retry %d -f FRAMES renders them again", j.ID)
		}
		parts = append(parts, text)
	}
	if j.Unknown > 0 {
		parts = append(parts, count(j.Unknown, "finished frame")+" lost, which is not known")
	}
	return name + ": " + strings.Join(parts, "; ")
}
