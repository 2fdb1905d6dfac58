package blender

// Thumbnail is the picture that a .blend carries, as PNG; nil when it carries none.
func Thumbnail(string) []byte { return nil }
