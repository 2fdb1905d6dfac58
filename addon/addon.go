// Package addon is the add-on for Blender as people install it: one zip that holds the Python, which is a legacy add-on
// and an extension at once, and beside it the program of one platform.
package addon

import "embed"

// files are the add-on's own. A folder of it must be named here: an underscore leaves files out of a whole folder.
//
//go:embed netrender/*.py netrender/blender_manifest.toml
var files embed.FS
