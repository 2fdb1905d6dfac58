package farm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// SceneKey is equal for jobs that one open session can serve: the same files at the same places, opened alike. It is kept
// with a job, and after damage it proves that the job's list of files is whole: it must stay what it is.
func SceneKey(spec *JobSpec, files []File) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	_ = enc.Encode([]any{spec.Blend, spec.Options.Scripts, spec.Options.Threads})
	if spec.Needs.enables() { // else the key is what it was before there were add-ons; so with the rest
		_ = enc.Encode([]any{spec.Needs.Addons, spec.Needs.AddonFiles})
	}
	if spec.Options.Engine != "" {
		_ = enc.Encode([]any{"engine", spec.Options.Engine})
	}
	if spec.Options.Colours != "" {
		_ = enc.Encode([]any{"colours", spec.Options.Colours})
	}
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := range sorted {
		if sorted[i].Bake > 0 { // it was made of the others
			continue
		}
		_ = enc.Encode([]any{sorted[i].Path, sorted[i].Original, sorted[i].Ref})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
