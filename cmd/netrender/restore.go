package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/store"
)

var _ = verb("farm", (*app).restoreVerb)

func (a *app) restoreVerb() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup of a farm into the data folder", Args: cobra.ExactArgs(1),
		Long: `Put a backup that netrender backup made into the data folder, while no master uses it. The backup is checked first.

A farm that is there is left alone unless --force is given; then what it stood on is kept beside it, in a folder named
aside-.... When it is killed, no master starts there until the command was run once more.

Workers and machines that were let in when the backup was made still are. What was finished since is rendered again,
jobs sent since are lost and their numbers are not given again, and a token revoked since is good again. Of a backup
without files the jobs wait for their scenes where those are not in the data folder: send them again.
netrender verify --repair has frames rendered again whose results are not there.`,
		Example: "  netrender restore farm.tar\n  netrender restore farm.tar --data /srv/netrender --force",
		RunE: func(cmd *cobra.Command, args []string) error {
			return interrupted(cmd.Context(), a.restore(cmd.Context(), args[0], force))
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace the farm that is there; it is kept aside")
	return c
}

// jump is by how much the numbers of starts and jobs are raised at least: what was given out since the backup and is
// known nowhere must not be given again.
const jump = 1000

func (a *app) restore(ctx context.Context, path string, force bool) (err error) {
	f, err := openBackup(path) // before anything is made
	if err != nil {
		return err
	}
	f.Close()
	data := a.settings.data
	if !force {
		if err := vacant(data); err != nil {
			return err
		}
	}
	dir := filepath.Join(data, masterDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return farm.Errorf(farm.Invalid, "the data folder cannot be written: %s", reasonOf(err)).WithHint("name another one with --data")
	}
	database := filepath.Join(dir, databaseFile)
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
	b, err := readBackup(ctx, path, parts, a.steps("of the backup checked"))
	if err != nil {
		return err
	}
	here := farmHere(data)
	if here != "" && here != b.about.Farm && !force && unfinished(data) == nil {
		return farm.Errorf(farm.Conflict, "the data folder %s is that of another farm than the backup's", data).WithHint(putOver)
	}
	kept, err := store.Examine(ctx, parts.path(master.BackupDatabase))
	if err != nil {
		return err
	}
	epoch, next := kept.Epoch+jump, max(kept.NextJob, lastJobSeen(data)+1)
	if old, err := store.Examine(ctx, database); err == nil && here == b.about.Farm {
		epoch, next = max(epoch, old.Epoch+1), max(next, old.NextJob)
	} else { // what was given out since is not known; the gap shows that something is missing there
		next = (next/jump + 2) * jump
	}
	if err := store.MoveOn(ctx, parts.path(master.BackupDatabase), epoch, next); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := beginReplacement(data, restoreCommand, time.Now())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			a.note(nil, "The farm in %s is not whole yet, no master starts there: run the command once more.", data)
		}
	}()
	if err := r.putDatabase(parts.path(master.BackupDatabase)); err != nil {
		return err
	}
	for place, name := range keptFiles {
		from := parts.path(name)
		_, inBackup := os.Lstat(from)
		_, here := os.Lstat(filepath.Join(data, place))
		if inBackup != nil || name == settingsFile && here == nil { // this machine's own settings stay
			continue
		}
		if err := r.put(from, place); err != nil {
			return err
		}
	}
	var lost []string
	if b.about.Files {
		if lost, err = b.putFiles(ctx, parts, r, a.steps("of the backup put back")); err != nil {
			return err
		}
	}
	if err := r.end(); err != nil {
		return err
	}
	return a.tellRestored(b, r, next, lost)
}

// putOver is the hint where something is in the way.
const putOver = "--force puts the backup in its place and keeps what is there aside; --data DIR names another folder"

// vacant refuses a data folder that has a farm's database, or holds something that is not ours. That of a restore that
// was broken off is vacant.
func vacant(data string) error {
	if unfinished(data) != nil {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(data, masterDir, databaseFile)); err == nil {
		return farm.Errorf(farm.Conflict, "there is a farm in %s already", data).WithHint(putOver)
	}
	entries, err := os.ReadDir(data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return farm.Errorf(farm.Invalid, "the data folder %s cannot be read: %s", data, reasonOf(err)).WithHint("name another one with --data")
	}
	ours := []string{masterDir, "worker", settingsFile, farmIDFile, adminTokenFile, tokensFile, runningFile, "hashes", "sent", programsDir, packedDir}
	if len(entries) > 0 && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return slices.Contains(ours, e.Name()) }) {
		return farm.Errorf(farm.Conflict, "the folder %s is not empty, and nothing in it is Netrender's", data).WithHint(putOver)
	}
	return nil
}

// farmHere is the id of the farm that the data folder is of, or "".
func farmHere(data string) string {
	text, _ := os.ReadFile(filepath.Join(data, farmIDFile))
	return strings.TrimSpace(string(text))
}

