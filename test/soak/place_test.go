//go:build linux

package soak

import (
	"net"
	"testing"
)

// place is where a worker runs: on this machine, or on one of its own.
type place struct {
	prefix []string
}

func (r *run) place(string) *place { return &place{} }

// listen takes an address that the place can reach.
func (p *place) listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// plug pulls a worker's cable out or puts it in.
func (r *run) plug(name string, in bool) bool {
	r.links[name].setHole(!in, false)
	return true
}
