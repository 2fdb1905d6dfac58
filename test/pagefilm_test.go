package test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	nr "github.com/netrender/netrender/internal/farm"
)

// TestPagesOfAFilm: the film of a job plays in its page, and one can go to any place in it; one that the browser cannot play is
// said to be so, and can be downloaded.
func TestPagesOfAFilm(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		lacking(t, "ffmpeg was not found: tools/setup installs it")
	}
	b := openBrowser(t)
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "10ms")
	job := f.submitFake("1-3", func(s *nr.JobSpec) { s.Film = &nr.Film{Format: nr.FilmMP4} })
	b.enter(f)
	page := f.url + "/jobs/" + job.ID.String()
	b.visit(page) // what the fake makes is no film
	b.sees("This browser cannot play the film (H.264 in MP4).", "Download it")
	b.accessible(axe(t), page)

	made := filepath.Join(t.TempDir(), "film.mp4")
	codec := []string{"-c:v", "libx264", "-pix_fmt", "yuv420p"}
	if value[string](b, `document.createElement("video").canPlayType('video/mp4; codecs="avc1.640028"')`) == "" {
		codec = []string{"-c:v", "libvpx-vp9"}
	}
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=24:duration=20"}, codec...)
	if out, err := exec.Command(ffmpeg, append(args, "-g", "24", "-b:v", "2M", made)...).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	text, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.data, "master", "outputs", job.Folder, "fake.mp4"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	b.visit(page)
	const video = `document.querySelector("video.film")`
	b.until("film", `(v => !!v && v.videoWidth == 640 && Math.abs(v.duration - 20) < 0.1)(`+video+`)`)
	b.until("film that plays", `(v => (v.muted = true, v.paused && v.play(), v.currentTime > 0.2))(`+video+`)`)
	b.until("place in the film", `(v => (v.pause(), v.currentTime < 15 && !v.seeking && (v.currentTime = 17.5), v.seekable.end(0) > 19 && v.currentTime > 17 && v.readyState >= 2))(`+video+`)`)

	ask, err := http.NewRequest(http.MethodGet, f.url+"/api/v1/jobs/"+job.ID.String()+"/film", nil)
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Authorization", "Bearer "+f.token())
	ask.Header.Set("Range", "bytes=1000-1999")
	got, err := http.DefaultClient.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
	if got.StatusCode != http.StatusPartialContent || got.ContentLength != 1000 || got.Header.Get("Content-Type") != "video/mp4" {
		t.Errorf("a piece of the film: %s, %d bytes, %v", got.Status, got.ContentLength, got.Header)
	}
}
