package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// command runs the program in this process, with a data folder of its own.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "NETRENDER_") && name != "NETRENDER_DATA" && name != "NETRENDER_KEYRING" {
			t.Setenv(name, "")
		}
	}
	if os.Getenv("NETRENDER_DATA") == "" {
		t.Setenv("NETRENDER_DATA", t.TempDir())
	}
	if os.Getenv("NETRENDER_KEYRING") == "" { // not that of whoever runs the tests
		t.Setenv("NETRENDER_KEYRING", keyringOff)
	}
	var out, errs bytes.Buffer
	code = runContext(context.Background(), args, streams{strings.NewReader(""), &out, &errs})
	return out.String(), errs.String(), code
}

// given finds the value that a command's flag has once the settings are applied; the command itself does not run.
func given(t *testing.T, flag string, args ...string) (string, error) {
	t.Helper()
	var errs bytes.Buffer
	a := &app{streams: streams{strings.NewReader(""), &errs, &errs}}
	root := a.root()
	value := ""
	for _, c := range root.Commands() {
		c.RunE = func(cmd *cobra.Command, _ []string) error {
			if flag == "data" {
				value = a.settings.data
			} else {
				value = cmd.Flags().Lookup(flag).Value.String()
			}
			return nil
		}
	}
	root.SetArgs(args)
	return value, root.Execute()
}

func writeSettingsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "netrender.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLayers(t *testing.T) {
	t.Setenv("NETRENDER_DATA", t.TempDir())
	top := writeSettingsFile(t, "slots = 2\n")
	table := writeSettingsFile(t, "slots = 2\n[worker]\nslots = 3\n")
	for _, c := range []struct {
		name, env string
		args      []string
		want      string
	}{
		{"default", "", []string{"worker"}, "1"},
		{"top of the file", "", []string{"worker", "--config", top}, "2"},
		{"table of the file", "", []string{"worker", "--config", table}, "3"},
		{"another command's table", "", []string{"up", "--config", table}, "2"},
		{"environment", "4", []string{"worker", "--config", table}, "4"},
		{"flag", "4", []string{"worker", "--config", table, "--slots", "5"}, "5"},
		{"a flag that is the default", "4", []string{"worker", "--config", table, "--slots", "1"}, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NETRENDER_SLOTS", c.env)
			if got, err := given(t, "slots", c.args...); err != nil || got != c.want {
				t.Errorf("slots are %s, not %s (%v)", got, c.want, err)
			}
		})
	}
}

func TestValuesOfTheFile(t *testing.T) {
	t.Setenv("NETRENDER_DATA", t.TempDir())
	path := writeSettingsFile(t, `
tags = ["big", "with, comma", 'and "quotes"']
scripts = true
hang-timeout = "3m"
cache = "7GB"
allow = []
`)
	for flag, want := range map[string]string{
		"tags": `[big,"with, comma","and ""quotes"""]`, "scripts": "true", "hang-timeout": "3m0s", "cache": "7GB",
	} {
		if got, err := given(t, flag, "worker", "--config", path); err != nil || got != want {
			t.Errorf("%s is %s, not %s (%v)", flag, got, want, err)
		}
	}
	if got, err := given(t, "allow", "submit", "x.blend", "--config", path); err != nil || got != "[]" {
		t.Errorf("allow is %s (%v)", got, err)
	}
}

// What is meant for one command must not change what another one does.
func TestSettingsKeepToTheirCommands(t *testing.T) {
	t.Setenv("NETRENDER_DATA", t.TempDir())
	path := writeSettingsFile(t, "name = \"oak\"\n")
	for _, c := range []struct{ cmd, want string }{{"worker", "oak"}, {"master", "oak"}, {"jobs", ""}, {"render x.blend", ""}} {
		if got, err := given(t, "name", append(strings.Fields(c.cmd), "--config", path)...); err != nil || got != c.want {
			t.Errorf("the name of %s is %q, not %q (%v)", c.cmd, got, c.want, err)
		}
	}
	t.Setenv("NETRENDER_YES", "true")
	if got, err := given(t, "yes", "delete", "1"); err != nil || got != "false" {
		t.Errorf("delete does not ask: the environment said so (%v)", err)
	}
}

