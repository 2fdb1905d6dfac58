package farm

import "fmt"

// Protocol is the version of what workers, clients and the master say to one another. Those of the same version
// understand each other; unknown fields are ignored.
const Protocol = 1

// Speaker is a program and the protocol that it speaks.
type Speaker struct {
	Program  string // its version; may be empty
	Protocol int    // 0: from before it was told
}

func (s Speaker) String() string {
	program := s.Program
	if program == "" {
		program = "of an unknown version"
	}
	return fmt.Sprintf("netrender %s (protocol %d)", clip(program, 40), s.Protocol)
}

// Fits tells whether a worker and a master understand each other; the error names both and says what to install.
func Fits(worker, master Speaker) error {
	if worker.Protocol == master.Protocol {
		return nil
	}
	newest, where := master, "the worker's machine"
	if worker.Protocol > master.Protocol {
		newest, where = worker, "the master's machine"
	}
	err := Errorf(Outdated, "the worker is %s and the master is %s: they do not understand each other", worker, master)
	if newest.Program == "" {
		return err.WithHint("install the same version on both machines")
	}
	return err.WithHint("install netrender %s on %s", clip(newest.Program, 40), where)
}
