package classic

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/blob/layout"
	"github.com/netrender/netrender/internal/farm"
)

// The numbers of V18, as the original's sources have them.
const (
	jobWaiting  = 0
	jobPaused   = 1
	jobFinished = 2
	jobQueued   = 3

	typeBlender   = 1
	subtypeRender = 1

	frameQueued     = 0
	frameDispatched = 1
	frameDone       = 2
	frameError      = 3
)

// decimal is a number that Python reads as a float: with a point also where there is nothing behind it.
type decimal float64

// MarshalJSON writes it without an exponent.
func (d decimal) MarshalJSON() ([]byte, error) {
	text := strconv.FormatFloat(float64(d), 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return []byte(text), nil
}

// renderJob is a job in JSON; clients of V18 want every field.
type renderJob struct {
	ID             string        `json:"id"`
	Type           int           `json:"type"`
	Subtype        int           `json:"subtype"`
	Name           string        `json:"name"`
	Category       string        `json:"category"`
	Tags           []string      `json:"tags"`
	Status         int           `json:"status"`
	Transitions    [][2]any      `json:"transitions"`
	Chunks         int           `json:"chunks"`
	Priority       int           `json:"priority"`
	Usage          decimal       `json:"usage"`
	Blacklist      []string      `json:"blacklist"`
	LastDispatched decimal       `json:"last_dispatched"`
	VersionInfo    any           `json:"version_info"`
	Resolution     []int         `json:"resolution"`
	Render         string        `json:"render"`
	Files          []renderFile  `json:"files"`
	Frames         []renderFrame `json:"frames"`
}

// renderFile is a file of a job; Start and End are -1 when all frames need it.
type renderFile struct {
	Filepath  string  `json:"filepath"`
	Original  string  `json:"original_path"`
	Index     int     `json:"index"`
	Start     int     `json:"start"`
	End       int     `json:"end"`
	Signature *string `json:"signature"`
	Force     bool    `json:"force"`
}

type renderFrame struct {
	Number  int          `json:"number"`
	Time    decimal      `json:"time"`
	Status  int          `json:"status"`
	Slave   *renderSlave `json:"slave"`
	Command string       `json:"command"`
	Results []string     `json:"results"`
}

type renderSlave struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Address    [2]any   `json:"address"`
	Stats      string   `json:"stats"`
	TotalDone  int      `json:"total_done"`
	TotalError int      `json:"total_error"`
	LastSeen   decimal  `json:"last_seen"`
	Tags       []string `json:"tags"`
}

// logFile says of which frames a slave is about to send a log.
type logFile struct {
	Job    string `json:"job_id"`
	Slave  string `json:"slave_id"`
	Frames []int  `json:"frames"`
}

// announced is what the door takes of a job that a client describes.
type announced struct {
	Type       *int     `json:"type"`
	Subtype    *int     `json:"subtype"`
	Name       string   `json:"name"`
	Category   string   `json:"category"`
	Tags       []string `json:"tags"`
	Chunks     int      `json:"chunks"`
	Priority   int      `json:"priority"`
	Blacklist  []string `json:"blacklist"`
	Resolution []int    `json:"resolution"`
	Render     string   `json:"render"`
	Files      []struct {
		Filepath  string  `json:"filepath"`
		Original  string  `json:"original_path"`
		Start     *int    `json:"start"`
		End       *int    `json:"end"`
		Signature *string `json:"signature"`
		Force     bool    `json:"force"`
	} `json:"files"`
	Frames []struct {
		Number int `json:"number"`
	} `json:"frames"`
}

// readJSON reads a body that describes something. A body of no bytes leaves v as it is.
func readJSON(r io.Reader, limit int64, v any) error {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return err
	case int64(len(text)) > limit:
		return farm.Errorf(farm.TooLarge, "the description is over %d bytes long", limit)
	case len(bytes.TrimSpace(text)) == 0:
		return nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return farm.Errorf(farm.Invalid, "the body is not the JSON that belongs here")
	}
	return nil
}

func writeJSON(w http.ResponseWriter, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, "application/json", text)
}

