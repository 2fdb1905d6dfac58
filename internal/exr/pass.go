package exr

import (
	"slices"
	"strings"
)

// rule is how the samples of a channel are merged.
type rule int

const (
	average  rule = iota // by the samples of each part
	first                // of the part that begins with the frame's first sample
	sum                  // of all parts
	divided              // an average that Cycles has divided by that of another channel
	counted              // the share of its samples that each pixel got
	idMatte              // Cryptomatte: pairs of a name's number and its share of the pixel
	doubtful             // an average that is not what a render of all samples would have
)

// passName is what the name of a channel of Blender's multilayer files says, LAYER.PASS.CHANNEL or LAYER.PASS.VIEW.CHANNEL.
type passName struct{ layer, pass, view, channel string }

// parsePass reads a channel's name. Layers may have dots in their names; views are those of the attribute multiView.
func parsePass(name string, views []string) passName {
	var p passName
	last := func() (s string) {
		i := strings.LastIndexByte(name, '.')
		name, s = name[:max(i, 0)], name[i+1:]
		return s
	}
	p.channel = last()
	p.pass = last()
	if slices.Contains(views, p.pass) {
		p.view, p.pass = p.pass, last()
	}
	p.layer = name
	return p
}

// of is the channel of another pass of the same layer and view.
func (p passName) of(pass, channel string) passName {
	return passName{p.layer, pass, p.view, channel}
}

// divisors are the passes that Cycles divides others by, by the names of 5.0 and newer, and of the versions before.
var divisors = map[string]string{
	"Diffuse Direct": "Diffuse Color", "Diffuse Indirect": "Diffuse Color",
	"Glossy Direct": "Glossy Color", "Glossy Indirect": "Glossy Color",
	"Transmission Direct": "Transmission Color", "Transmission Indirect": "Transmission Color",
	"DiffDir": "DiffCol", "DiffInd": "DiffCol",
	"GlossDir": "GlossCol", "GlossInd": "GlossCol",
	"TransDir": "TransCol", "TransInd": "TransCol",
}

// countPass tells how many of its samples a pixel got.
const countPass = "Debug Sample Count"

// rule is that of the pass.
func (p passName) rule() rule {
	switch p.pass {
	case "Depth", "Position", "IndexOB", "IndexMA", "Object Index", "Material Index":
		return first // Cycles writes them at sample 0 alone
	case "":
		if p.channel == "Z" || p.channel == "V" {
			return first
		}
	case countPass:
		return counted
	case "Shadow Catcher":
		return doubtful // a quotient of two sums that the file does not have
	}
	switch _, quotient := divisors[p.pass]; {
	case quotient:
		return divided
	case p.matte() != "":
		return idMatte
	case strings.HasPrefix(p.pass, "Debug BVH "), strings.HasPrefix(p.pass, "Debug Ray "), p.pass == "Debug Render Time":
		return sum
	}
	return average
}

// matte is the name of a Cryptomatte without the number of the level, or empty.
func (p passName) matte() string {
	name := strings.TrimRight(p.pass, "0123456789")
	if len(p.pass)-len(name) == 2 && strings.HasPrefix(name, "Crypto") && len(name) > len("Crypto") {
		return name
	}
	return ""
}
