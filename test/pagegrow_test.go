package test

import (
	"fmt"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// TestPagesOfAFrameInParts: a frame whose tiles come in is seen as far as it is there, in the viewer, the grid, the frame's and
// the job's page, and is replaced by the finished one, with nobody doing anything.
func TestPagesOfAFrameInParts(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	job := f.submitFake("1", func(s *nr.JobSpec) { s.Tiles = nr.Tiles{X: 3, Y: 2} })
	b.visit(f.link(f.url))
	b.press("Log in")
	b.sees("In progress")
	page := f.url + "/jobs/" + job.ID.String()
	b.visit(page + "/viewer")
	b.sees("No frame is done yet")

	f.worker("oak", "--fake-renderer", "4s", "--fake-size", "96")
	b.until("first tiles in the viewer", `/^[23] of 6 tiles$/.test(document.querySelector(".viewer .partly")?.textContent)`)
	if _, err := f.client().PauseJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	there := 0
	eventually(t, 20*time.Second, "the tile that was under way is done", func() bool {
		j, err := f.client().Job(t.Context(), job.ID)
		there = j.Done
		return err == nil && j.Running == 0
	})
	says := fmt.Sprintf("%d of 6 tiles", there)
	if there > 4 {
		t.Fatal("too many tiles are there already")
	}
	const bright = `(c => [[1, 1], [1, 3]].map(([x, y]) => [...c.getContext("2d").getImageData(c.width * x / 2, c.height * y / 4, 1, 1).data].slice(0, 3).join()))(document.querySelector(".screen canvas"))`
	b.until("tiles in the viewer", fmt.Sprintf(`document.querySelector(".viewer .partly").textContent == %q && document.querySelector(".screen").ariaLabel.includes(%q)`, says, says))
	if at := value[[]string](b, bright); at[0] == at[1] || at[1] != "38,38,38" { // the fifth tile is not there
		t.Errorf("in the second and the fifth tile is %v", at)
	}
	b.press("Frames")
	b.sees("Frame 1: waiting, " + says)
	b.until("cell that is half full", `(c => { const w = document.querySelector(".cells canvas"); const g = w.getContext("2d"); const h = 24 * devicePixelRatio;
		const at = y => g.getImageData(8, y, 1, 1).data.join(); return at(3) != at(h - 5); })()`)
	b.visit(page)
	b.sees("1, " + says)
	b.until("picture", `(i => !!i && i.complete && i.naturalWidth > 0 && i.alt.includes("of 6 tiles"))(document.querySelector(".pictures img"))`)
	b.visit(page + "/frames/1")
	b.until("picture of the frame", `(i => !!i && i.complete && i.naturalWidth > 0 && i.src.startsWith("blob:"))(document.querySelector(".framepicture img"))`)
	b.sees(says)
	checker := axe(t)
	b.accessible(checker, page+"/frames/1")
	b.accessible(checker, page+"/viewer")
	b.visit(page + "/viewer")
	b.until("tiles in the viewer", fmt.Sprintf(`document.querySelector(".viewer .partly")?.textContent == %q`, says))
	if _, err := f.client().ResumeJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	b.until("finished frame", `document.querySelector(".screen").ariaLabel.startsWith("Frame 1, done.") && document.querySelector(".viewer .partly").textContent == ""`)
	b.until("whole picture", `!`+bright+`.includes("38,38,38")`)
}
