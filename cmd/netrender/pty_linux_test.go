package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/netrender/netrender/internal/farm"
)

// onTerminal runs f with a terminal and returns what it wrote there.
func onTerminal(t *testing.T, f func(tty *os.File)) string {
	t.Helper()
	head, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	defer head.Close()
	fd := int(head.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 160}); err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string)
	go func() {
		var all bytes.Buffer
		_, _ = io.Copy(&all, head) // ends when the other side is closed
		seen <- all.String()
	}()
	f(tty)
	_ = tty.Close()
	return <-seen
}

// TestColours: NO_COLOR and TERM=dumb are honoured, and bars do not depend on colours.
func TestColours(t *testing.T) {
	for _, c := range []struct {
		noColor, term string
		colour, bar   bool
	}{
		{"", "xterm-256color", true, true},
		{"1", "xterm-256color", false, true},
		{"", "dumb", false, false},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		said := onTerminal(t, func(tty *os.File) {
			a := &app{streams: streams{strings.NewReader(""), tty, tty}}
			a.rows([]string{"JOB", "STATE"}, [][]string{{"1", a.paint("failed", "failed")}})
			a.newLogger(false, false).Info("hello")
		})
		if strings.Contains(said, "\x1b[") != c.colour || !strings.Contains(said, "failed") || !strings.Contains(said, "hello") {
			t.Errorf("%+v: %q", c, said)
		}
		said = onTerminal(t, func(tty *os.File) {
			a := &app{streams: streams{strings.NewReader(""), tty, tty}}
			s := a.newShow()
			frame := 1
			s.event(&farm.Event{Kind: farm.EventFrame, Frame: &frame, Progress: &farm.Progress{Total: 1, Done: 1}})
			s.close()
		})
		if bar := strings.Contains(said, "1/1 frames"); bar != c.bar || strings.Contains(said, "left") {
			t.Errorf("%+v: the bar is %q", c, said)
		}
	}
}

// Somebody who sees no colours is asked all the same before something is deleted.
func TestDumbTerminalIsAsked(t *testing.T) {
	t.Setenv("TERM", "dumb")
	said := onTerminal(t, func(tty *os.File) {
		if !terminal(tty) || colours(tty) {
			t.Error("a dumb terminal is none, or has colours")
		}
		runContext(context.Background(), []string{"version"}, streams{strings.NewReader(""), tty, tty})
	})
	if said != "netrender "+version+"\r\n" {
		t.Errorf("%q", said)
	}
}
