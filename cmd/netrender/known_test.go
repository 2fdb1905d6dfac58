package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func TestKnownFarmsOfOld(t *testing.T) {
	var known knownFarms
	old := `{"f1": "nr_user", "f1/worker": "nr_worker", "f2/worker": "nr_two", "f3": {"token": "nr_three", "tls": true, "pin": "p"}}`
	if err := json.Unmarshal([]byte(old), &known); err != nil {
		t.Fatal(err)
	}
	want := knownFarms{
		"f1": {Token: "nr_user", Worker: "nr_worker"}, "f2": {Worker: "nr_two"}, "f3": {Token: "nr_three", TLS: true, Pin: "p"},
	}
	for id, f := range want {
		if known[id] != f {
			t.Errorf("%s is %+v, not %+v", id, known[id], f)
		}
	}
	text, err := json.Marshal(known)
	if err != nil {
		t.Fatal(err)
	}
	var again knownFarms
	if err := json.Unmarshal(text, &again); err != nil || len(again) != 3 || again["f1"] != want["f1"] {
		t.Errorf("%s came back as %+v, %v", text, again, err)
	}
	for _, bad := range []string{`[]`, `{"f": 3}`, `{"f": {"tls": "x"}}`} {
		if err := json.Unmarshal([]byte(bad), &known); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// TestMeet: what is known of a farm's master is not given up for what somebody announces or names.
func TestMeet(t *testing.T) {
	own, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	for _, c := range []struct {
		name  string
		known knownFarm
		m     foundMaster
		url   string // "": refused
		heard bool
	}{
		{"never seen to encrypt", knownFarm{}, foundMaster{URL: "http://a:1", heard: true}, "http://a:1", true},
		{"encrypts since", knownFarm{}, foundMaster{URL: "https://a:1#" + own, heard: true}, "https://a:1#" + own, true},
		{"known key", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1#" + own, heard: true}, "https://a:1#" + own, false},
		{"another key is announced", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1#" + other, heard: true}, "https://a:1#" + own, false},
		{"no key is announced", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1", heard: true}, "https://a:1#" + own, false},
		{"named without a key", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1"}, "https://a:1#" + own, false},
		{"a person names another key", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1#" + other}, "https://a:1#" + other, false},
		{"no encryption is announced", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "http://a:1", heard: true}, "", false},
		{"named without encryption", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "http://a:1"}, "", false},
		{"a certificate with a name", knownFarm{TLS: true}, foundMaster{URL: "https://a:1"}, "https://a:1", false},
		{"a certificate with a name, announced", knownFarm{TLS: true}, foundMaster{URL: "https://a:1", heard: true}, "https://a:1", true},
		{"a certificate with a name, and none any more", knownFarm{TLS: true}, foundMaster{URL: "http://a:1", heard: true}, "", false},
	} {
		m, err := c.known.meet(c.m)
		switch {
		case c.url == "" && farm.KindOf(err) != farm.Untrusted:
			t.Errorf("%s: %+v %v", c.name, m, err)
		case c.url != "" && (err != nil || m.URL != c.url || m.heard != c.heard):
			t.Errorf("%s: %+v %v", c.name, m, err)
		}
		if c.url != "" {
			if _, err := wire.ParseAddress(m.URL); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// TestAnotherFarmAtTheRememberedAddress: it gets no token, and is not worked for.
func TestAnotherFarmAtTheRememberedAddress(t *testing.T) {
	f := startFarm(t)
	home := &app{settings: settings{data: t.TempDir()}}
	if err := home.keepFarm("another", func(k *knownFarm) { k.Token, k.At = "nr_secret", f.client.Address() }); err != nil {
		t.Fatal(err)
	}
	contains(t, f.fails(exitReach, "jobs --data "+home.settings.data), "another farm")
	if _, _, err := home.join(f.ctx, &workerOptions{}, "", ""); !wire.Again(err) {
		t.Errorf("a worker: %v", err)
	}
}
