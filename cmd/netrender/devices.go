package main

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// quickest are the ways to compute on a card, the quickest first: a card is found once for each it knows.
var quickest = []string{"optix", "cuda", "hip", "oneapi", "metal"}

// card is a graphics card that some Blender here found.
type card struct {
	name   string
	device string // what --devices takes for it
}

// cardsOf lists the graphics cards, each once, with the quickest way to compute on it.
func cardsOf(installs []blender.Install) (cards []card) {
	for _, kind := range quickest {
		var known []string // names of the cards found in quicker ways; two cards may have the same name
		for _, c := range cards {
			known = append(known, c.name)
		}
		seen := map[string]bool{}
		for i := range installs {
			for _, d := range installs[i].Devices {
				if k, _, _ := strings.Cut(d.ID, ":"); k != kind || seen[d.ID] {
					continue
				}
				seen[d.ID] = true
				if at := slices.Index(known, d.Name); at >= 0 {
					known = slices.Delete(known, at, at+1)
					continue
				}
				cards = append(cards, card{d.Name, d.ID})
			}
		}
	}
	return cards
}

// checkDevices refuses devices that no Blender here finds, and tells of cards that are not used.
func (o *workerOptions) checkDevices(installs []blender.Install, log *slog.Logger) error {
	cards := cardsOf(installs)
	if len(o.devices) == 0 {
		for _, c := range cards {
			log.Warn("a graphics card is not used: scenes render on the CPU", "card", c.name, "to use it", "--devices "+c.device)
		}
		return nil
	}
	for _, d := range o.devices {
		id := d
		if !strings.Contains(d, ":") && d != "cpu" {
			id += ":0"
		}
		if d == "cpu" || slices.ContainsFunc(installs, func(in blender.Install) bool {
			return slices.ContainsFunc(in.Devices, func(have blender.Device) bool { return have.ID == id })
		}) {
			continue
		}
		e := farm.Errorf(farm.Invalid, "no Blender on this machine finds the device %s", d)
		if len(cards) == 0 {
			return e.WithHint("it finds no graphics card at all: check that the card's driver is installed; --devices cpu uses the processor")
		}
		var have []string
		for _, c := range cards {
			have = append(have, c.device)
		}
		return e.WithHint("it finds %s, and cpu", strings.Join(have, ", "))
	}
	return nil
}
