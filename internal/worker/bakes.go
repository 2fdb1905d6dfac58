package worker

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// Blender (4.1 to 5.3 at least) opens the index files of geometry nodes' bakes for writing, though it only reads them: where
// it may not, it takes the bake for missing and says nothing. They are small: each job gets copies of its own.

// isBakeIndex tells such files by their place: meta/FRAME_SUBFRAME.json.
func isBakeIndex(manifestPath string) bool {
	stem, ok := strings.CutSuffix(path.Base(manifestPath), ".json")
	return ok && path.Base(path.Dir(manifestPath)) == "meta" && stem != "" && strings.Trim(stem, "0123456789_") == ""
}

// bakeFolders are the folders below src that hold index files, sorted.
func bakeFolders(src string, files []farm.File) (list []string) {
	for i := range files {
		if isBakeIndex(files[i].Path) {
			list = append(list, filepath.Join(src, filepath.FromSlash(path.Dir(files[i].Path))))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
