package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
)

var _ = verb("more", (*app).cropVerb)

// cropVerb is for the add-on, which shows a render region: Blender takes the region's pixels only.
func (a *app) cropVerb() *cobra.Command {
	var window string
	c := &cobra.Command{
		Use: "crop IN.exr OUT.exr", Short: "Cut a window out of an OpenEXR file", Args: cobra.ExactArgs(2), Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			var box exr.Box
			if n, err := fmt.Sscanf(window, "%d,%d,%d,%d", &box.MinX, &box.MinY, &box.MaxX, &box.MaxY); n != 4 || err != nil {
				return usagef("--window is LEFT,TOP,RIGHT,BOTTOM in pixels, not %q", window)
			}
			if err := crop(args[0], args[1], box); err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]string{"out": args[1]})
			}
			return nil
		},
	}
	c.Flags().StringVar(&window, "window", "", "LEFT,TOP,RIGHT,BOTTOM in pixels from the top left, all of them inside")
	return c
}

func crop(from, to string, window exr.Box) error {
	in, err := os.Open(from)
	if err != nil {
		return farm.Errorf(farm.NotFound, "%s cannot be opened: %s", from, reasonOf(err))
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	f, err := exr.Open(in, st.Size())
	if err != nil {
		return farm.Errorf(farm.Invalid, "%s: %w", from, err)
	}
	out, err := os.CreateTemp(filepath.Dir(to), ".crop-*")
	if err != nil {
		return client.PlainWrite(filepath.Dir(to), err, "")
	}
	defer os.Remove(out.Name())
	err = exr.Crop(out, f, window)
	if bad := out.Close(); err == nil {
		err = bad
	}
	if err != nil {
		return farm.Errorf(farm.Invalid, "%s cannot be cut: %w", from, err)
	}
	return os.Rename(out.Name(), to)
}
