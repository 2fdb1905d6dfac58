package api

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) submitRoute(d *describer) {
	d.plain(route{
		method: http.MethodPost, path: "/jobs", role: farm.RoleSubmit, name: "submitJob",
		about: "Announces a job with its manifest; the answer names blobs to upload", in: wire.SubmitRequest{}, out: wire.SubmitReply{},
		status: http.StatusCreated,
	}, a.submit)
}

func (a *API) submit(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	if r.ContentLength > wire.MaxBody {
		return errBigManifest
	}
	body := a.paced(w, r, who)
	in, err := readSubmit(&io.LimitedReader{R: body, N: wire.MaxBody + 1})
	if body.n > wire.MaxBody {
		return errBigManifest
	}
	if err != nil {
		return err
	}
	for i := range in.Files { // a job that cannot become whole is none
		if f := &in.Files[i]; a.opt.MaxBlob > 0 && f.Size > a.opt.MaxBlob {
			return a.tooLarge(clip(f.Path), f.Size)
		}
	}
	body.settle()
	job, err := a.m.Submit(r.Context(), who, in.Spec, in.Files)
	if err != nil {
		return err
	}
	reply := wire.SubmitReply{Job: job, Missing: []string{}}
	if job.Missing > 0 {
		files, err := a.m.Missing(r.Context(), job.ID, "", wire.MaxPage)
		if err != nil {
			return err
		}
		seen := make(map[string]struct{}, len(files))
		for i := range files {
			if _, twice := seen[files[i].Ref]; !twice {
				seen[files[i].Ref] = struct{}{}
				reply.Missing = append(reply.Missing, files[i].Ref)
			}
		}
		reply.More = len(files) == wire.MaxPage
	}
	w.Header().Set("Location", wire.Root+"/jobs/"+job.ID.String())
	return writeJSON(w, http.StatusCreated, &reply)
}

var errBigManifest = farm.Errorf(farm.TooLarge, "the job's description is over %d bytes", wire.MaxBody)

func (a *API) tooLarge(what string, size int64) error {
	return farm.Errorf(farm.TooLarge, "%s has %s, and this farm takes files of at most %s", what, farm.Bytes(size), farm.Bytes(a.opt.MaxBlob)).
		WithHint("the master's setting --max-file is the limit")
}

// readSubmit reads a SubmitRequest piece by piece: a manifest of MaxFiles entries is held once, as its entries.
func readSubmit(r io.Reader) (in wire.SubmitRequest, err error) {
	dec := json.NewDecoder(r)
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return in, badToken(err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return in, badJSON(err)
		}
		switch key {
		case "spec":
			err = dec.Decode(&in.Spec)
		case "files":
			in.Files, err = readFiles(dec)
		default:
			err = dec.Decode(&skipped{})
		}
		if err != nil {
			return in, badJSON(err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return in, badJSON(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return in, farm.Errorf(farm.Invalid, "something follows the JSON of the body")
	}
	return in, nil
}

func readFiles(dec *json.Decoder) (files []farm.File, err error) {
	t, err := dec.Token()
	if t == nil && err == nil { // null
		return nil, nil
	}
	if err != nil || t != json.Delim('[') {
		return nil, badToken(err)
	}
	for dec.More() {
		if len(files) == farm.MaxFiles {
			return nil, farm.Errorf(farm.TooLarge, "the job has over %d files", farm.MaxFiles)
		}
		var f farm.File
		if err := dec.Decode(&f); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	_, err = dec.Token()
	return files, err
}

func badToken(err error) error {
	if err != nil {
		return badJSON(err)
	}
	return farm.Errorf(farm.Invalid, "the body is not the description of a job").WithHint(`send {"spec": {...}, "files": [...]}`)
}

// skipped reads any value and keeps nothing of it.
type skipped struct{}

// UnmarshalJSON is called with a proper value.
func (*skipped) UnmarshalJSON([]byte) error { return nil }
