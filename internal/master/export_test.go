package master

import "github.com/netrender/netrender/internal/farm"

// Breathless has the master's chores never rest.
func Breathless(m *Master) { m.breath = 0 }

// GrowLogs makes the job's logs seem larger than they are.
func GrowLogs(m *Master, id farm.JobID, by int64) { m.logs.tell(id, by) }

// CheckManifest refuses what cannot be laid out.
var CheckManifest = checkManifest

// Narrow has the master know few workers.
func Narrow(m *Master, all, ofToken int) { m.places = places{all, ofToken} }
