package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// splitAddons tells names of add-ons from zip files; those are absolute paths.
func (o *jobOptions) splitAddons() (names, zips []string, err error) {
	for _, addon := range o.addons {
		if !isZip(addon) {
			names = append(names, addon)
			continue
		}
		st, err := os.Stat(addon)
		if err != nil || !st.Mode().IsRegular() {
			return nil, nil, farm.Errorf(farm.NotFound, "there is no add-on file %s", addon).WithHint("check its name; an add-on that workers have is named without .zip")
		}
		path, err := filepath.Abs(addon)
		if err != nil {
			return nil, nil, err
		}
		zips = append(zips, path)
	}
	return names, zips, nil
}

func isZip(addon string) bool { return strings.EqualFold(filepath.Ext(addon), ".zip") }

// localAddons are the add-ons as this machine's Blender finds them; absent are those that it does not have.
func localAddons(in *blender.Install, named []string) (found []blender.Addon, absent []string) {
	for _, name := range named {
		if isZip(name) {
			found = append(found, blender.Addon{Name: filepath.Base(name), Zip: name})
		} else if a, has := in.Addon(name); has {
			found = append(found, a)
		} else {
			absent = append(absent, name)
		}
	}
	return found, absent
}
