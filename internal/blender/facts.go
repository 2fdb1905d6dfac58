package blender

import "strings"

// Facts are what Probe found out about an install by running it once.
type Facts struct {
	Version   string   `json:"version"`    // "4.5.15"
	Series    string   `json:"series"`     // "4.5": files of one series render alike
	Label     string   `json:"label"`      // as Blender shows it: "4.5.15 LTS"
	Hash      string   `json:"hash"`       // of the source it was built from; "" when the build does not say
	BuildDate string   `json:"build_date"` //
	Platform  string   `json:"platform"`   // Linux, Darwin, Windows
	Python    string   `json:"python"`     // "3.11.7"
	Denoisers []string `json:"denoisers"`  // OPENIMAGEDENOISE, OPTIX; empty: Cycles writes no frame with denoising on
	FFmpeg    bool     `json:"ffmpeg"`     // can encode movies itself
	Films     []string `json:"films"`      // what it encodes films with, tried out: H.264, VP9, AV1, FFV1
	Features  []string `json:"features"`   // names of build options that are on: cycles, openvdb, usd, ...
	Engines   []Engine `json:"engines"`
	Devices   []Device `json:"devices"` // the CPU first
	Addons    []string `json:"addons"`  // names of the add-ons it brings, enabled or not
	// Bakes are the kinds of Simulation that the install has. Some builds abort where they bake fluids: see Prober.CanBake.
	Bakes []string `json:"bakes"`
}

// Engine is a render engine of an install.
type Engine struct {
	ID      string `json:"id"`      // CYCLES, BLENDER_EEVEE_NEXT, ...
	Name    string `json:"name"`    //
	Display bool   `json:"display"` // it draws through the window system
	Works   bool   `json:"works"`   // it rendered a test picture here (only tried for engines with Display)
	Virtual bool   `json:"virtual"` // it works only on a virtual display, which Session provides
	Why     string `json:"why"`     // why it does not work, or "untried"
}

// Device is something Cycles can compute on.
type Device struct {
	ID   string `json:"id"`   // cpu, cuda:0, optix:0, hip:0, oneapi:0, metal:0: what Options.Device takes
	Name string `json:"name"` // "NVIDIA GeForce RTX 4090"
}

// engine finds an engine by its ID.
func (f Facts) engine(id string) (Engine, bool) {
	for _, e := range f.Engines {
		if e.ID == id {
			return e, true
		}
	}
	return Engine{}, false
}

// CanRender says whether the install can render with the engine, and if not, why, in a sentence.
func (f Facts) CanRender(engine string) (bool, string) {
	if e, ok := f.engine(engine); ok && e.Works {
		return true, ""
	} else if ok {
		return false, "Blender " + f.Version + " cannot render with " + e.Name + " on this machine: " + e.Why
	}
	names := make([]string, len(f.Engines))
	for i, e := range f.Engines {
		names[i] = e.ID
	}
	return false, "Blender " + f.Version + " has no engine " + engine + " (it has " + strings.Join(names, ", ") + ")"
}
