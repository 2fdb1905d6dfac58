package main

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/beacon"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// FuzzSettings reads any text as the settings file of commands that take all kinds of values: it is applied, or refused
// as a mistake of the user's in a sentence.
func FuzzSettings(f *testing.F) {
	f.Add("slots = 2\n[worker]\nslots = 3\ntags = [\"a\", \"b,c\"]\n")
	f.Add("data = \"/srv/farm\"\nmaster = \"oak\"\n")
	f.Add("[master]\nlisten = \":80\"\nopen = 1\n")
	f.Add("[render]\nchunk = 1e3\nframes = \"1-5\"\n")
	f.Add("slots = 07:32:00\n[worker.tags]\nx = {}\n")
	f.Add("[[worker]]\nslots = 1\n")
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		a := &app{}
		root := a.root()
		file, err := parseSettings("netrender.toml", []byte(text))
		if err == nil {
			err = unknownSettings(root, file, "netrender.toml")
		}
		for _, name := range []string{"master", "worker", "render", "jobs"} {
			if err != nil {
				break
			}
			var c *cobra.Command
			if c, _, err = root.Find([]string{name}); err == nil {
				err = setFlags(c, file, "netrender.toml")
			}
		}
		if err == nil {
			return
		}
		var e *farm.Error
		if !errors.Is(err, errUsage) || !errors.As(err, &e) || !strings.HasPrefix(e.Text, "netrender.toml") || strings.Contains(e.Text, "\n") {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// FuzzNote reads what anybody on the network may announce: what is taken for a master has an address of where the
// packet came from.
func FuzzNote(f *testing.F) {
	f.Add([]byte(`{"id":"0123456789abcdef0123456789abcdef","name":"oak","port":8420}`), []byte{10, 0, 0, 1})
	f.Add([]byte(`{"id":"x","name":"\u001b[2J","port":65535,"tls":true}`), []byte{254, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte(`{"id":"x","port":0}`), []byte{127, 0, 0, 1})
	f.Add([]byte(`{"id":1,"port":"8420"}`), []byte{})
	f.Add([]byte(`{"id":"x","port":1e2}`), []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1})
	f.Fuzz(func(t *testing.T, text, from []byte) {
		ip, ok := netip.AddrFromSlice(from)
		if !ok {
			ip = netip.IPv4Unspecified()
		}
		m, ok := readNote(beacon.Found{Payload: text, From: netip.AddrPortFrom(ip, 1)})
		if !ok {
			return
		}
		address, err := wire.ParseAddress(m.URL)
		if err != nil || m.ID == "" || !strings.Contains(address, ip.Unmap().String()) {
			t.Errorf("%q from %s became %+v: %v", text, ip, m, err)
		}
		if shown := severalMasters([]foundMaster{m}).Text; strings.ContainsAny(shown, "\x1b\x00\r\x07") {
			t.Errorf("%q writes to the terminal: %q", text, shown)
		}
	})
}
