package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/beacon"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// What the doctor looks at outside of this machine's own disk and Blender: the master, the token that this machine shows
// it, and the ports that a master here would need.

// checkMaster looks for the master and asks it who this machine is; found tells whether there is one.
func (a *app) checkMaster(cmd *cobra.Command, tell func(finding)) (found bool) {
	given, _ := cmd.Flags().GetString("master")
	token, _ := cmd.Flags().GetString("token")
	masters, err := a.masters(cmd.Context(), given, token)
	if err != nil {
		tell(failed("master", err))
		return false
	}
	m := masters[0]
	ctx, cancel := context.WithTimeout(cmd.Context(), 10*time.Second)
	defer cancel()
	before := time.Now()
	m, info, err := a.ask(ctx, m)
	took := time.Since(before)
	if err != nil {
		tell(failed("master", err))
		return false
	}
	tell(finding{What: "master", OK: true, Text: fmt.Sprintf("%s (%s), Netrender %s, answers in %s", plainURL(m), plainText(info.Name), plainText(info.Program), span(took))})
	off := before.Add(took / 2).Sub(time.UnixMilli(info.Time)).Abs()
	clock := finding{What: "clock", OK: off < time.Minute, Text: fmt.Sprintf("%s off the master's", span(off))}
	if !clock.OK {
		clock.Next = "frames are rendered right all the same, but times shown will be wrong: set the clock"
	}
	tell(clock)
	if info.Disk != "" {
		tell(diskFinding(info.Disk))
	}
	a.checkTokens(ctx, m, &info, token, tell)
	return true
}

// checkTokens shows the master every token that this machine would show it, and tells what each is good for.
func (a *app) checkTokens(ctx context.Context, m foundMaster, info *wire.Info, given string, tell func(finding)) {
	if info.Open {
		tell(finding{What: "token", OK: true, Text: "the farm is open: nobody is asked for a token"})
		if client, err := clientOf(m, ""); err == nil {
			defer client.Close()
			checkPeers(ctx, client, tell)
		}
		return
	}
	check := func(token, next, where string) {
		var who wire.Whoami
		client, err := clientOf(m, token)
		if err == nil {
			defer client.Close()
			who, err = client.Whoami(ctx)
		}
		if err != nil {
			f := failed("token", err)
			if farm.KindOf(err) == farm.Denied {
				f.Next = next
			}
			tell(f)
			return
		}
		tell(finding{What: "token", OK: true, Text: fmt.Sprintf("this machine is let in as %s (%s): it may %s; the token is %s", plainText(who.Name), who.Role, may[who.Role], where)})
		if who.Role.Includes(farm.RoleView) {
			checkPeers(ctx, client, tell)
		}
	}
	if given != "" {
		check(given, "leave --token and NETRENDER_TOKEN out and run netrender pair, or ask an admin of the farm for another one", "the one that was given")
		return
	}
	own, known, lost := a.tokenFor(info.ID)
	m, err := known.meet(m)
	if err != nil {
		tell(failed("token", err))
		return
	}
	workers := known.Worker
	file := filepath.Join(a.settings.data, tokensFile)
	switch {
	case lost != nil:
		tell(failed("token", lost))
	case own != "" && own != known.Token:
		check(own, "netrender pair asks to be let in anew", "in "+filepath.Join(a.settings.data, adminTokenFile))
	case own != "" && known.Ring != "":
		check(own, "netrender pair asks to be let in anew", "in the system's keyring")
	case own != "":
		check(own, "netrender pair asks to be let in anew", "in "+file)
	}
	if workers != "" {
		check(workers, "netrender worker asks to be let in anew", "in "+file)
	}
	if own == "" && workers == "" && lost == nil {
		tell(finding{What: "token", Text: "the master wants a token, and this machine has none", Next: "netrender pair asks to be let in"})
	}
}

// checkPeers tells which workers others cannot fetch files from. Nothing fails for that: the files come from elsewhere.
func checkPeers(ctx context.Context, client *wire.Client, tell func(finding)) {
	list, err := client.Workers(ctx)
	if err != nil {
		tell(failed("workers", err))
		return
	}
	beyond := map[string]int{}
	for i := range list {
		if p := list[i].Load.Peer; p != nil && list[i].Online {
			for _, name := range p.Unreachable {
				beyond[name]++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(beyond)) {
		tell(finding{
			What: "workers", OK: true, Text: fmt.Sprintf("%s cannot be reached by %s: they fetch scenes' files elsewhere", plainText(name), count(beyond[name], "other worker")),
			Next: "open its TCP port for other workers (netrender worker --peer-port gives it a number that stays), or start it with --peer-port off",
		})
	}
}

// may is what the roles are for.
var may = map[farm.Role]string{
	farm.RoleView: "look", farm.RoleSubmit: "send jobs and steer them", farm.RoleWorker: "render", farm.RoleAdmin: "do everything",
}

// checkPorts tells whether a master can run here and be found. Where another machine is the master, that does not matter.
func (a *app) checkPorts(ctx context.Context, listen string, matters bool, tell func(finding)) {
	_, port, _ := net.SplitHostPort(listen)
	l, err := net.Listen("tcp", listen)
	switch {
	case err == nil:
		_ = l.Close()
		tell(finding{What: "port", OK: true, Text: fmt.Sprintf("%s is free for a master; other machines reach it by TCP", listen)})
	case a.runsHere(ctx, port):
		tell(finding{What: "port", OK: true, Text: fmt.Sprintf("the master of this machine listens on port %s", port)})
	default:
		f := failed("port", listenError(listen, err))
		if !matters {
			f.OK, f.Text, f.Next = true, f.Text+"; only a master would need it", ""
		}
		tell(f)
	}
	if err := beacon.CanHear(wire.DefaultPort); err != nil {
		tell(finding{
			What: "finding", OK: !matters, Text: fmt.Sprintf("UDP port %d is taken by another program: a master here would not be found by itself", wire.DefaultPort),
			Next: "name it to the others: netrender worker --master HOST",
		})
		return
	}
	tell(finding{What: "finding", OK: true, Text: fmt.Sprintf("a master here can be found by UDP port %d; firewalls must let it through, and the port above", wire.DefaultPort)})
}

// runsHere tells whether it is this machine's own master that listens on the port.
func (a *app) runsHere(ctx context.Context, port string) bool {
	m, ok := a.localMaster(ctx)
	if !ok {
		return false
	}
	u, err := url.Parse(m.URL)
	return err == nil && u.Port() == port
}
