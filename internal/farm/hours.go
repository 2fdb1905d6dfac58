package farm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Hours are the times of a week in which a worker takes work, by the clock of its machine. Without any it always does.
type Hours struct {
	spans []weekSpan // sorted, apart from one another
	text  string
}

// weekSpan is from a minute of the week, counted from Monday, up to another; the second may be in the next week.
type weekSpan struct{ from, to int }

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
	maxHours    = 50 // entries
)

var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// ParseHours reads entries with commas: days, times, or both, as "mon-fri 19:00-07:00, sat-sun". Times that end before
// they begin end on the next day. Empty: always.
func ParseHours(text string) (Hours, error) {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	if text == "" {
		return Hours{}, nil
	}
	var open [weekMinutes + dayMinutes]bool
	entries := strings.Split(text, ",")
	if len(entries) > maxHours {
		return Hours{}, Errorf(TooLarge, "hours have at most %d entries", maxHours)
	}
	for i := range entries {
		entries[i] = strings.TrimSpace(entries[i])
		from, to, begin, end, err := parseEntry(entries[i])
		if err != nil {
			return Hours{}, err
		}
		for day := from; ; day = (day + 1) % 7 {
			for m := begin; m < end; m++ {
				open[(day*dayMinutes+m)%weekMinutes] = true
			}
			if day == to {
				break
			}
		}
	}
	h := Hours{text: strings.Join(entries, ", ")}
	for m := 0; m < weekMinutes; m++ {
		if !open[m] {
			continue
		}
		start := m
		for m < weekMinutes && open[m] {
			m++
		}
		h.spans = append(h.spans, weekSpan{start, m})
	}
	if n := len(h.spans); n > 1 && h.spans[0].from == 0 && h.spans[n-1].to == weekMinutes { // Sunday night goes on
		h.spans[n-1].to += h.spans[0].to
		h.spans = h.spans[1:]
	}
	return h, nil
}

