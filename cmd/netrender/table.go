package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"

	"github.com/netrender/netrender/internal/farm"
)

// The colours of states; they are used on a terminal only.
var stateColours = map[string]string{
	"done": "2", "active": "4", "running": "4", "queued": "6", "collecting": "6", "paused": "3", "failed": "1", "canceled": "8",
	"online": "2", "offline": "8", "disabled": "3", "draining": "3", "working": "4", "resting": "8",
}

// paint colours a word by its state when out is a terminal.
func (a *app) paint(word, state string) string {
	c, ok := stateColours[state]
	if !ok || !colours(a.out) {
		return word
	}
	return lipgloss.NewStyle().Foreground(lipgloss.Color(c)).Render(word)
}

// rows prints a table without lines: a head and rows.
func (a *app) rows(head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	t := table.New().Border(lipgloss.HiddenBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).
		BorderRight(false).BorderHeader(false).BorderRow(false).BorderColumn(false).
		StyleFunc(func(row, col int) lipgloss.Style {
			s := lipgloss.NewStyle().PaddingRight(2)
			if row == table.HeaderRow && colours(a.out) {
				s = s.Faint(true)
			}
			return s
		}).Headers(head...).Rows(rows...)
	for line := range strings.SplitSeq(t.String(), "\n") {
		fmt.Fprintln(a.out, strings.TrimRight(line, " "))
	}
}

// plainText makes text of strangers harmless on a terminal: no control characters, one line.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
}

// plainLog makes a log harmless on a terminal: newlines and tabs stay.
func plainLog(w io.Writer, text []byte) error {
	_, err := io.WriteString(w, strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(text), "?")))
	return err
}

// size writes bytes as people read them.
func size(n int64) string { return farm.Bytes(n) }

// span writes a duration as people read it.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
