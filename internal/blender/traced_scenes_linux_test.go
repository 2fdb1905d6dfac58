package blender

// tracedScenes are made by the Blender that reads them. Where a kind of file is not in the list of every Blender,
// docs/blender-facts.md says why.
var tracedScenes = []tracedScene{
	{name: "pictures", blend: "project/pictures.blend"},
	{name: "stereo", blend: "project/stereo.blend", crash: []string{"executable/wide.png"}},
	{name: "eyes", blend: "project/eyes.blend", crash: []string{"executable/films"}},
	{name: "caches", blend: "project/caches.blend"},
	{name: "strips", blend: "project/strips.blend", same: map[string]string{
		"bell.wav":                 "only a movie of the frames will sound",
		"executable/BL_proxy":      "a list of where a movie's pictures are, which Blender reads; proxies are not rendered",
		"executable/letters.woff2": "3.4 reads the font and draws the words in its own",
	}},
	{name: "imports", blend: "project/imports.blend", only: "module"}, // Debian's has no Alembic, no USD
	{name: "geometry", blend: "project/geometry.blend", only: "module", same: map[string]string{
		"cloud.vdb": "Blender keeps what it has read of it as long as it runs",
	}}, // 3.4 has no such nodes
	{name: "fluids", blend: "project/fluids.blend", only: "executable", same: map[string]string{
		"cache_smoke-config":  "Blender reads it all the same",
		"cache_smoke-data":    "the noise is shown, but Blender reads what it was made of all the same",
		"cache_smoke-guiding": "it was read while the fluid was baked, and Blender reads it again",
		"cache_water-config":  "Blender reads it all the same",
		"cache_water-data":    "the mesh is shown, but Blender reads what it was made of all the same",
	}}, // the module's baking fails
}