func TestDataFolder(t *testing.T) {
	env, flag, file := t.TempDir(), t.TempDir(), t.TempDir()
	path := writeSettingsFile(t, "data = '"+file+"'\n")
	if got, err := given(t, "data", "jobs", "--config", path); err != nil || got != file {
		t.Errorf("data of the file: %s (%v)", got, err)
	}
	t.Setenv("NETRENDER_DATA", env)
	if got, err := given(t, "data", "jobs", "--config", path); err != nil || got != env {
		t.Errorf("data of the environment: %s (%v)", got, err)
	}
	if got, err := given(t, "data", "jobs", "--config", path, "--data", flag); err != nil || got != flag {
		t.Errorf("data of the flag: %s (%v)", got, err)
	}
	if err := os.WriteFile(filepath.Join(env, "netrender.toml"), []byte("slots = 6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := given(t, "slots", "worker"); err != nil || got != "6" {
		t.Errorf("the file in the data folder is not read: %s (%v)", got, err)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	t.Setenv("NETRENDER_DATA", t.TempDir())
	for _, c := range []struct{ text, want string }{
		{"slot = 2", `no command has a setting "slot"`},
		{"[worker]\nslot = 2", `netrender worker has no setting "slot"`},
		{"[worker]\nlisten = ':1'", `netrender worker has no setting "listen"`},
		{"[wroker]\nslots = 2", `there is no command "wroker"`},
		{"frames = '1-2'", `no command has a setting "frames"`},
		{"[render]\nframes = '1-2'", "frames of netrender render is given on the command line"},
		{"[delete]\nyes = true", "yes of netrender delete is given on the command line"},
		{"json = true", `no command has a setting "json"`},
		{"slots = 'two'", `slots is a whole number, not "two"`},
		{"slots = 1.5", `slots is a whole number, not "1.5"`},
		{"scripts = 'perhaps'", `scripts is true or false, not "perhaps"`},
		{"hang-timeout = 5", `hang-timeout is a time with its unit`},
		{"slots == 2", "line 1, is not TOML"},
		{"\n\nslots = 2\nslots = 3", "is not TOML"},
		{"\x00\xff", "is not TOML"},
	} {
		path := writeSettingsFile(t, c.text)
		out, errs, code := command(t, "worker", "--config", path, "--master", "127.0.0.1:1")
		if code != exitUsage || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("%q: exit %d, %q, want %q", c.text, code, errs, c.want)
		}
		plain(t, errs)
	}
	t.Setenv("NETRENDER_DATA", t.TempDir())
	if _, errs, code := command(t, "jobs", "--config", "/nowhere/x.toml"); code != exitUsage || !strings.Contains(errs, "/nowhere/x.toml cannot be read") {
		t.Errorf("exit %d, %q", code, errs)
	}
}

func TestEnvironmentThatIsRefused(t *testing.T) {
	for name, value := range map[string]string{
		"NETRENDER_SLOTS": "two", "NETRENDER_SCRIPTS": "perhaps", "NETRENDER_HANG_TIMEOUT": "5", "NETRENDER_CACHE": "much",
		"NETRENDER_DEVICES": "toaster",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NETRENDER_DATA", t.TempDir())
			var errs bytes.Buffer
			t.Setenv(name, value)
			code := runContext(context.Background(), []string{"worker", "--master", "127.0.0.1:1"}, streams{strings.NewReader(""), &errs, &errs})
			if code != exitUsage || !strings.Contains(errs.String(), value) {
				t.Errorf("exit %d: %s", code, errs.String())
			}
			plain(t, errs.String())
		})
	}
}
