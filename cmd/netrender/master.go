package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("farm", (*app).masterVerb)

func (a *app) masterVerb() *cobra.Command {
	var o masterOptions
	c := &cobra.Command{
		Use: "master", Short: "Run a master: it takes jobs and shares their frames out", Args: classicArg(&o.classic),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := a.newLogger(o.logJSON, o.verbose)
			s, err := a.openMaster(cmd.Context(), o, log)
			if err != nil {
				return err
			}
			return s.run(cmd.Context(), func() { a.welcome(s, false) })
		},
	}
	masterSettings(c, &o)
	return c
}

// masterSettings adds the flags of a master.
func masterSettings(c *cobra.Command, o *masterOptions) {
	f := c.Flags()
	f.StringVar(&o.listen, "listen", ":"+strconv.Itoa(wire.DefaultPort), "address to listen on, as HOST:PORT or :PORT")
	f.StringVar(&o.name, "name", "", "name shown to others (default: the machine's)")
	f.BoolVar(&o.open, "open", false, "ask nobody for a token (anybody on the network can run code on all workers)")
	f.BoolVar(&o.tls, "tls", false, "encrypt connections with a certificate made here; machines that are let in remember its key")
	f.StringVar(&o.cert, "tls-cert", "", "encrypt connections with this certificate (PEM, with its chain)")
	f.StringVar(&o.key, "tls-key", "", "the key of --tls-cert (PEM)")
	f.StringVar(&o.reserve, "reserve", "", "room on the disk that is kept for results and the database, as 5GB; when less is free, files of scenes are refused (default: 2GB, or 2 % of a smaller disk)")
	f.StringVar(&o.maxFile, "max-file", "", "largest file of a scene that is taken, as 20GB (default: as large as the disk takes)")
	f.IntVar(&o.connections, "max-connections", 512, "connections open at once from one address on which no token was shown, and 128 times as many with those on which one was; 0: any number")
	f.StringSliceVar(&o.hosts, "host", nil, "with --open: names of the Internet by which the master is reached, as farm.studio.com")
	f.IntVar(&o.auditDays, "audit-days", 400, "days for which it is kept who did what (netrender audit)")
	f.BoolVar(&o.peers, "peers", true, "let workers fetch scenes' files from one another, so that the master sends each mostly once")
	f.BoolVar(&o.link, "login-link", false, "print a link that logs a browser in also where the output is no terminal")
	f.StringVar(&o.publicURL, "public-url", "", "address of the pages in notifications, as https://farm.studio (default: the machine's first address)")
	classicSettings(c, &o.classic)
	f.BoolVar(&o.quiet, "quiet-network", false, "do not announce the master on the network")
	f.BoolVar(&o.logJSON, "log-json", false, "write the log as JSON")
	f.BoolVar(&o.verbose, "verbose", false, "write more to the log")
}

// welcome says where the master is and what to do next.
func (a *app) welcome(s *server, withWorker bool) {
	a.warn(s)
	a.warnClassic(s)
	link := ""
	if a.showsLink(s) {
		link = s.loginLink()
	}
	if a.json {
		says := map[string]any{"url": s.url, "addresses": s.addresses(), "id": s.id, "data": s.data}
		if link != "" {
			says["login"] = link
		}
		_ = a.print(says)
		return
	}
	what := "The master runs at"
	if withWorker {
		what = "A master and a worker run at"
	}
	fmt.Fprint(a.out, what)
	for _, u := range s.addresses() {
		fmt.Fprintf(a.out, "  %s", wire.WithPin(u, ""))
	}
	browser := "netrender login prints a link"
	switch {
	case s.opt.open:
		browser = wire.WithPin(s.addresses()[0], "")
	case link != "":
		browser = link + "\n                         (works once, for ten minutes; netrender login prints another one)"
		if s.proof != nil && s.proof.host == "" {
			browser += "\n                         The browser warns of the master's own certificate. Its SHA-256 fingerprint is\n                         " + s.proof.fingerprint()
		}
	}
	if pin := s.proof.kept(); pin != "" {
		fmt.Fprintf(a.out, "\n\n  its key                %s\n                         (behind a # in an address: nobody else is spoken to there)", pin)
	}
	fmt.Fprintf(a.out, "\n\n  in a browser           %s\n  on other machines      netrender worker\n"+
		"  to render a scene      netrender render FILE.blend -f 1-24 -o frames/\n  results and data       %s\n\nCtrl-C stops.\n", browser, s.data)
}

// warn says loudly what is not safe about the master's settings.
func (a *app) warn(s *server) {
	if s.opt.open {
		fmt.Fprintln(a.err, "WARNING: --open lets anybody on this network run code on every worker. Use it on networks you trust only.")
	}
	if s.exposed() {
		fmt.Fprintln(a.err, "WARNING: connections are not encrypted: whoever can listen in on this network can read scenes, frames and tokens, and use them. --tls encrypts them.")
	}
}

var _ = verb("more", func(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the program's version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.print(map[string]any{"version": version, "protocol": wire.Version})
			}
			fmt.Fprintf(a.out, "netrender %s\n", version)
			return nil
		},
	}
})
