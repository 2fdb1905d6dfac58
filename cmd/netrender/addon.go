package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/addon"
	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("more", (*app).addonVerb)

// addonOptions say what is in the add-on's zip.
type addonOptions struct {
	out, platform, program string
	noProgram, noMaster    bool
	force                  bool
}

func (a *app) addonVerb() *cobra.Command {
	var o addonOptions
	c := &cobra.Command{
		Use: "addon -o FILE", Short: "Write the add-on for Blender as one zip to install", Args: cobra.NoArgs,
		Long: `Write the add-on for Blender as one zip to install, for Blender 3.4 and newer. This program is inside, and the address of
the master that this machine knows, if any; never a token.

To install it in Blender 4.2 or newer, drag the zip onto Blender's window, or choose Install from Disk in
Edit > Preferences > Get Extensions. In older ones press Install in Edit > Preferences > Add-ons and tick
"Render: Netrender".

For another platform its program is taken from --program, or from the folder programs/ beside this program or in the data
folder, where it is called netrender-OS-ARCH (netrender-windows-amd64.exe) or lies as an archive of the release unpacks.`,
		Example: "  netrender addon -o netrender.zip\n  netrender addon -o netrender.zip --platform windows-amd64 --program netrender.exe --master render-master",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.out == "" {
				return usagef("the add-on needs the name of a file: -o FILE")
			}
			if o.noProgram && (o.program != "" || o.platform != "") {
				return usagef("--no-program leaves out what --program and --platform choose")
			}
			given, _ := cmd.Flags().GetString("master")
			if o.noMaster {
				if cmd.Flags().Changed("master") {
					return usagef("--no-master leaves out what --master names")
				}
				given = ""
			}
			return a.addon(cmd.Context(), o, given)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.out, "out", "o", "", "file to write")
	f.StringVar(&o.platform, "platform", "", "platform of the program inside, as linux-amd64, darwin-arm64 or windows-amd64 (default: this machine's)")
	f.StringVar(&o.program, "program", "", "the program to put inside (default: this one)")
	f.BoolVar(&o.noProgram, "no-program", false, "put no program inside: the add-on uses the one on the PATH")
	f.String("master", "", "the master's address for the add-on (default: the one that this machine knows, if any)")
	f.BoolVar(&o.noMaster, "no-master", false, "put no master's address inside: the add-on finds the master on the network")
	f.BoolVar(&o.force, "force", false, "replace a file that is there")
	return c
}

func (a *app) addon(ctx context.Context, o addonOptions, given string) error {
	z := addon.Zip{Modules: blender.Packages(), Version: version}
	if !o.noMaster {
		m, id, err := a.masterToName(given)
		if err != nil {
			return err
		}
		z.Master, z.Farm = m, id
	}
	if !o.noProgram {
		var b bytes.Buffer
		if err := a.packProgram(&b, o); err != nil {
			return err
		}
		var err error
		if z.Program, err = addon.Packed(bytes.NewReader(b.Bytes()), int64(b.Len())); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	written, err := writeWhole(o.out, o.force, z.Write)
	if err != nil {
		return err
	}
	if a.json {
		return a.print(map[string]any{
			"file": o.out, "bytes": written, "version": version, "program": z.Program != nil, "platform": z.Platform(), "master": z.Master,
		})
	}
	what := "without a program: it uses the one on the PATH where Blender runs"
	if p := z.Platform(); p != "" {
		what = "with the program for " + p.Title()
	}
	knows := "It finds the master on the network."
	if z.Master != "" {
		knows = "It knows the master at " + wire.WithPin(z.Master, "") + "."
	}
	fmt.Fprintf(a.out, "%s is the add-on for Blender, %s (%s). %s\n", o.out, what, size(written), knows)
	return nil
}

// packProgram packs the program that was asked for.
func (a *app) packProgram(w io.Writer, o addonOptions) error {
	p := addon.Platform(o.platform)
	if p != "" && !p.Known() {
		return fmt.Errorf("%w%w", hidden{errUsage}, unknownPlatform(o.platform))
	}
	if o.program != "" {
		f, err := os.Open(o.program)
		if err != nil {
			return farm.Errorf(farm.NotFound, "%s cannot be read: %s", o.program, reasonOf(err)).WithHint("name the program with --program")
		}
		defer f.Close()
		found, err := addon.Inspect(f)
		if err == nil && p != "" && found != p {
			err = isProgram(f, p)
		}
		if err != nil {
			return farm.Errorf(farm.Invalid, "%s cannot be put into the add-on: %s", o.program, err).
				WithHint("name one with --program; the releases have one for each platform")
		}
		return addon.Pack(w, found, f)
	}
	if p == "" {
		p = thisPlatform
	}
	f, err := newAddonStore(a.settings.data, nil).open(p)
	if err != nil {
		var e *farm.Error
		if errors.As(err, &e) {
			return e.WithHint("name it with --program FILE, or leave it out with --no-program")
		}
		return err
	}
	defer f.Close()
	return addon.Pack(w, p, f)
}

// masterToName is the address that an add-on is given, and the farm's id when that is known: the master that was named,
// that runs here, or the only one that let this machine in. Nobody is asked over the network.
func (a *app) masterToName(given string) (address, id string, err error) {
	known, err := a.readFarms()
	if err != nil {
		return "", "", err
	}
	here, hereErr := a.readRunning()
	if given == "" {
		if hereErr == nil && len(here.Addresses) > 0 {
			return here.Addresses[0], here.ID, nil
		}
		for farm, f := range known {
			if f.At != "" && id != "" { // which of them is meant nobody knows
				return "", "", nil
			} else if f.At != "" {
				address, id = wire.WithPin(f.At, f.Pin), farm
			}
		}
		return address, id, nil
	}
	m, err := named(given)
	if err != nil {
		return "", "", err
	}
	at := plainURL(m)
	for id, f := range known {
		if f.At == at || m.bare && f.At == "https"+at[len("http"):] {
			pin := f.Pin
			if p := wire.PinIn(m.URL); p != "" {
				pin = p
			}
			return wire.WithPin(f.At, pin), id, nil
		}
	}
	if m.bare { // whether it encrypts is found out when it is asked
		return at[len("http://"):], "", nil
	}
	return m.URL, "", nil
}
