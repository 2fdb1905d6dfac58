package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// knownFarm is what this machine keeps of a farm that let it in.
type knownFarm struct {
	Token  string `json:"token,omitempty"`   // of this user, where no keyring has it
	Ring   string `json:"keyring,omitempty"` // the name under which the system's keyring has it
	Worker string `json:"worker,omitempty"`  // of the worker that runs here
	TLS    bool   `json:"tls,omitempty"`     // its master encrypts: nothing is said to one that does not
	Pin    string `json:"pin,omitempty"`     // of its master's key, when the master keeps it: nothing is said to another key
	At     string `json:"at,omitempty"`      // where its master was met last, for networks on which it cannot be found
}

// knownFarms are they by the farms' ids. Of old they were tokens, a worker's under ID/worker.
type knownFarms map[string]knownFarm

// UnmarshalJSON reads both.
func (k *knownFarms) UnmarshalJSON(text []byte) error {
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*k = make(knownFarms, len(raw))
	for key, value := range raw {
		var token string
		id, isWorker := strings.CutSuffix(key, "/worker")
		f := (*k)[id]
		switch {
		case json.Unmarshal(value, &token) != nil:
			if err := json.Unmarshal(value, &f); err != nil {
				return err
			}
		case isWorker:
			f.Worker = token
		default:
			f.Token = token
		}
		(*k)[id] = f
	}
	return nil
}

// tokensFile lies in the data folder; only the user can read it.
const tokensFile = "tokens.json"

func (a *app) readFarms() (knownFarms, error) {
	path := filepath.Join(a.settings.data, tokensFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return knownFarms{}, nil
	}
	if err != nil {
		return nil, farm.Errorf(farm.Invalid, "the file of tokens cannot be read: %s", reasonOf(err))
	}
	known := knownFarms{}
	if err := json.Unmarshal(text, &known); err != nil {
		return nil, farm.Errorf(farm.Invalid, "the file of tokens %s is damaged", path).WithHint("remove it and run netrender pair again")
	}
	return known, nil
}

// keepFarm changes what is kept of a farm.
func (a *app) keepFarm(id string, edit func(*knownFarm)) error {
	known, err := a.readFarms()
	if err != nil {
		return err
	}
	f := known[id]
	if edit(&f); f == known[id] {
		return nil
	}
	known[id] = f
	text, err := json.MarshalIndent(known, "", "  ")
	if err != nil {
		return err
	}
	return writePrivate(filepath.Join(a.settings.data, tokensFile), text)
}

// meet says how to speak to a master that is said to be the farm's. Once it was seen to encrypt, it must; once its key
// is known, it must show it.
func (f *knownFarm) meet(m foundMaster) (foundMaster, error) {
	if !f.TLS {
		return m, nil
	}
	if !strings.HasPrefix(m.URL, "https:") {
		return m, farm.Errorf(farm.Untrusted, "the master at %s does not encrypt its connections, but that of the farm which let this machine in does: "+
			"it was started without --tls, or somebody else answers there", m.URL).
			WithHint("ask whoever runs it; if it is meant to be so, netrender pair --again lets this machine in again")
	}
	if f.Pin != "" && wire.PinIn(m.URL) == "" || m.heard && f.Pin != "" {
		m.URL, m.heard = wire.WithPin(m.URL, f.Pin), false
	}
	return m, nil
}

// learn keeps where the farm's master is and how it speaks, once it has proved itself.
func (a *app) learn(id string, m foundMaster, info wire.Info, client *wire.Client) error {
	return a.keepFarm(id, func(f *knownFarm) {
		f.At = plainURL(m)
		if !strings.HasPrefix(m.URL, "https:") {
			return
		}
		f.TLS = true
		if info.Pin != "" && (info.Pin == client.ProvenKey() || info.Pin == wire.PinIn(m.URL) && !m.heard) {
			f.Pin = info.Pin
		}
	})
}

// remembered are the masters of farms that let this machine in, where they were met last. Like what is heard on the
// network that may be long untrue: they must prove themselves.
func (a *app) remembered() (list []foundMaster) {
	known, _ := a.readFarms() // who needs a token is told later that they cannot be read
	for id, f := range known {
		if f.At != "" {
			list = append(list, foundMaster{URL: f.At, ID: id, heard: true, bare: !f.TLS})
		}
	}
	slices.SortFunc(list, func(a, b foundMaster) int { return strings.Compare(a.URL, b.URL) })
	return list
}

// tokenFor finds the token for a farm: the admin's when its master keeps its data here, else the one that was given.
func (a *app) tokenFor(farmID string) (string, knownFarm, error) {
	known, err := a.readFarms()
	f := known[farmID]
	if t := a.adminToken(farmID); t != "" {
		return t, f, nil
	}
	if err == nil {
		f.Token, err = a.userToken(f)
	}
	return f.Token, f, err
}

// adminToken is the admin's token of the farm whose master keeps its data here.
func (a *app) adminToken(id string) string {
	if id == "" || a.ownFarm() != id {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(a.settings.data, adminTokenFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// ownFarm is the id of the farm whose master keeps its data here, "" when there is none.
func (a *app) ownFarm() string {
	text, err := os.ReadFile(filepath.Join(a.settings.data, farmIDFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// member tells whether some farm besides this machine's own let it in.
func (a *app) member() bool {
	known, _ := a.readFarms()
	own := a.ownFarm()
	for id := range known {
		if id != own {
			return true
		}
	}
	return false
}
