package farm

import (
	"strings"
	"testing"
)

func TestShotOfAFilm(t *testing.T) {
	for frames, want := range map[string]Shot{
		"1-24":     {1, 24, 1, "n"},
		"5":        {5, 5, 1, "n"},
		"1-100x5":  {1, 100, 5, "n"}, // the last one is held, too
		"-10--5":   {-10, -5, 1, "n"},
		"1,5,9,30": {1, 30, 1, "n"}, // what is between is missing
		"1,5,9":    {1, 12, 4, "n"},
		"1,2,4,5":  {1, 5, 1, "n"},
		"1,4,5,10": {1, 10, 1, "n"}, // three times the first gap, and no step
	} {
		set, err := ParseFrameSet(frames)
		if err != nil {
			t.Fatal(err)
		}
		spec := JobSpec{Name: "n", Frames: set}
		if got := spec.Shot(0); got != want {
			t.Errorf("%s: %+v, want %+v", frames, got, want)
		}
	}
	for name, want := range map[string]string{"a/b:c": "a_b_c", " .. ": "film", "Sh\u00f6t 1": "Sh\u00f6t 1", "x\ny": "x_y", strings.Repeat("a", 300): strings.Repeat("a", 100) + "..."} {
		spec := JobSpec{Name: name, Frames: Frames(1)}
		if got := spec.Shot(0).Name; got != strings.TrimRight(want, ".") && got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestPictureOfAFilm(t *testing.T) {
	for _, c := range []struct {
		results []Result
		want    string
	}{
		{nil, ""},
		{[]Result{{Kind: KindPreview, Name: "p.jpg"}, {Kind: KindNode, Name: "n.png"}}, ""},
		{[]Result{{Kind: KindEXR, Name: "exr/1.exr"}, {Kind: KindOutput, Name: "1.png"}}, "1.png"},
		{[]Result{{Kind: KindOutput, Name: "1_L.JPG"}, {Kind: KindOutput, Name: "1_R.jpg"}}, "1_L.JPG"},
		{[]Result{{Kind: KindOutput, Name: "1.iris"}, {Kind: KindEXR, Name: "exr/1.exr"}}, "exr/1.exr"},
	} {
		if got, ok := FilmPicture(c.results); got.Name != c.want || ok != (c.want != "") {
			t.Errorf("%v: %q, %v, want %q", c.results, got.Name, ok, c.want)
		}
	}
}

func TestParseFilm(t *testing.T) {
	for text, want := range map[string]FilmFormat{"auto": FilmAuto, "": FilmAuto, "MP4": FilmMP4, "webm": FilmWebM, "scene": FilmScene, "lossless": FilmLossless} {
		if f, err := ParseFilm(text); err != nil || f.Format != want {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
	if f, err := ParseFilm("gif"); err == nil {
		t.Errorf("gif is %v", f)
	}
}
