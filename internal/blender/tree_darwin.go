package blender

import "golang.org/x/sys/unix"

// processParents asks the kernel for every process and its parent.
func processParents() map[int]int {
	procs, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil // the process group is killed all the same
	}
	parents := make(map[int]int, len(procs))
	for _, p := range procs {
		parents[int(p.Proc.P_pid)] = int(p.Eproc.Ppid)
	}
	return parents
}
