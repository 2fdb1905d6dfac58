"""Says which files the open .blend reads; the artist's scene is not changed.

walk.walk() is the door. paths, spans and files are what the rest stands on; blocks finds datablocks; every other module
knows the files of one kind of datablock.
"""
