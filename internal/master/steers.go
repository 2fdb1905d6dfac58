package master

import "github.com/netrender/netrender/internal/farm"

// Steers tells whether who may steer the job, so that a page offers only what is allowed.
func Steers(who Identity, j *farm.Job) bool { return mine(who, j) == nil }
