package client

import (
	"path/filepath"
	"strconv"

	"github.com/netrender/netrender/internal/blob"
)

// addonsFolder holds the add-ons that travel with a job.
const addonsFolder = "_addons"

// placeAddons gives zip files of add-ons their places in the job's folder, beside those that are taken. It returns their
// absolute paths. One that the scene reads as well stays where it is.
func placeAddons(files []string, places map[string]string) (paths []string, err error) {
	taken := make(map[string]bool, len(places)+len(files))
	for _, place := range places {
		taken[blob.FoldPath(place)] = true
	}
	seen := make(map[string]bool, len(files))
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			return nil, plainFile(file, err)
		}
		if seen[path] || places[path] != "" {
			continue
		}
		seen[path] = true
		name := filepath.Base(path)
		if _, err := blob.CleanPath(name); err != nil {
			name = "addon.zip"
		}
		place := addonsFolder + "/" + name
		for n := 2; taken[blob.FoldPath(place)]; n++ {
			place = addonsFolder + "/" + strconv.Itoa(n) + "-" + name
		}
		taken[blob.FoldPath(place)] = true
		places[path], paths = place, append(paths, path)
	}
	return paths, nil
}
