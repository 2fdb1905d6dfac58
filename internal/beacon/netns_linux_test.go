package beacon

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const netnsPort = 18420

// Two network namespaces, joined by a cable, stand for two machines on a LAN.
func TestTwoMachines(t *testing.T) {
	if role := os.Getenv("BEACON_TEST_ROLE"); role != "" {
		playRole(t, role)
		return
	}
	ip := func(args ...string) error {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	a, b := fmt.Sprintf("beacon%da", os.Getpid()), fmt.Sprintf("beacon%db", os.Getpid())
	if err := ip("netns", "add", a); err != nil {
		lacking(t, "needs root and the ip command: ", err)
	}
	defer ip("netns", "del", a)
	if err := ip("netns", "add", b); err != nil {
		lacking(t, "needs root and the ip command: ", err)
	}
	defer ip("netns", "del", b)
	must := func(args ...string) {
		t.Helper()
		if err := ip(args...); err != nil {
			lacking(t, "needs veth interfaces: ", err)
		}
	}
	must("link", "add", "eth0", "netns", a, "type", "veth", "peer", "name", "eth0", "netns", b)
	for _, c := range []struct {
		name         string
		mask         string // mask: without a subnet there is no broadcast address
		multicast    string
		master, find string // roles
	}{
		{"broadcast and multicast", "/24", "on", "announce", "find"},
		{"broadcast only", "/24", "off", "announce", "find"},
		{"multicast only", "/32", "on", "announce", "find"},
		{"mDNS only", "/24", "on", "announce", "find-dns"},
		{"the interface comes later", "/32", "on", "announce-late", "find"},
		{"the finder's interface comes later", "/32", "on", "announce", "find-late"},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := func(ns, addr, peer string) {
				t.Helper()
				must("-n", ns, "addr", "add", addr+c.mask, "dev", "eth0", "brd", "+")
				must("-n", ns, "link", "set", "eth0", "multicast", c.multicast)
				must("-n", ns, "link", "set", "eth0", "up")
				must("-n", ns, "route", "replace", peer+"/32", "dev", "eth0")
			}
			defer func() {
				for _, ns := range []string{a, b} {
					ip("-n", ns, "addr", "flush", "dev", "eth0")
					ip("-n", ns, "link", "set", "eth0", "down")
				}
			}()
			upA, upB := func() { up(a, "10.9.0.1", "10.9.0.2") }, func() { up(b, "10.9.0.2", "10.9.0.1") }
			if c.master != "announce-late" {
				upA()
			}
			if c.find != "find-late" {
				upB()
			}
			_, endMaster := play(t, a, c.master)
			defer endMaster()
			if c.master == "announce-late" {
				upA()
			}
			said, endFinder := play(t, b, c.find)
			defer endFinder()
			if c.find == "find-late" {
				upB()
			}
			line, err := said.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, "found hello from 10.9.0.1") {
				t.Fatalf("%q, %v", line, err)
			}
			t.Log(strings.TrimSpace(line))
		})
	}
}

// play runs a role in a namespace, and returns what it says after it is ready.
func play(t *testing.T, ns, role string) (*bufio.Reader, func()) {
	t.Helper()
	child := exec.Command("ip", "netns", "exec", ns, os.Args[0], "-test.run=^TestTwoMachines$")
	child.Env = append(os.Environ(), "BEACON_TEST_ROLE="+role)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := child.StdinPipe() // its end ends the child
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return r, func() {
		in.Close()
		child.Wait()
	}
}

// playRole is what runs inside a namespace, until its standard input ends.
func playRole(t *testing.T, role string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go func() {
		os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	if strings.HasPrefix(role, "announce") {
		ready := make(chan struct{})
		go func() {
			<-ready
			fmt.Println("ready")
		}()
		a := &Announcer{Service: service, Port: netnsPort, Payload: says("hello"), MDNS: 8420, Ready: ready, Refresh: 50 * time.Millisecond}
		if err := a.Run(ctx); err != nil {
			t.Fatal(err)
		}
		return
	}
	q := Query{Service: service, Port: netnsPort, Refresh: 50 * time.Millisecond}
	if role == "find-dns" { // probes go where nobody listens
		q.Port, q.MDNS = netnsPort+1, true
	}
	fmt.Println("ready")
	start := time.Now()
	for f := range Find(ctx, q) {
		fmt.Printf("found %s from %s after %v\n", f.Payload, f.From, time.Since(start).Round(10*time.Microsecond))
		break
	}
	<-ctx.Done()
}

// lacking skips a test that this machine cannot run; where everything is required it fails.
func lacking(t *testing.T, why ...any) {
	t.Helper()
	if os.Getenv("NETRENDER_TEST_BLENDER") == "required" {
		t.Fatal(why...)
	}
	t.Skip(why...)
}
