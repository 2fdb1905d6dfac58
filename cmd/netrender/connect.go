package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

const (
	patience     = 20 * time.Second        // how long a command goes on trying a master that went away
	localAnswers = 2 * time.Second         // how long this machine's own master may take to answer
	findTime     = 1500 * time.Millisecond // how long to listen for other masters after the first
)

// masterFlags adds the flags of every command that speaks to a master.
func (a *app) masterFlags(c *cobra.Command) {
	c.Flags().String("master", "", "the master's address (default: this machine's master, else the one found on the network)")
	c.Flags().String("token", "", "the token to show (default: what this machine was given)")
}

// connect finds the master and the token for it.
func (a *app) connect(cmd *cobra.Command) (*wire.Client, error) {
	address, _ := cmd.Flags().GetString("master")
	token, _ := cmd.Flags().GetString("token")
	address, err := a.findMaster(cmd.Context(), address)
	if err != nil {
		return nil, err
	}
	client, err := wire.NewClient(address, token, wire.Options{Program: version})
	if err != nil {
		return nil, err
	}
	client = client.Patient(patience)
	if token != "" {
		return client, nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), askTime)
	defer cancel()
	// The first question is not repeated: a wrong address shall be said at once.
	info, err := client.Patient(0).Info(ctx)
	if errors.Is(err, context.DeadlineExceeded) && cmd.Context().Err() == nil { // our patience ended, nobody else's
		err = &wire.Unreachable{Address: address, Err: err}
	}
	if err != nil {
		return nil, err
	}
	if info.Open {
		return client, nil
	}
	if token, err = a.tokenFor(info.ID); err != nil {
		return nil, err
	}
	if token == "" {
		return nil, farm.Errorf(farm.Denied, "the master at %s wants a token, and this machine has none", address).
			WithHint("netrender pair asks to be let in; or give one with --token or NETRENDER_TOKEN")
	}
	return client.WithToken(token), nil
}

// findMaster returns the address that was given, or this machine's master, or the one on the network.
func (a *app) findMaster(ctx context.Context, given string) (string, error) {
	if given != "" {
		address, err := wire.ParseAddress(given)
		if err != nil {
			return "", fmt.Errorf("%w%w", hidden{errUsage}, err)
		}
		return address, nil
	}
	if here, ok := a.localMaster(ctx); ok {
		return here, nil
	}
	found := discover(ctx, findTime)
	switch len(found) {
	case 0:
		return "", &wire.Unreachable{Err: farm.Errorf(farm.NotFound, "no master was found on this network").
			WithHint("start one with netrender up, or name it with --master HOST")}
	case 1:
		return found[0].URL, nil
	}
	if own := a.ours(found); len(own) == 1 {
		return own[0].URL, nil
	}
	return "", severalMasters(found).WithHint("name one with --master or NETRENDER_MASTER")
}

func severalMasters(found []foundMaster) *farm.Error {
	text := "several masters were found:"
	for _, f := range found {
		text += "\n             " + f.URL + "  " + plainText(f.Name)
	}
	return farm.Errorf(farm.Invalid, "%s", text)
}

// ours are the masters whose farms let this machine in.
func (a *app) ours(found []foundMaster) []foundMaster {
	tokens, _ := a.readTokens() // who needs a token is told later that they cannot be read
	var own []foundMaster
	for _, f := range found {
		if tokens[tokenKey(f.ID, farm.RoleSubmit)] != "" || tokens[tokenKey(f.ID, farm.RoleWorker)] != "" {
			own = append(own, f)
		}
	}
	return own
}

// running is what a master writes into its data folder while it runs, so that commands of this user find it.
type running struct {
	URL       string   `json:"url"`
	ID        string   `json:"id"`
	PID       int      `json:"pid"`
	Addresses []string `json:"addresses"` // for other machines
}

const runningFile = "master.json"

// localMaster finds a master that runs with this data folder.
func (a *app) localMaster(ctx context.Context) (string, bool) {
	r, err := a.readRunning()
	if err != nil || r.URL == "" {
		return "", false
	}
	client, err := wire.NewClient(r.URL, "", wire.Options{Program: version})
	if err != nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, localAnswers)
	defer cancel()
	info, err := client.Info(ctx)
	return r.URL, err == nil && info.ID == r.ID
}

func (a *app) readRunning() (r running, err error) {
	text, err := os.ReadFile(filepath.Join(a.settings.data, runningFile))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

// The tokens this user was given, by the farm's id, lie in a file that only the user can read.
const tokensFile = "tokens.json"

// tokenFor finds the token for a farm: the admin's when its master keeps its data here, else the one that was given.
func (a *app) tokenFor(farmID string) (string, error) {
	if t := a.adminToken(farmID); t != "" {
		return t, nil
	}
	tokens, err := a.readTokens()
	if err != nil {
		return "", err
	}
	return tokens[farmID], nil
}

// adminToken is the admin's token of the farm whose master keeps its data here.
func (a *app) adminToken(id string) string {
	here, err := os.ReadFile(filepath.Join(a.settings.data, farmIDFile))
	if err != nil || strings.TrimSpace(string(here)) != id {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(a.settings.data, adminTokenFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (a *app) readTokens() (map[string]string, error) {
	path := filepath.Join(a.settings.data, tokensFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, farm.Errorf(farm.Invalid, "the file of tokens cannot be read: %s", reasonOf(err))
	}
	tokens := map[string]string{}
	if err := json.Unmarshal(text, &tokens); err != nil {
		return nil, farm.Errorf(farm.Invalid, "the file of tokens %s is damaged", path).WithHint("remove it and run netrender pair again")
	}
	return tokens, nil
}

// keepToken remembers the token for the farm.
func (a *app) keepToken(farmID, token string) error {
	tokens, err := a.readTokens()
	if err != nil {
		return err
	}
	if tokens[farmID] == token {
		return nil
	}
	tokens[farmID] = token
	text, err := json.MarshalIndent(tokens, "", "  ")
	if err != nil {
		return err
	}
	return writePrivate(filepath.Join(a.settings.data, tokensFile), text)
}

// writePrivate replaces a file that only the user may read.
func writePrivate(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return farm.Errorf(farm.Invalid, "the data folder cannot be written: %s", reasonOf(err)).WithHint("name another one with --data")
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*") // mode 0600
	if err != nil {
		return farm.Errorf(farm.Invalid, "the data folder cannot be written: %s", reasonOf(err)).WithHint("name another one with --data")
	}
	_, werr := tmp.Write(text)
	err = errors.Join(werr, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return farm.Errorf(farm.Internal, "%s cannot be written: %s", path, reasonOf(err))
	}
	return nil
}
