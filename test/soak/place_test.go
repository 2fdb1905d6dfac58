//go:build linux

package soak

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// place is where a worker runs: on this machine, or, where that can be made, in a network of its own with a cable to
// the switch that its link to the master listens at.
type place struct {
	machine string // network namespace; "": this machine
	hub     string // the switch's namespace
}

// The far worker's cable at the switch, and the switch's address in its network.
const (
	farPort    = "port1"
	hubAddress = "10.79.0.1"
)

// place makes the place of a worker.
func (r *run) place(name string) *place {
	p := &place{}
	if name != "far" || os.Geteuid() != 0 {
		return p
	}
	hub, machine := fmt.Sprintf("soak%d-hub", os.Getpid()), fmt.Sprintf("soak%d-far", os.Getpid())
	for _, args := range [][]string{
		{"netns", "add", hub},
		{"netns", "add", machine},
		{"-n", hub, "link", "set", "lo", "up"},
		{"-n", machine, "link", "set", "lo", "up"},
		{"-n", hub, "link", "add", "hub", "type", "bridge", "mcast_snooping", "0"},
		{"-n", hub, "addr", "add", hubAddress + "/24", "dev", "hub"},
		{"-n", hub, "link", "set", "hub", "up"},
		{"link", "add", "eth0", "netns", machine, "type", "veth", "peer", "name", farPort, "netns", hub},
		{"-n", hub, "link", "set", farPort, "master", "hub"},
		{"-n", hub, "link", "set", farPort, "up"},
		{"-n", machine, "addr", "add", "10.79.0.2/24", "dev", "eth0"},
		{"-n", machine, "link", "set", "eth0", "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			r.say("no network namespaces here, the cable is played by the proxy: ip %v: %v: %s", args, err, out)
			_ = exec.Command("ip", "netns", "del", hub).Run()
			_ = exec.Command("ip", "netns", "del", machine).Run()
			return p
		}
	}
	p.hub, p.machine = hub, machine
	r.far = p
	return p
}

// prefix is what starts a program there.
func (p *place) prefix() []string {
	if p.machine == "" {
		return nil
	}
	return []string{"ip", "netns", "exec", p.machine}
}

// listen takes an address that the place can reach. The socket belongs to the switch's network, whoever accepts from
// it.
func (p *place) listen() (net.Listener, error) {
	if p.hub == "" {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	type result struct {
		l   net.Listener
		err error
	}
	got := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine, in the other network
		ns, err := os.Open("/run/netns/" + p.hub)
		if err == nil {
			defer ns.Close()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err != nil {
			got <- result{nil, err}
			return
		}
		l, err := net.Listen("tcp", hubAddress+":0")
		got <- result{l, err}
	}()
	g := <-got
	return g.l, g.err
}

func (p *place) close() {
	if p.hub != "" {
		_ = exec.Command("ip", "netns", "del", p.machine).Run()
		_ = exec.Command("ip", "netns", "del", p.hub).Run()
	}
}

// plug pulls the far worker's cable out or puts it in.
func (r *run) plug(in bool) bool {
	if r.far == nil {
		r.links["far"].setHole(!in, false)
		return true
	}
	out, err := exec.Command("ip", "-n", r.far.hub, "link", "set", farPort, map[bool]string{true: "up", false: "down"}[in]).CombinedOutput()
	if err != nil {
		r.say("the cable: %v: %s", err, out)
	}
	return err == nil
}
