package worker

import (
	"path/filepath"
	"strings"

	"github.com/netrender/netrender/internal/blender"
)

// warnings are what may be wrong with every picture of the open scene.
func (x *session) warnings() []string {
	list := append([]string{}, x.facts.ScriptErrors...)
	src := filepath.Join(x.folder.dir, sourceDir) + string(filepath.Separator)
	for _, path := range x.facts.Missing {
		list = append(list, "the scene's file "+strings.TrimPrefix(path, src)+" was not there")
	}
	return append(list, x.facts.Warnings...)
}

// openFault is the failure of a frame whose job wants none of a scene whose Python fails.
func (x *session) openFault(k *work) error {
	if errors := x.facts.ScriptErrors; k.grant.Options.FailOnScriptError && len(errors) > 0 {
		return &fault{text: errors[0], fatal: true, scene: true, rest: true, alive: true}
	}
	return nil
}

// frameFault is the same for what was raised while the frame was rendered.
func frameFault(k *work, result *blender.Result) error {
	if errors := result.ScriptErrors; k.grant.Options.FailOnScriptError && len(errors) > 0 {
		return &fault{text: errors[0], fatal: true, alive: true}
	}
	return nil
}
