package exr

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// sibling is one of the headers that are to become one.
type sibling struct {
	name string // for sentences
	*Header
}

// sameChannels is nil if all have the same channels of the same types, and the same part's name.
func sameChannels(all []sibling) error {
	first := all[0]
	for _, other := range all[1:] {
		if other.Name != first.Name {
			return mismatch("%s has the part %q where %s has %q", first.name, clean(first.Name), other.name, clean(other.Name))
		}
		if slices.Equal(first.Channels, other.Channels) {
			continue
		}
		for _, pair := range [][2]sibling{{first, other}, {other, first}} {
			for _, c := range pair[0].Channels {
				i := slices.IndexFunc(pair[1].Channels, func(d Channel) bool { return d.Name == c.Name })
				if i < 0 {
					return mismatch("%s lacks the channel %s that %s has", pair[1].name, clean(c.Name), pair[0].name)
				}
				if d := pair[1].Channels[i]; c.Type != d.Type {
					return mismatch("the channel %s is %v in %s and %v in %s", clean(c.Name), c.Type, pair[0].name, d.Type, pair[1].name)
				}
			}
		}
		return mismatch("the channels of %s and %s are not described alike", first.name, other.name)
	}
	return nil
}

// joint makes one value of those that differ; ok is false if it cannot.
type joint func(values []string) (one string, ok bool)

// windows are the attributes that say how the pixels are kept; whoever joins headers sets them.
var windows = []string{"channels", "chunkCount", "compression", "dataWindow", "displayWindow", "lineOrder", "type"}

// tileAttributes tells how an attribute of tiles is joined where it differs.
func tileAttributes(name string) joint {
	switch {
	case name == "RenderTime", strings.HasPrefix(name, "cycles.") && (strings.HasSuffix(name, ".render_time") || strings.HasSuffix(name, ".total_time")):
		return addTimes
	case strings.HasPrefix(name, "cycles.") && strings.HasSuffix(name, ".synchronization_time"):
		return longestTime
	case name == "Memory":
		return largest
	case name == "Date", name == "capDate":
		return latest
	case name == "Hostname":
		return each
	case name == "File": // where the scene lay on each machine
		return theFirst
	}
	return nil
}

func theFirst(values []string) (string, bool) { return values[0], true }

// joinAttributes makes one list of attributes, in the order of the first. Those of windows are the first's.
func joinAttributes(all []sibling, how func(name string) joint) ([]Attribute, error) {
	var list []Attribute
	done := map[string]bool{"preview": true}
	for _, s := range all {
		for _, a := range s.Attributes {
			if done[a.Name] {
				continue
			}
			done[a.Name] = true
			var values []string
			equal := true
			var lacks, differs string
			for _, other := range all {
				b, ok := other.Get(a.Name)
				switch {
				case !ok || b.Type != a.Type:
					equal, lacks = false, other.name
				default:
					if !bytes.Equal(a.Value, b.Value) {
						equal, differs = false, other.name
					}
					values = append(values, string(b.Value))
				}
			}
			one, ok := "", false
			if join := how(a.Name); join != nil && a.Type == "string" {
				one, ok = join(values) // equal times add up, too
			}
			switch {
			case ok:
				list = append(list, NewAttribute(a.Name, one))
			case equal, slices.Contains(windows, a.Name):
				list = append(list, a)
			case lacks != "":
				return nil, mismatch("%s lacks the attribute %s that %s has", lacks, clean(a.Name), s.name)
			default:
				return nil, mismatch("the attribute %s of %s differs from that of %s", clean(a.Name), differs, s.name)
			}
		}
	}
	return list, nil
}

// centis reads a time as Blender writes it, like 01:02:03.45 or 00:01.77, in hundredths of a second.
func centis(s string) (int64, bool) {
	clock, rest, _ := strings.Cut(s, ".")
	fields := strings.Split(clock, ":")
	if len(fields) > 3 || len(rest) > 2 {
		return 0, false
	}
	n := int64(0)
	for _, f := range fields {
		v, err := strconv.ParseUint(f, 10, 24)
		if err != nil {
			return 0, false
		}
		n = n*60 + int64(v)
	}
	if rest == "" {
		return n * 100, true
	}
	v, err := strconv.ParseUint((rest + "0")[:2], 10, 8)
	return n*100 + int64(v), err == nil
}

func clock(n int64) string {
	h, m, s, c := n/360000, n/6000%60, n/100%60, n%100
	if h > 0 {
		return fmt.Sprintf("%02d:%02d:%02d.%02d", h, m, s, c)
	}
	return fmt.Sprintf("%02d:%02d.%02d", m, s, c)
}

func times(values []string, add func(sum, v int64) int64) (string, bool) {
	sum := int64(0)
	for _, s := range values {
		v, ok := centis(s)
		if !ok {
			return "", false
		}
		sum = add(sum, v)
	}
	return clock(sum), true
}

func addTimes(values []string) (string, bool) {
	return times(values, func(sum, v int64) int64 { return sum + v })
}

func longestTime(values []string) (string, bool) {
	return times(values, func(sum, v int64) int64 { return max(sum, v) })
}

// largest picks a number of bytes as Blender writes it, like 33.20M.
func largest(values []string) (string, bool) {
	best, most := "", -1.0
	for _, s := range values {
		digits, scale := strings.TrimRight(s, "KMG"), 1.0
		if n := len(digits); n == len(s)-1 {
			scale = float64(int64(1) << (10 * (1 + strings.IndexByte("KMG", s[n]))))
		}
		v, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return "", false
		}
		if v*scale > most {
			best, most = s, v*scale
		}
	}
	return best, true
}

// latest picks a date that is written from the year down.
func latest(values []string) (string, bool) { return slices.Max(values), true }

// each names all that differ once.
func each(values []string) (string, bool) {
	var names []string
	for _, v := range values {
		if !slices.Contains(names, v) {
			names = append(names, v)
		}
	}
	return strings.Join(names, ", "), true
}
