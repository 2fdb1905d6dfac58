// Package farm holds the nouns and laws of Netrender: jobs, frames, workers, leases, results, the states they pass
// through and the changes that are kept. It imports only the standard library and knows nothing of the network, of
// SQL, of files or of the clock. Read it first.
//
//	Job      one scene, its files, a frame set and options
//	Frame    one picture of a job; the engine counts in *positions*, places in the job's frame order
//	Lease    the timed right of one worker slot to render some frames of one job
//	Report   what a worker says became of one leased frame
//	Result   a file that a frame produced
//	Change   one durable step; everything that must survive a crash is a Change
package farm
