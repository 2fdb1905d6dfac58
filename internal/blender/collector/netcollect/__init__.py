"""Says which files the open .blend reads; the artist's scene is not changed.

facts.steps() is the door: a generator that goes on for the shortest while between two yields, so that an artist's Blender may
take its turns. Across a yield only datablocks, names and numbers are kept: what belongs to a datablock (a node, a modifier, a
place in a list) may be freed meanwhile, and to touch it would end Blender; a datablock that is gone raises ReferenceError.
walk knows the order. paths, spans and files are what the rest stands on; blocks finds datablocks; every other module
knows the files of one kind of datablock.
"""
