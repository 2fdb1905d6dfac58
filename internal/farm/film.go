package farm

import (
	"path"
	"slices"
	"strings"
)

// Film asks for a video of a job's frames, with the scene's sound and frame rate.
type Film struct {
	Format FilmFormat `json:"format,omitempty"`
}

// FilmFormat is how a film is encoded.
type FilmFormat string

// The formats of films.
const (
	FilmAuto     FilmFormat = ""         // the scene's own settings when its output is a movie, else as FilmMP4, else as FilmWebM: by what the worker has
	FilmScene    FilmFormat = "scene"    // the scene's own encoding settings, also when its output is no movie
	FilmMP4      FilmFormat = "mp4"      // H.264 and AAC
	FilmWebM     FilmFormat = "webm"     // VP9, else AV1, and Opus
	FilmLossless FilmFormat = "lossless" // FFV1 and FLAC in Matroska: every pixel as it is in the frames, 8 bits a channel
)

var filmFormats = []FilmFormat{FilmAuto, FilmScene, FilmMP4, FilmWebM, FilmLossless}

// Valid tells whether there is such a format.
func (f FilmFormat) Valid() bool { return slices.Contains(filmFormats, f) }

// FilmFormatNames lists the formats for people; auto stands for FilmAuto.
func FilmFormatNames() string { return "auto, scene, mp4, webm or lossless" }

// ParseFilm reads the name of a format.
func ParseFilm(text string) (*Film, error) {
	f := FilmFormat(strings.ToLower(strings.TrimSpace(text)))
	if f == "auto" {
		f = FilmAuto
	}
	if !f.Valid() {
		return nil, Errorf(Invalid, "%q is not a kind of film", clip(text, 40)).WithHint("use %s", FilmFormatNames())
	}
	return &Film{Format: f}, nil
}

// MaxFilmFrames bounds how many frames a film has, those that it shows in place of missing ones too: over an hour at 24 a
// second.
const MaxFilmFrames = 100_000

// Shot is what a film shows: the frames from First to Last. With Step over 1 only every so many are rendered, and each is
// held until the next one; other frames that are not there are marked.
type Shot struct {
	First int    `json:"first"`
	Last  int    `json:"last"`
	Step  int    `json:"step"`
	Name  string `json:"name"` // of the film's file, without its ending
}

// Shot is what the job's film of a view shows; of a job without views that of the view 0.
func (s *JobSpec) Shot(view int) Shot {
	frames, name := s.Frames, s.filmName()
	if view < len(s.Views) {
		frames = s.framesOf(view)
	}
	n := frames.Count()
	if n == 0 {
		return Shot{Step: 1, Name: name}
	}
	shot := Shot{First: frames.At(0), Last: frames.At(n - 1), Step: 1, Name: name}
	if n < 2 {
		return shot
	}
	if step := frames.At(1) - shot.First; step > 1 && shot.Last-shot.First == step*(n-1) && frames.stepped(step) {
		shot.Step, shot.Last = step, shot.Last+step-1
	}
	return shot
}

// stepped tells whether all frames are so far from each other.
func (s FrameSet) stepped(step int) bool {
	last := s.At(0) - step
	for f := range s.All() {
		if f-last != step {
			return false
		}
		last = f
	}
	return true
}

// filmFrames is how many frames the longest film has.
func (s *JobSpec) filmFrames() (most int) {
	for i := range max(1, len(s.Views)) {
		shot := s.Shot(i)
		most = max(most, shot.Last-shot.First+1)
	}
	return most
}

// filmName is the job's name as a file's, without what file systems do not take.
func (s *JobSpec) filmName() string { return fileName(s.Name, "film") }

// fileName is a name without what file systems do not take; other stands for one of which nothing is left.
func fileName(name, other string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(clip(name, 100), " .")
	if name == "" {
		return other
	}
	return name
}

// pictures are endings of files that films can be made of, best first.
var pictures = []string{".png", ".tif", ".tiff", ".tga", ".bmp", ".jpg", ".jpeg", ".webp", ".jp2", ".exr", ".hdr", ".dpx", ".cin"}

// FilmPicture is the result of a frame that a film shows: the file that the scene itself writes, of several the first, else
// the multilayer EXR. ok is false when there is neither.
func FilmPicture(results []Result) (r Result, ok bool) {
	best := len(pictures)
	for i := range results {
		rank := slices.Index(pictures, strings.ToLower(path.Ext(results[i].Name)))
		if results[i].Kind == KindOutput && rank >= 0 && rank < best {
			r, ok, best = results[i], true, rank
		}
	}
	for i := range results {
		if !ok && results[i].Kind == KindEXR {
			r, ok = results[i], true
		}
	}
	return r, ok
}
