//go:build unix && !linux && !darwin

package blender

// processParents is not known on this system; the process group is killed.
func processParents() map[int]int { return nil }
