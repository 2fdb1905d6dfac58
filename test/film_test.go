package test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// stream is what ffprobe says of a stream of a film.
type stream struct {
	Codec    string `json:"codec_name"`
	Type     string `json:"codec_type"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Rate     string `json:"r_frame_rate"`
	Frames   string `json:"nb_read_frames"`
	Duration string `json:"duration"`
	Hertz    string `json:"sample_rate"`
}

// streams asks FFmpeg what is in a film: it is decoded whole.
func streams(t *testing.T, film string) (video, sound stream) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", film).Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v", film, err)
	}
	var said struct{ Streams []stream }
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	for _, s := range said.Streams {
		switch s.Type {
		case "video":
			video = s
		case "audio":
			sound = s
		}
	}
	return video, sound
}

// decoded is a film, or numbered pictures, as pixels of three bytes.
func decoded(t *testing.T, args ...string) []byte {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command("ffmpeg", append(append([]string{"-v", "error"}, args...), "-f", "rawvideo", "-pix_fmt", "rgb24", "-")...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("ffmpeg %s: %v %s", strings.Join(args, " "), err, &errs)
	}
	return out
}

// onset is when a film's sound begins, in seconds.
func onset(t *testing.T, film string) float64 {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", film, "-f", "s16le", "-ac", "1", "-ar", "48000", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(out); i += 2 {
		if v := int16(binary.LittleEndian.Uint16(out[i:])); v > 2000 || v < -2000 {
			return float64(i/2) / 48000
		}
	}
	t.Fatalf("%s is silent", film)
	return 0
}

const filmPixels = 64 * 48 * 3 // bytes of a frame

// TestFilm has the farm make films, and looks at them with FFmpeg.
func TestFilm(t *testing.T) {
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(name); err != nil {
			lacking(t, "%s was not found: tools/setup installs it", name)
		}
	}
	for _, blender := range blenders(t) {
		t.Run(filepath.Base(blender), func(t *testing.T) {
			file := scene(t, blender, "film", "film.blend")
			f := startFarm(t)
			f.workerIn(knownBlender(t, blender), "oak", "--blender", blender)
			render := func(args ...string) (dir, said string) {
				dir = t.TempDir()
				args = append([]string{"render", "-o", dir, "--threads", "1", "--exr", "none", "--no-preview", "--blender", blender}, args...)
				out, errs, code := run(t, append(f.env(), "NETRENDER_DATA="+knownBlender(t, blender)), args...)
				if code != 0 {
					t.Fatalf("%v: exit %d\n%s%s\n%s", args, code, out, errs, tail(f.ok("logs", "1"), 2000))
				}
				return dir, errs
			}
			var frames []byte
			t.Run("lossless", func(t *testing.T) {
				dir, _ := render(file, "--film=lossless", "--chunk", "8")
				film := filepath.Join(dir, "film.mkv")
				video, sound := streams(t, film)
				if video.Codec != "ffv1" || video.Width != 64 || video.Height != 48 || video.Rate != "24000/1001" || video.Frames != "24" || sound.Codec != "flac" {
					t.Errorf("it is %+v with %+v", video, sound)
				}
				if frames = decoded(t, "-i", filepath.Join(dir, "f_%04d.png")); !bytes.Equal(decoded(t, "-i", film), frames) {
					t.Error("its frames are not those that the scene writes")
				}
				if at := onset(t, film); at < 0.499 || at > 0.502 {
					t.Errorf("its sound begins at %.4f s, not at 0.5", at)
				}
			})
			t.Run("of multilayer EXRs", func(t *testing.T) {
				dir, _ := render(file, "--film=lossless", "-f", "5-8", "--exr", "full", "--no-outputs", "--film-only")
				film := decoded(t, "-i", filepath.Join(dir, "film.mkv"))
				if len(film) != 4*filmPixels || len(frames) != 24*filmPixels {
					t.Fatalf("it has %d bytes of pixels", len(film))
				}
				worst := 0
				for i, v := range film {
					worst = max(worst, int(v)-int(frames[4*filmPixels+i]), int(frames[4*filmPixels+i])-int(v))
				}
				if worst > 2 { // dithered otherwise
					t.Errorf("it differs by %d from what the scene writes", worst)
				}
			})
			t.Run("the scene's own movie", func(t *testing.T) {
				dir, said := render(strings.Replace(file, "film.blend", "movie.blend", 1), "-f", "1-10,13-24", "--no-preview=false")
				film := filepath.Join(dir, "movie.mov")
				video, sound := streams(t, film)
				if video.Codec != "mpeg4" || video.Frames != "24" || video.Rate != "24000/1001" || sound.Codec != "mp3" || sound.Hertz != "44100" || !strings.HasPrefix(video.Duration, "1.00") {
					t.Errorf("it is %+v with %+v", video, sound)
				}
				if !strings.Contains(said, "frames 11 to 12 are missing") {
					t.Errorf("nothing is said of the frames that are missing:\n%s", said)
				}
				pixels := decoded(t, "-i", film)
				shows := func(n int) [3]int { // of a corner, where the scene is black
					at := n*filmPixels + 3*(64+1)
					return [3]int{int(pixels[at]), int(pixels[at+1]), int(pixels[at+2])}
				}
				for n := range 24 {
					if missing := n == 10 || n == 11; (shows(n)[0] > shows(n)[1]+40) != missing {
						t.Errorf("frame %d of the film shows %v in its corner", n+1, shows(n))
					}
				}
				preview := filepath.Join(dir, "preview.avi")
				f.ok("fetch", "3", "--preview-film", preview)
				video, sound = streams(t, preview)
				if video.Codec != "mjpeg" || video.Frames != "24" || video.Rate != "24000/1001" || video.Width != 64 || video.Height != 48 || !strings.HasPrefix(video.Duration, "1.00") || sound.Codec != "" {
					t.Errorf("of the previews it is %+v with %+v", video, sound)
				}
				pixels = decoded(t, "-i", preview)
				for n := range 24 {
					if missing := n == 10 || n == 11; len(pixels) != 24*filmPixels || (shows(n)[1] > 40 && shows(n)[1] < 70) != missing {
						t.Errorf("frame %d of the previews shows %v in its corner", n+1, shows(n))
					}
				}
			})
			t.Run("for browsers", func(t *testing.T) {
				dir, _ := render(file, "-f", "1-21x4", "--film-only", "--name", "sh: 1")
				if files := filesBelow(t, dir); len(files) != 1 || files[0] != "sh_ 1.mp4" {
					t.Fatalf("there is %v", files)
				}
				video, sound := streams(t, filepath.Join(dir, "sh_ 1.mp4"))
				if video.Codec != "h264" || video.Frames != "24" || sound.Codec != "aac" {
					t.Errorf("it is %+v with %+v", video, sound)
				}
			})
		})
	}
}

// TestFilmOutlivesWorkers: a worker that dies while it encodes loses nothing, and a frame that is rendered again makes the
// film anew.
func TestFilmOutlivesWorkers(t *testing.T) {
	t.Parallel()
	f := startFarm(t)
	f.heartbeat(500)
	slow := f.worker("oak", "--fake-renderer", "1500ms", "--slots", "7")
	job := f.submitFake("1-6,8", func(s *nr.JobSpec) { s.Film = &nr.Film{} })
	id := job.ID.String()
	eventually(t, time.Minute, "the film is begun", func() bool { return f.encoding(job.ID) })
	slow.kill()
	f.worker("yew", "--fake-renderer", "10ms")
	eventually(t, time.Minute, "the job is done", func() bool { return f.job(id).State == "done" })
	f.audit(job.ID, 8)
	film := func() string {
		dir := t.TempDir()
		f.ok("fetch", id, "--film", "-o", dir)
		text, err := os.ReadFile(filepath.Join(dir, "fake.mp4"))
		if err != nil {
			t.Fatal(err)
		}
		if files := filesBelow(t, dir); len(files) != 1 {
			t.Errorf("with the film came %v", files)
		}
		return string(text)
	}
	first := film()
	if strings.Count(first, "\n") != 8 || !strings.Contains(first, "7 missing\n") {
		t.Errorf("the film is\n%s", first)
	}
	if text := f.get("/jobs/" + id + "/film"); text != first {
		t.Errorf("the page gets %q", text)
	}
	seq := func() int64 { return f.filmAttempt(job.ID).Seq }
	before := seq()
	f.ok("retry", id, "-f", "3")
	eventually(t, time.Minute, "the film is made anew", func() bool { return f.job(id).State == "done" && seq() > before })
	if again := film(); again != first { // the same pictures
		t.Errorf("the film is now\n%s", again)
	}
	other := startFarm(t)
	archive := filepath.Join(t.TempDir(), "job.nrz")
	f.ok("archive", id, "-o", archive)
	copied := strings.Fields(other.ok("import", archive))[0]
	dir := t.TempDir()
	other.ok("fetch", copied, "--film", "-o", dir)
	if text, err := os.ReadFile(filepath.Join(dir, "fake.mp4")); err != nil || string(text) != first {
		t.Errorf("of the archive came %q, %v", text, err)
	}
}

// encoding tells whether a worker makes the job's film.
func (f *farm) encoding(id nr.JobID) bool {
	f.t.Helper()
	list, err := f.client().Workers(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	for i := range list {
		for _, r := range list[i].Running {
			if r.Job == id && r.Beat.Started && nr.IsFilm(r.No) {
				return true
			}
		}
	}
	return false
}

// filmAttempt is the accepted attempt at the job's film.
func (f *farm) filmAttempt(id nr.JobID) (film nr.Attempt) {
	f.t.Helper()
	page, err := f.client().Attempts(context.Background(), nr.AttemptFilter{Job: id, Accepted: true, Limit: wire.MaxPage}, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, a := range page.Attempts {
		if nr.IsFilm(a.Task()) {
			film = a
		}
	}
	return film
}