// readJob reads and checks a job that a client of V18 announces.
func readJob(r io.Reader) (*record, error) {
	var in announced
	if err := readJSON(r, maxJSON, &in); err != nil {
		return nil, err
	}
	switch {
	case in.Type != nil && *in.Type != typeBlender || in.Subtype != nil && *in.Subtype != subtypeRender:
		return nil, farm.Errorf(farm.Invalid, "this master renders scenes only: jobs that run commands, check out sources or bake are not taken here")
	case len(in.Files) == 0:
		return nil, farm.Errorf(farm.Invalid, "the job has no files")
	case len(in.Files) > maxFiles:
		return nil, farm.Errorf(farm.TooLarge, "the job has over %d files", maxFiles)
	}
	frames := make([]int, len(in.Frames))
	for i, f := range in.Frames {
		frames[i] = f.Number
	}
	set, err := frameSet(frames)
	if err != nil {
		return nil, err
	}
	rec := &record{
		Name: in.Name, Category: plain(in.Category, 200), Tags: in.Tags, Chunk: in.Chunks, Priority: in.Priority, Blacklist: in.Blacklist, Render: plain(in.Render, 63),
		Resolution: in.Resolution, Frames: set,
	}
	if len(in.Tags) > 100 || len(in.Blacklist) > 1000 || len(in.Resolution) > 10 {
		return nil, farm.Errorf(farm.TooLarge, "the job has too many tags or slaves that it denies")
	}
	for _, f := range in.Files {
		file := recordFile{Path: f.Filepath, Force: f.Force, Start: -1, End: -1}
		if file.Path == "" {
			file.Path = f.Original
		}
		if f.Start != nil && f.End != nil {
			file.Start, file.End = *f.Start, *f.End
		}
		if f.Signature != nil {
			file.MD5 = strings.ToLower(*f.Signature)
		}
		rec.Files = append(rec.Files, file)
	}
	return rec, rec.check()
}

// frameSet makes a set of frames that a client names.
func frameSet(frames []int) (farm.FrameSet, error) {
	if len(frames) == 0 {
		return farm.FrameSet{}, farm.Errorf(farm.Invalid, "the job has no frames")
	}
	if len(frames) > maxFrames {
		return farm.FrameSet{}, farm.Errorf(farm.TooLarge, "the job has over %d frames", maxFrames)
	}
	for _, n := range frames {
		if n < -farm.MaxFrame || n > farm.MaxFrame {
			return farm.FrameSet{}, farm.Errorf(farm.Invalid, "%d is not a frame that Blender knows", n)
		}
	}
	return farm.Frames(frames...), nil
}

// check refuses what no job can be made of, and puts numbers into their bounds.
func (rec *record) check() error {
	seen := make(map[string]bool, len(rec.Files))
	for i := range rec.Files {
		f := &rec.Files[i]
		if f.Path == "" || len(f.Path) > 4096 || plain(f.Path, 4096) != strings.TrimSpace(f.Path) {
			return farm.Errorf(farm.Invalid, "the job has a file with a path that cannot be used")
		}
		if seen[f.Path] {
			return farm.Errorf(farm.Invalid, "the job has the file %s twice", clip(f.Path, 200))
		}
		seen[f.Path] = true
		if f.MD5 != "" && !isMD5(f.MD5) {
			return farm.Errorf(farm.Invalid, "the file %s has a signature that is no MD5", clip(f.Path, 200))
		}
	}
	rec.Name = plain(rec.Name, farm.MaxName)
	if rec.Name == "" && len(rec.Files) > 0 {
		rec.Name = plain(path.Base(layout.Slashes(rec.Files[0].Path)), farm.MaxName)
	}
	rec.Chunk = min(max(rec.Chunk, 1), farm.MaxChunk)
	rec.Priority = min(max(rec.Priority, 1), farm.MaxPriority)
	for i := range rec.Tags {
		rec.Tags[i] = plain(rec.Tags[i], 100)
	}
	rec.Blacklist = slices.DeleteFunc(rec.Blacklist, func(id string) bool { return !isSlaveID(id) })
	return nil
}

// isMD5 tells 32 lower-case hex digits.
func isMD5(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
