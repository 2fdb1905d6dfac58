package blender

// tracedScenes are made by the Blender that reads them. Where a kind of file is not in the list of every Blender,
// docs/blender-facts.md says why.
var tracedScenes = []tracedScene{
	{name: "pictures", blend: "project/pictures.blend"},
	{name: "caches", blend: "project/caches.blend"},
	{name: "strips", blend: "project/strips.blend", only: "executable", same: map[string]string{
		"bell.wav":      "only a movie of the frames will sound",
		"letters.woff2": "3.4 reads the font and draws the words in its own",
	}}, // 5.3.0 crashes now and then on strips that Python has put pictures into
	{name: "imports", blend: "project/imports.blend", only: "module"},   // Debian's has no Alembic, no USD
	{name: "fluids", blend: "project/fluids.blend", only: "executable"}, // the module's baking fails
}