func (a *app) tellRestored(b *backupFile, r *replacement, next farm.JobID, lost []string) error {
	if a.json {
		return a.print(map[string]any{
			"data": r.data, "made": b.head.Made, "jobs": b.about.Jobs, "frames": b.about.Frames, "aside": r.wasThere(), "next_job": next,
			"with_files": b.about.Files, "lost": lost,
		})
	}
	fmt.Fprintf(a.out, "%s holds the farm of %s as it was at %s: %s, %s.\n", r.data, plainText(b.about.Name), b.head.Made.Local().Format(time.DateTime),
		count(int(b.about.Jobs), "job"), count(int(b.about.Frames), "finished frame"))
	if aside := r.wasThere(); aside != "" {
		fmt.Fprintf(a.out, "What was there before lies in %s.\n", aside)
	}
	fmt.Fprintf(a.out, "New jobs are numbered from %d on.\n", next)
	switch {
	case !b.about.Files && b.files > 0:
		fmt.Fprintln(a.out, "The backup held no scenes' files and no results. Where they are not in the data folder, jobs wait until their scene is sent again;")
		fmt.Fprintln(a.out, "netrender verify --repair has results rendered again.")
	case len(lost) > 0:
		fmt.Fprintf(a.out, "%s of the backup could not be used:\n", count(len(lost), "file"))
		for _, name := range lost {
			fmt.Fprintf(a.out, "  %s\n", plainText(name))
		}
	}
	fmt.Fprintln(a.out, "netrender master, or netrender up, starts it.")
	return nil
}

// restoring is a result that is being put back, in the outputs folder, which may be on another disk.
const restoring = ".restore-*"

// putFiles puts the scenes' files and results in place. It returns the names of those whose bytes are not right.
func (b *backupFile) putFiles(ctx context.Context, parts *backupParts, r *replacement, tell func(bytes int64)) (lost []string, err error) {
	left, _ := filepath.Glob(filepath.Join(r.data, masterDir, "outputs", restoring))
	for _, tmp := range left {
		_ = os.Remove(tmp)
	}
	blobs, err := blob.OpenDisk(filepath.Join(r.data, masterDir, blobsDir), blob.DiskOptions{})
	if err != nil {
		return nil, err
	}
	defer blobs.Close()
	// The files come in the order of the list, some left out.
	listed, stop := iter.Pull(func(yield func(farm.Stored) bool) {
		_ = parts.contents(func(s farm.Stored) error {
			if !yield(s) {
				return io.EOF
			}
			return nil
		})
	})
	defer stop()
	f, err := openBackup(b.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, err = archive.Read(&countedReader{ctx: ctx, r: f, tell: tell}, master.BackupKind, func(e archive.Entry, body io.Reader) error {
		text, isBlob := strings.CutPrefix(e.Name, master.BackupBlobs)
		output, isOutput := strings.CutPrefix(e.Name, master.BackupOutputs)
		if !isBlob && !isOutput {
			return nil
		}
		for s, ok := listed(); ; s, ok = listed() {
			switch {
			case !ok:
				return fmt.Errorf("%w: %s is not in its list", archive.ErrDamaged, e.Name)
			case isBlob && s.Output == "" && s.Ref == text:
				good, err := putBlob(ctx, blobs, s, body)
				if !good {
					lost = append(lost, e.Name)
				}
				return err
			case isOutput && s.Output == output:
				good, err := r.putOutput(ctx, s, body)
				if !good {
					lost = append(lost, output)
				}
				return err
			}
		}
	})
	if err != nil {
		return lost, archiveError(b.path, err)
	}
	return lost, nil
}

func putBlob(ctx context.Context, blobs *blob.Disk, s farm.Stored, body io.Reader) (good bool, err error) {
	ref, err := blob.ParseRef(s.Ref)
	if err == nil {
		err = blobs.Put(ctx, ref, s.Size, body)
	}
	if errors.Is(err, blob.ErrMismatch) || errors.Is(err, blob.ErrRef) {
		return false, nil
	}
	return true, err
}

// putOutput puts a result in place; one that is there with the same bytes stays.
func (r *replacement) putOutput(ctx context.Context, s farm.Stored, body io.Reader) (good bool, err error) {
	clean, err := blob.CleanPath(s.Output)
	if err != nil {
		return false, nil //nolint:nilerr // a name that no result can have
	}
	name := filepath.Join(masterDir, "outputs", filepath.FromSlash(clean))
	to := filepath.Join(r.data, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return false, r.cannot(err)
	}
	tmp, err := os.CreateTemp(filepath.Join(r.data, masterDir, "outputs"), restoring)
	if err != nil {
		return false, r.cannot(err)
	}
	defer os.Remove(tmp.Name())
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(tmp, sum), body)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
	if err != nil {
		return false, r.cannot(err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != s.Ref {
		return false, nil
	}
	if here, err := blob.HashFile(ctx, to); err == nil && here.Ref.String() == s.Ref {
		return true, nil
	}
	return true, r.put(tmp.Name(), name)
}
