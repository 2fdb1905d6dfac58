package blender

import (
	"fmt"
	"strings"
)

// ErrorKind says for machines what went wrong.
type ErrorKind string

// The kinds of Error. The session can go on after those marked "alive".
const (
	NoStart   ErrorKind = "no-start"  // Blender did not come up
	NotBlend  ErrorKind = "not-blend" // the file is no .blend, or one so new that this Blender cannot tell; alive
	Truncated ErrorKind = "truncated" // the .blend ends too early or is damaged; alive
	TooNew    ErrorKind = "too-new"   // a newer Blender made the .blend; alive
	NoFile    ErrorKind = "no-file"   // the .blend is not there or may not be read; alive
	NoScene   ErrorKind = "no-scene"  // Scene.Name is not in the file; alive
	NoCamera  ErrorKind = "no-camera" // the scene has no camera; alive
	NoEngine  ErrorKind = "no-engine" // the scene's engine is not in this install or cannot render here; alive
	NoDevice  ErrorKind = "no-device" // Options.Device is not there
	NoFrame   ErrorKind = "no-frame"  // Blender said nothing went wrong and wrote nothing; alive
	NoSpace   ErrorKind = "no-space"  // a file of the result could not be written; alive
	NoMemory  ErrorKind = "no-memory" // the device or the machine ran out of memory; alive
	Agent     ErrorKind = "agent"     // our own part in Blender failed; the session is in doubt
	Refused   ErrorKind = "refused"   // Blender refused to render and said why; alive
	Crashed   ErrorKind = "crashed"   // the process ended by itself
	Killed    ErrorKind = "killed"    // the process was ended by Kill, Close or a context
	BadTalk   ErrorKind = "bad-talk"  // what came over the channel made no sense; the process was killed
	NoAddon   ErrorKind = "no-addon"  // an add-on of Options.Addons is not there or cannot be enabled
	Stale     ErrorKind = "stale"     // the .blend is not any more the one that a collection was made of
	NoParts   ErrorKind = "no-parts"  // the scene can be rendered as whole frames only; alive
	// The scene is to be denoised, and the install has no denoiser; alive.
	NoDenoiser ErrorKind = "no-denoiser"
	NoBake     ErrorKind = "no-bake"    // a simulation cannot be baked, or Blender baked less than it said; alive
	NotOpened  ErrorKind = "not-opened" // Render before Open; alive
)

// Error is a failure of a session, an install or a scene.
type Error struct {
	Kind    ErrorKind
	Message string   // one sentence
	Status  int      // exit status when the process has ended; signals are 128 and up
	Log     []string // the last lines Blender said, oldest first
	cause   error
}

// Unwrap gives the cause: a context's error when the caller's context ended the call.
func (e *Error) Unwrap() error { return e.cause }

// Error is the sentence, and the last line of the log when the process is gone.
func (e *Error) Error() string {
	if last := e.lastLine(); last != "" && (e.Kind == Crashed || e.Kind == NoStart || e.Kind == NoFrame) {
		return fmt.Sprintf("%s; its last words: %s", e.Message, last)
	}
	return e.Message
}

// Is lets errors.Is compare by kind alone: errors.Is(err, &blender.Error{Kind: blender.NoCamera}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind
}

func (e *Error) lastLine() string {
	for i := len(e.Log) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(e.Log[i]); line != "" {
			return line
		}
	}
	return ""
}
