package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/api"
	"github.com/netrender/netrender/internal/beacon"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/classic"
	"github.com/netrender/netrender/internal/farm"
)

const (
	classicAddress = ":8000" // where the original listened
	classicBeacon  = 8000    // UDP, where its clients listen for a master
	classicDir     = "classic"
)

// classicOptions are the settings of the door for the original Netrender.
type classicOptions struct {
	listen   string // "": none
	dialect  string
	version  string
	allow    []string
	roots    []string
	blender  string
	announce bool
}

// classicSettings adds the flags of the classic door.
func classicSettings(c *cobra.Command, o *classicOptions) {
	f := c.Flags()
	f.StringVar(&o.listen, "classic", "", "also speak the protocol of the original Netrender (Blender 2.5 to 2.79) at this address, as :8000; it has no passwords")
	f.Lookup("classic").NoOptDefVal = classicAddress
	f.StringVar(&o.dialect, "classic-dialect", string(classic.V18), "which protocol that is: 1.8 (Blender 2.59 to 2.79) or page (2009)")
	f.StringVar(&o.version, "classic-version", classic.DefaultVersion, "version of the original that its clients are told; most want their own")
	f.StringSliceVar(&o.allow, "classic-allow", nil, "addresses besides private ones that the original's clients may have, as 203.0.113.0/24")
	f.StringSliceVar(&o.roots, "classic-root", nil, "folder of this machine of which files are read that the original's clients announce by their paths (default: none, they send all)")
	f.StringVar(&o.blender, "classic-blender", "2.79", "version of Blender that the original's slaves run; they do not say")
	f.BoolVar(&o.announce, "classic-announce", true, "with --classic-dialect 1.8: announce the master to the original's clients by UDP broadcast")
}

// classicArg lets the address follow --classic as a word of its own; else the command takes no words.
func classicArg(o *classicOptions) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && cmd.Flags().Changed("classic") && o.listen == classicAddress && strings.Contains(args[0], ":") {
			o.listen = args[0]
			return nil
		}
		return cobra.NoArgs(cmd, args)
	}
}

// on tells whether there is to be a door. The settings file may say true.
func (o *classicOptions) on() bool {
	if o.listen == "true" {
		o.listen = classicAddress
	}
	return o.listen != "" && o.listen != "false"
}

// allowed reads the addresses that are spoken to.
func (o *classicOptions) allowed() (list []netip.Prefix, err error) {
	for _, text := range o.allow {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			addr, aerr := netip.ParseAddr(text)
			if aerr != nil {
				return nil, usagef("--classic-allow takes addresses as 203.0.113.0/24 or 203.0.113.7, not %q", text)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

// openClassic makes the classic door, if there is to be one.
func (s *server) openClassic(guard *blob.Guard, maxFile int64) error {
	o := &s.opt.classic
	if !o.on() {
		return nil
	}
	allow, err := o.allowed()
	if err != nil {
		return err
	}
	runs, err := farm.ParseVersion(o.blender)
	if err != nil {
		return usagef("--classic-blender is a version as 2.79, not %q", o.blender)
	}
	if !classic.Dialect(o.dialect).Valid() {
		return usagef("--classic-dialect is 1.8 or page, not %q", o.dialect)
	}
	s.classic, err = classic.New(classic.Options{
		Master: s.master, Blobs: guard, Dir: filepath.Join(s.data, masterDir, classicDir, o.dialect), Now: time.Now, Rand: rand.Reader, Log: s.log,
		Program: version, Dialect: classic.Dialect(o.dialect), Version: o.version, Allow: allow, Roots: o.roots, Blender: runs, MaxFile: maxFile,
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return listenError(o.listen, err)
	}
	s.close = append(s.close, func() { _ = l.Close() })
	s.classicListen = api.Limit(l, s.opt.connections, s.log)
	return nil
}

// runClassic serves the classic door until ctx ends.
func (s *server) runClassic(ctx context.Context) {
	var loops sync.WaitGroup
	defer loops.Wait()
	at := s.classicListen.Addr().(*net.TCPAddr)
	s.log.Info("the original Netrender's protocol is spoken", "address", at.String(), "dialect", s.opt.classic.dialect)
	loops.Go(func() {
		if err := s.classic.Run(ctx); err != nil {
			s.log.Error("the classic door cannot go on with its jobs", "err", err)
		}
	})
	if s.opt.classic.announce && s.opt.classic.dialect == string(classic.V18) && !s.opt.quiet && !at.IP.IsLoopback() {
		loops.Go(func() {
			_ = beacon.Broadcast(ctx, classicBeacon, []byte(strconv.Itoa(at.Port)), 2*time.Second)
		})
	}
	if err := s.classic.Serve(ctx, s.classicListen, 10*time.Second); err != nil && ctx.Err() == nil {
		s.log.Error("the classic door cannot serve any more", "err", err)
	}
}

// warnClassic says loudly what the classic door means.
func (a *app) warnClassic(s *server) {
	if s.classic == nil {
		return
	}
	fmt.Fprintf(a.err, "WARNING: --classic lets every machine on private networks submit scenes at %s, render frames of all jobs that the original's slaves can, "+
		"and read the scenes of those: its protocol has no passwords. Use it on networks you trust only.\n", s.classicListen.Addr())
}
