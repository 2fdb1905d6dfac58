package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// settings finds a flag's value where the command line does not give one: the environment (NETRENDER_ and the flag's
// name in capitals), then the settings file (the flag's name in a table named like the command, then at the top).
type settings struct {
	config  string
	data    string
	keyring string
}

// settingsFile lies in the data folder.
const settingsFile = "netrender.toml"

// everywhere are settings of every command that has such a flag.
var everywhere = map[string]bool{"master": true, "token": true, "blender": true, "data": true, "keyring": true}

// configured are the commands all of whose flags are settings but for those that choose what is done this once. The
// flags of other commands are choices: a name set for a worker must not become the name that jobs are searched for.
var configured = map[string]map[string]bool{
	"up":     {},
	"master": {},
	"worker": {},
	"doctor": {"out": true, "quick": true},
	"render": {"frames": true, "name": true, "out": true, "allow-missing": true},
	"submit": {"frames": true, "name": true, "allow-missing": true},
}

// isSetting tells whether the environment and the settings file may give the flag of the command.
func isSetting(cmd *cobra.Command, flag string) bool {
	switch flag {
	case "config", "help", "json", "version", "stop-file", "doing-file":
		return false
	}
	if everywhere[flag] {
		return true
	}
	once, ok := configured[cmd.Name()]
	return ok && !once[flag] && cmd.Parent() == cmd.Root()
}

// variable is the name of a setting in the environment.
func variable(flag string) string {
	return "NETRENDER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// apply sets the flags of cmd that the command line left out.
func (s *settings) apply(cmd *cobra.Command) error {
	if v := os.Getenv(variable("config")); s.config == "" && v != "" {
		s.config = v
	}
	if v := os.Getenv(variable("data")); s.data == "" && v != "" {
		s.data = v
	}
	var file map[string]any
	var err error
	named := s.config != ""
	if named { // it may say where the data lie
		if file, err = readSettings(s.config); err != nil {
			return err
		}
		if v, ok := file["data"].(string); ok && s.data == "" {
			s.data = v
		}
	}
	if s.data == "" {
		if s.data, err = dataFolder(); err != nil {
			return err
		}
	}
	if s.data, err = filepath.Abs(s.data); err != nil {
		return err
	}
	path := s.config
	if !named {
		path = filepath.Join(s.data, settingsFile)
		if file, err = readSettings(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return err
		}
		if _, ok := file["data"]; ok {
			return usagef("%s: a settings file in the data folder cannot say where that is", path)
		}
	}
	if err := unknownSettings(cmd.Root(), file, path); err != nil {
		return err
	}
	return setFlags(cmd, file, path)
}

func setFlags(cmd *cobra.Command, file map[string]any, path string) error {
	table, _ := file[cmd.Name()].(map[string]any)
	var bad error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "data" || bad != nil || !isSetting(cmd, f.Name) {
			return
		}
		if v := os.Getenv(variable(f.Name)); v != "" {
			if cmd.Flags().Set(f.Name, v) != nil {
				bad = usagef("%s", wrongValue(variable(f.Name)+" in the environment", f, v))
			}
			f.Changed = false // not on the command line
			return
		}
		v, ok := table[f.Name]
		if !ok {
			v, ok = file[f.Name]
		}
		if _, isTable := v.(map[string]any); !ok || isTable {
			return
		}
		if text := plainValue(f, v); cmd.Flags().Set(f.Name, text) != nil {
			bad = usagef("%s", wrongValue(path+": "+f.Name, f, text))
		}
		f.Changed = false
	})
	return bad
}

func readSettings(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w%w", hidden{err}, usagef("the settings file %s cannot be read: %s", path, reasonOf(err)))
	}
	return parseSettings(path, text)
}

func parseSettings(path string, text []byte) (map[string]any, error) {
	file := map[string]any{}
	if err := toml.Unmarshal(text, &file); err != nil {
		why := strings.TrimPrefix(err.Error(), "toml: ")
		var de *toml.DecodeError
		if errors.As(err, &de) {
			row, _ := de.Position()
			return nil, usagef("%s, line %d, is not TOML: %s", path, row, why)
		}
		return nil, usagef("%s is not TOML: %s", path, why)
	}
	return file, nil
}

// unknownSettings refuses names in the file that no command has, so that a slip does not stay unseen.
func unknownSettings(root *cobra.Command, file map[string]any, path string) error {
	top := map[string]bool{"data": true}
	commands := map[string]*cobra.Command{}
	for _, c := range root.Commands() {
		commands[c.Name()] = c
		c.Flags().VisitAll(func(f *pflag.Flag) { top[f.Name] = top[f.Name] || isSetting(c, f.Name) })
	}
	for name, v := range file {
		table, isTable := v.(map[string]any)
		switch c := commands[name]; {
		case isTable && c != nil:
			for key := range table {
				if key == "data" || c.Flags().Lookup(key) == nil {
					return usagef("%s: netrender %s has no setting %q", path, name, key)
				}
				if !isSetting(c, key) {
					return usagef("%s: %s of netrender %s is given on the command line, not in a file", path, key, name)
				}
			}
		case isTable:
			return usagef("%s: there is no command %q", path, name)
		case !top[name]:
			return usagef("%s: no command has a setting %q", path, name)
		}
	}
	return nil
}

// plainValue writes a value of the file as it would stand on the command line.
func plainValue(f *pflag.Flag, v any) string {
	list, isList := v.([]any)
	if _, takes := f.Value.(pflag.SliceValue); !takes || !isList {
		return fmt.Sprint(v)
	}
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = fmt.Sprint(x)
	}
	var b strings.Builder
	w := csv.NewWriter(&b) // as lists are written on the command line
	_ = w.Write(parts)
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// dataFolder is where a platform keeps a program's data for its user.
func dataFolder() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", usagef("the home folder is not known; name a data folder with --data")
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "Netrender"), nil
	case "windows":
		if dir := os.Getenv("LOCALAPPDATA"); dir != "" {
			return filepath.Join(dir, "Netrender"), nil
		}
		return filepath.Join(home, "AppData", "Local", "Netrender"), nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "netrender"), nil
	}
	return filepath.Join(home, ".local", "share", "netrender"), nil
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
