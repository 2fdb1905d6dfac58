// Package soak runs a whole farm as processes of the real program, harms it by a script that is made from a seed, and
// then compares what the farm said with what it has.
//
//	actor     a process that is there for long: the master, a worker
//	link      the way between a process and the master: a proxy that can be cut, slowed, or lose bytes in silence
//	action    one line of the script: what is done to whom, and when
//	note      what the clients were told of one job: the ledger's page
//	auditor   compares the notes and the workers' logs with the farm's answers and the files on its disk
//
// A run has rounds. In a round jobs are submitted and steered while the script does harm; then everything is mended,
// the jobs end, and the auditor looks at everything.
package soak