// parseEntry reads days and times; end is after begin and may be in the next day.
func parseEntry(entry string) (from, to, begin, end int, err error) {
	wrong := func() error {
		return Errorf(Invalid, "%q are no hours", clip(entry, 60)).WithHint("write them as mon-fri 19:00-07:00, sat-sun")
	}
	from, to, begin, end = 0, 6, 0, dayMinutes
	words := strings.Split(entry, " ")
	if len(words) > 2 || entry == "" {
		return 0, 0, 0, 0, wrong()
	}
	if !strings.Contains(words[0], ":") {
		first, last, span := strings.Cut(words[0], "-")
		if !span {
			last = first
		}
		from, to = slices.Index(weekdays, first), slices.Index(weekdays, last)
		if from < 0 || to < 0 {
			return 0, 0, 0, 0, wrong()
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return from, to, begin, end, nil
	}
	a, b, span := strings.Cut(words[0], "-")
	var ok bool
	if begin, ok = clockOf(a); !span || !ok || begin == dayMinutes || len(words) > 1 {
		return 0, 0, 0, 0, wrong()
	}
	if end, ok = clockOf(b); !ok || begin == end {
		return 0, 0, 0, 0, wrong()
	}
	if end < begin {
		end += dayMinutes
	}
	return from, to, begin, end, nil
}

// clockOf reads 7:00 as minutes of the day; 24:00 is its end.
func clockOf(text string) (minutes int, ok bool) {
	h, m, found := strings.Cut(text, ":")
	hours, err := strconv.Atoi(h)
	if !found || err != nil || len(m) != 2 || len(h) > 2 || strings.ContainsAny(text, "+-") {
		return 0, false
	}
	rest, err := strconv.Atoi(m)
	if err != nil || rest > 59 || hours > 24 || hours == 24 && rest > 0 {
		return 0, false
	}
	return hours*60 + rest, true
}

// String is the hours as ParseHours reads them.
func (h Hours) String() string { return h.text }

// Always tells whether the hours never end.
func (h Hours) Always() bool {
	return h.text == "" || len(h.spans) == 1 && h.spans[0] == weekSpan{0, weekMinutes}
}

// Open tells whether a machine whose clock is that far ahead of UTC takes work at a time, and when that changes; it never
// does when next is zero.
func (h Hours) Open(t time.Time, offset time.Duration) (open bool, next time.Time) {
	if h.Always() {
		return true, time.Time{}
	}
	local := t.UTC().Add(offset)
	minute := (int(local.Weekday())+6)%7*dayMinutes + local.Hour()*60 + local.Minute()
	start := local.Truncate(time.Minute).Add(-offset) // offsets are whole minutes
	at := func(m int) time.Time { return start.Add(time.Duration(m-minute) * time.Minute) }
	wait := 2 * weekMinutes
	for _, s := range h.spans {
		for _, shift := range []int{-weekMinutes, 0, weekMinutes} {
			from, to := s.from+shift, s.to+shift
			if from <= minute && minute < to {
				return true, at(to)
			}
			if from > minute {
				wait = min(wait, from)
			}
		}
	}
	return false, at(wait)
}

// Schedule is when a worker is to be given work, besides what it is asked for.
type Schedule struct {
	Open  bool      `json:"open"`             // it is given work now
	Text  string    `json:"text,omitempty"`   // why it is not, or what is not known, as a sentence
	Until time.Time `json:"until,omitzero"`   // when its hours end or begin; left out where they do not matter now
	InUse bool      `json:"in_use,omitempty"` // somebody uses the machine, and that matters
}

// Limits of a worker's WhenIdle, in seconds.
const (
	minWhenIdle = 30
	maxWhenIdle = 24 * 3600
)

// CheckSchedule refuses settings that make no sense, and writes the hours as they are read.
func (w *Worker) CheckSchedule() error {
	h, err := ParseHours(w.Hours)
	if err != nil {
		return err
	}
	w.Hours = h.String()
	if w.WhenIdle != 0 && (w.WhenIdle < minWhenIdle || w.WhenIdle > maxWhenIdle) {
		return Errorf(Invalid, "a machine is idle after %d s to %d h without its user, not after %d s", minWhenIdle, maxWhenIdle/3600, w.WhenIdle).
			WithHint("0: its user does not matter")
	}
	return nil
}

// ScheduleOf tells whether a worker with these settings is given work at a time. here is how far the master's own clock
// is ahead of UTC, for workers that do not say how far theirs is.
func ScheduleOf(w *Worker, h Hours, l *Load, now time.Time, here time.Duration) Schedule {
	s := Schedule{Open: true}
	offset, told := here, false
	for _, minutes := range []*int{w.Facts.UTCOffset, l.UTCOffset} {
		if minutes != nil && *minutes >= -maxOffset && *minutes <= maxOffset {
			offset, told = time.Duration(*minutes)*time.Minute, true
		}
	}
	if open, next := h.Open(now, offset.Truncate(time.Minute)); !next.IsZero() {
		s.Until = next.UTC()
		if !open {
			s.Open = false
			s.Text = "its hours are " + h.String() + "; it takes work again " + next.UTC().Add(offset).Format("Mon 15:04")
		}
		if !told {
			s.Text = strings.TrimPrefix(s.Text+"; it does not say its time zone, so that the master's counts", "; ")
		}
	}
	if w.WhenIdle == 0 {
		return s
	}
	s.InUse = l.UserIdle != nil && *l.UserIdle < float64(w.WhenIdle)
	if !s.Open {
		return s
	}
	idle := time.Duration(w.WhenIdle) * time.Second
	switch {
	case l.UserIdle == nil:
		s.Text = strings.TrimPrefix(s.Text+"; it does not know whether somebody uses the machine, so that it counts as free", "; ")
	case s.InUse:
		s.Open = false
		s.Text = fmt.Sprintf("somebody uses the machine; it takes work after %s without keyboard and mouse", shortTime(idle))
	}
	return s
}

// maxOffset is more than any time zone is away from UTC, in minutes.
const maxOffset = 18 * 60

func shortTime(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
