package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	if c := text[0]; 'a' <= c && c <= 'z' && !strings.HasPrefix(text, "netrender ") {
		text = string(c-'a'+'A') + text[1:]
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// span says how long d is, in the two largest units that matter.
func span(d time.Duration) string {
	d = max(d, 0)
	s := int(math.Round(d.Seconds()))
	switch {
	case d < 10*time.Second && d%time.Second != 0:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case s < 100:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return pair(s/60, "min", s%60, "s", s < 600)
	case s < 86400:
		return pair(s/3600, "h", s%3600/60, "min", true)
	}
	return pair(s/86400, "d", s%86400/3600, "h", true)
}

func pair(n int, unit string, m int, small string, both bool) string {
	if m == 0 || !both {
		return fmt.Sprintf("%d %s", n, unit)
	}
	return fmt.Sprintf("%d %s %d %s", n, unit, m, small)
}

// moment is a time as a page shows it: how long ago, and exactly for whoever asks.
type moment struct {
	Ago   string
	Exact string // for people
	ISO   string // for programs; "": there is no time to show
}

func (p *Pages) moment(t time.Time) moment {
	if t.IsZero() {
		return moment{Ago: "never"}
	}
	now := p.opt.Now()
	m := moment{Exact: t.Local().Format("2 January 2006, 15:04:05 MST"), ISO: t.UTC().Format(time.RFC3339)}
	switch d := now.Sub(t); {
	case d < 5*time.Second:
		m.Ago = "just now"
	case d < 48*time.Hour:
		m.Ago = span(roundly(d)) + " ago"
	case t.Year() == now.Year():
		m.Ago = t.Local().Format("2 Jan 15:04")
	default:
		m.Ago = t.Local().Format("2 Jan 2006")
	}
	return m
}

// roundly leaves one unit, so that a number does not jump about while it is read.
func roundly(d time.Duration) time.Duration {
	switch {
	case d < 100*time.Second:
		return d.Truncate(time.Second)
	case d < 2*time.Hour:
		return d.Truncate(time.Minute)
	}
	return d.Truncate(time.Hour)
}

// megabytes says how much memory or disk mb is.
func megabytes(mb int) string {
	switch {
	case mb <= 0:
		return "unknown"
	case mb < 1000:
		return fmt.Sprintf("%d MB", mb)
	case mb < 10_000:
		return strconv.FormatFloat(float64(mb)/1024, 'f', 1, 64) + " GB"
	case mb < 1_000_000:
		return fmt.Sprintf("%.0f GB", float64(mb)/1024)
	}
	return strconv.FormatFloat(float64(mb)/(1<<20), 'f', 1, 64) + " TB"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// thousands writes a whole number with thin spaces between groups.
func thousands(n int) string {
	text := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return sign + text
}

// frames writes a set in ranges; a scattered one is cut off.
func frames(set farm.FrameSet) string {
	const most = 400
	text := strings.ReplaceAll(set.String(), ",", ", ")
	if len(text) <= most {
		return text
	}
	return text[:strings.LastIndex(text[:most], ", ")+2] + "..."
}

// systemOf names an operating system and processor as people do.
func systemOf(f *farm.Facts) string {
	name := map[string]string{"linux": "Linux", "darwin": "macOS", "windows": "Windows", "freebsd": "FreeBSD"}[f.OS]
	if name == "" {
		name = f.OS
	}
	if arch := map[string]string{"amd64": "x86-64", "arm64": "ARM 64"}[f.Arch]; arch != "" {
		return name + ", " + arch
	}
	return strings.TrimSuffix(name+", "+f.Arch, ", ")
}

// part is a piece of a bar, in hundredths of its length.
type part struct {
	Kind       string // done, failed or running
	From, Wide string
}

// bar divides a job's frames up. What is there at all is wide enough to be seen.
func bar(p farm.Progress) []part {
	if p.Total <= 0 {
		return nil
	}
	var parts []part
	at := 0.0
	for _, x := range []struct {
		kind string
		n    int
	}{{"done", p.Done}, {"failed", p.Failed}, {"running", p.Running}} {
		if x.n <= 0 {
			continue
		}
		wide := max(100*float64(x.n)/float64(p.Total), 0.5)
		if wide = min(wide, 100-at); wide > 0 {
			parts = append(parts, part{x.kind, percent(at), percent(wide)})
		}
		at += wide
	}
	return parts
}

func percent(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) + "%" }
