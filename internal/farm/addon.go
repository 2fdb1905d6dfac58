package farm

import (
	"slices"
	"strings"
)

// maxAddons bounds what one job may ask for.
const maxAddons = 100

// ValidAddon tells whether name can be the module of a Blender add-on: the name of a folder or file of Python, or
// bl_ext.REPOSITORY.NAME for an extension (Blender 4.2 and later).
func ValidAddon(name string) bool {
	if name == "" || len(name) > MaxName {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' && i > 0) {
			return false
		}
	}
	return true
}

func (s *JobSpec) checkAddons() error {
	if len(s.Needs.Addons) > maxAddons || len(s.Needs.AddonFiles) > maxAddons {
		return Errorf(TooLarge, "a job names at most %d add-ons", maxAddons)
	}
	for _, name := range s.Needs.Addons {
		if !ValidAddon(name) {
			return Errorf(Invalid, "%q is not the name of an add-on", clip(name, 40)).
				WithHint("use the name of its module, as node_wrangler or bl_ext.blender_org.molecular_nodes")
		}
	}
	if len(s.Needs.AddonFiles) > 0 && !s.Options.Scripts {
		return Errorf(Invalid, "add-ons that travel with a job run only where its scripts may").
			WithHint("allow them with --scripts, or install the add-on on the workers and name it")
	}
	return nil
}

// lacksAddon is the first add-on that the install does not have, or "".
func (n *Needs) lacksAddon(b *Blender) string {
	for _, name := range n.Addons {
		if !slices.Contains(b.Addons, name) {
			return name
		}
	}
	return ""
}

// enables tells whether add-ons are enabled for the job. They may hold the scene's engine: whether a worker has it cannot
// be known from its plain Blender then.
func (n *Needs) enables() bool { return len(n.Addons)+len(n.AddonFiles) > 0 }

// WrongEngine tells whether a scene that was opened will be rendered with another engine than its own: Blender quietly
// takes EEVEE when it does not have the one that the scene names.
func (n *Needs) WrongEngine(opened string) bool {
	own := n.Engine != "" && n.Engine != "CYCLES" && !strings.HasPrefix(n.Engine, "BLENDER_")
	return own && strings.HasPrefix(opened, "BLENDER_EEVEE")
}
