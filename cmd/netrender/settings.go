package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// settings finds a flag's value where the command line does not give one: the environment (NETRENDER_ and the flag's
// name in capitals), then the settings file (the flag's name, at the top or in a table named like the command).
type settings struct {
	config string
	data   string
}

// notSettings are flags that make sense on a command line only.
var notSettings = map[string]bool{"config": true, "help": true, "json": true, "version": true}

func (s *settings) apply(cmd *cobra.Command) error {
	if v := os.Getenv("NETRENDER_DATA"); s.data == "" && v != "" {
		s.data = v
	}
	if s.data == "" {
		dir, err := dataFolder()
		if err != nil {
			return err
		}
		s.data = dir
	}
	abs, err := filepath.Abs(s.data)
	if err != nil {
		return err
	}
	s.data = abs
	file, path, err := s.read()
	if err != nil {
		return err
	}
	table, _ := file[cmd.Name()].(map[string]any)
	var bad error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || notSettings[f.Name] || f.Name == "data" || bad != nil {
			return
		}
		if v, ok := os.LookupEnv("NETRENDER_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))); ok && v != "" {
			if err := cmd.Flags().Set(f.Name, v); err != nil {
				bad = usagef("the environment's NETRENDER_%s: %v", strings.ToUpper(f.Name), err)
			}
			return
		}
		for _, t := range []map[string]any{table, file} {
			v, ok := t[f.Name]
			if !ok {
				continue
			}
			if _, isTable := v.(map[string]any); isTable {
				continue
			}
			if err := cmd.Flags().Set(f.Name, plainValue(v)); err != nil {
				bad = usagef("%s: the setting %s: %v", path, f.Name, err)
			}
			return
		}
	})
	if bad != nil {
		return bad
	}
	return s.unknown(cmd.Root(), file, path)
}

// read returns the settings file; one that was not named need not exist.
func (s *settings) read() (map[string]any, string, error) {
	path := s.config
	if path == "" {
		path = os.Getenv("NETRENDER_CONFIG")
	}
	named := path != ""
	if !named {
		path = filepath.Join(s.data, "netrender.toml")
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil, path, nil
	}
	if err != nil {
		return nil, path, usagef("the settings file cannot be read: %v", err)
	}
	file := map[string]any{}
	if err := toml.Unmarshal(text, &file); err != nil {
		var de *toml.DecodeError
		if errors.As(err, &de) {
			row, _ := de.Position()
			return nil, path, usagef("%s, line %d: %v", path, row, err)
		}
		return nil, path, usagef("%s: %v", path, err)
	}
	return file, path, nil
}

// unknown refuses names in the file that no command has, so that a slip does not stay unseen.
func (s *settings) unknown(root *cobra.Command, file map[string]any, path string) error {
	flags := map[string]bool{"data": true}
	commands := map[string]*cobra.Command{}
	for _, c := range root.Commands() {
		commands[c.Name()] = c
		c.Flags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
	}
	for name, v := range file {
		table, isTable := v.(map[string]any)
		switch c := commands[name]; {
		case isTable && c != nil:
			for key := range table {
				if c.Flags().Lookup(key) == nil {
					return usagef("%s: netrender %s has no setting %q", path, name, key)
				}
			}
		case isTable:
			return usagef("%s: there is no command %q", path, name)
		case !flags[name] || notSettings[name]:
			return usagef("%s: no command has a setting %q", path, name)
		}
	}
	return nil
}

func plainValue(v any) string {
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, x := range list {
			parts[i] = fmt.Sprint(x)
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v)
}

// dataFolder is where a platform keeps a program's data for its user.
func dataFolder() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", usagef("the home folder is not known").(error)
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
