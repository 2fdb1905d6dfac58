package blender

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Blender's status while it renders, as it stands in its log and in the render_stats handler (Blender's
// source/blender/render/intern/pipeline.cc, intern/cycles/blender/session.cpp):
//
//	3.x, 4.x  Fra:1 Mem:22.50M (Peak 23.01M) | Time:00:01.03 | Remaining:00:03.20 | Mem:1.20M, Peak:2.00M | Scene, ViewLayer | Sample 12/64
//	5.x       Remaining: 04:06:56.30 | Mem: 10M | Sample 1/100000
var (
	statFrame     = regexp.MustCompile(`\bFra: ?(-?\d{1,9})\b`)
	statSample    = regexp.MustCompile(`\b(?:Sample|Rendering|Rendered) (\d{1,9}) ?/ ?(\d{1,9})\b`)
	statTime      = regexp.MustCompile(`\bTime: ?((?:\d{1,4}:)?\d{1,4}:\d{1,2}(?:\.\d{1,3})?)`)
	statRemaining = regexp.MustCompile(`\bRemaining: ?((?:\d{1,4}:)?\d{1,4}:\d{1,2}(?:\.\d{1,3})?)`)
	statMemory    = regexp.MustCompile(`\bMem: ?(\d{1,9}(?:\.\d{1,3})?)([KMGB])`)
	statPeak      = regexp.MustCompile(`\bPeak:? ?(\d{1,9}(?:\.\d{1,3})?)([KMGB])`)
)

// ParseStatus reads one status line of Blender, from its log or its render_stats handler. ok is false when the line says
// nothing about the progress of a render. It accepts any text.
func ParseStatus(line string) (p Progress, ok bool) {
	line = strings.TrimSpace(line)
	if len(line) > lineBytes {
		line = strings.ToValidUTF8(line[:lineBytes], "")
	}
	if m := statFrame.FindStringSubmatch(line); m != nil {
		p.Frame, _ = strconv.Atoi(m[1])
		ok = true
	}
	if m := statSample.FindStringSubmatch(line); m != nil {
		p.Sample, _ = strconv.Atoi(m[1])
		p.Samples, _ = strconv.Atoi(m[2])
		ok = true
	}
	if m := statTime.FindStringSubmatch(line); m != nil {
		p.Elapsed = clock(m[1])
		ok = true
	}
	if m := statRemaining.FindStringSubmatch(line); m != nil {
		p.Remaining = clock(m[1])
		ok = true
	}
	// The last of several is the engine's own figure, which counts what the device holds.
	for _, m := range statMemory.FindAllStringSubmatch(line, -1) {
		p.Memory = max(p.Memory, amount(m[1], m[2]))
		ok = true
	}
	for _, m := range statPeak.FindAllStringSubmatch(line, -1) {
		p.Peak = max(p.Peak, amount(m[1], m[2]))
	}
	if !ok {
		return Progress{}, false
	}
	// What Blender is doing stands behind the figures.
	var doing []string
	for part := range strings.SplitSeq(line, " | ") {
		if !statTime.MatchString(part) && !statRemaining.MatchString(part) && !statMemory.MatchString(part) && !statFrame.MatchString(part) {
			doing = append(doing, strings.TrimSpace(part))
		}
	}
	p.Text = strings.Join(doing, " | ")
	return p, true
}

// clock reads 00:03.20, 12:00:03.20 or 01:02.
func clock(text string) time.Duration {
	var total time.Duration
	for part := range strings.SplitSeq(text, ":") {
		seconds, _ := strconv.ParseFloat(part, 64)
		total = total*60 + time.Duration(seconds*float64(time.Second))
	}
	return total
}

// amount reads Blender's sizes, whose units are powers of 1024.
func amount(number, unit string) int64 {
	value, _ := strconv.ParseFloat(number, 64)
	switch unit {
	case "K":
		value *= 1 << 10
	case "M":
		value *= 1 << 20
	case "G":
		value *= 1 << 30
	}
	return int64(value)
}
