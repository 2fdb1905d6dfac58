"""Tries mapping.py as it runs on Windows, with a module that stands for Blender: os.path is ntpath, os.sep a backslash.

Run as `python windows_paths.py FOLDER`, FOLDER being the one that holds mapping.py. Prints what is wrong; exits with 1.
"""

from __future__ import annotations

import importlib
import ntpath
import os
import sys
import types

JOB = "C:\\worker\\jobs\\7\\src"
FILES = {
    "/home/ann/film/shots/a.blend": JOB + "\\shots\\a.blend",
    "/home/ann/film/tex/wood.png": JOB + "\\tex\\wood.png",
    "/home/ann/film/tex/Tex.png": JOB + "\\tex\\Tex.png",
    "/home/ann/film/tex/tex.png": JOB + "\\tex\\abcdefghijkl-tex.png",
    "/home/ann/film/tex/a:b.png": JOB + "\\tex\\abcdefghijkl-a_b.png",
    "/home/ann/film/tex/what?.1001.v2.png": JOB + "\\tex\\bcdefghijklm-what_.1001.v2.png",
    "/home/ann/film/tex/what?.u1_v1.png": JOB + "\\tex\\cdefghijklmn-what_.u1_v1.png",
    "/home/ann/film/sea/wave_0002.png": JOB + "\\sea\\wave_0002.png",
    "/srv/lib/b.blend": JOB + "\\_outside\\srv\\lib\\b.blend",
    "/srv/lib/tex/y.png": JOB + "\\_outside\\srv\\lib\\tex\\y.png",
    "D:\\Stock\\Rock.png": JOB + "\\_outside\\D\\Stock\\Rock.png",
    "\\\\server\\share\\Sky.png": JOB + "\\_outside\\server\\share\\Sky.png",
}
SCENE, LIBRARY = FILES["/home/ann/film/shots/a.blend"], FILES["/srv/lib/b.blend"]
# What is stored, in which .blend, and where it leads; None: it is right as it stands.
CASES = [
    ("//../tex/wood.png", SCENE, None),
    ("//..\\tex\\wood.png", SCENE, None),
    ("//../tex/Tex.png", SCENE, None),
    ("//../tex/tex.png", SCENE, JOB + "\\tex\\abcdefghijkl-tex.png"),
    ("/home/ann/film/tex/a:b.png", SCENE, JOB + "\\tex\\abcdefghijkl-a_b.png"),
    ("//../tex/what?.<UDIM>.v2.png", SCENE, JOB + "\\tex\\bcdefghijklm-what_.<UDIM>.v2.png"),
    ("//../tex/what?.<UVTILE>.png", SCENE, JOB + "\\tex\\cdefghijklmn-what_.<UVTILE>.png"),
    ("//../tex/what?.1002.v2.png", SCENE, JOB + "\\tex\\bcdefghijklm-what_.1002.v2.png"),
    ("/home/ann/film/sea/wave_0001.png", SCENE, JOB + "\\sea\\wave_0001.png"),
    ("//tex/y.png", LIBRARY, None),
    ("/srv/lib/tex/y.png", LIBRARY, JOB + "\\_outside\\srv\\lib\\tex\\y.png"),
    ("/srv/lib/../lib/tex/./y.png", SCENE, JOB + "\\_outside\\srv\\lib\\tex\\y.png"),
    ("d:/stock/rock.png", SCENE, JOB + "\\_outside\\D\\Stock\\Rock.png"),
    ("\\\\?\\D:\\Stock\\Rock.png", SCENE, JOB + "\\_outside\\D\\Stock\\Rock.png"),
    ("\\\\SERVER\\share\\sky.png", SCENE, JOB + "\\_outside\\server\\share\\Sky.png"),
    ("\\\\?\\UNC\\server\\share\\sky.png", SCENE, JOB + "\\_outside\\server\\share\\Sky.png"),
    ("/HOME/ann/film/tex/wood.png", SCENE, None),  # another file where the scene comes from
    ("/opt/elsewhere.png", SCENE, None),
    ("", SCENE, None),
]


def main() -> int:
    """Counts what is wrong."""
    sys.dont_write_bytecode = True
    sys.modules["bpy"] = types.ModuleType("bpy")
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[1])))
    mapping = importlib.import_module(os.path.basename(sys.argv[1]) + ".mapping")
    mapping.os = types.SimpleNamespace(path=ntpath, sep="\\", fspath=os.fspath)  # type: ignore[attr-defined]
    places = mapping.Places(SCENE, "/home/ann/film/shots/a.blend", FILES)
    wrong = 0
    for stored, owner, want in CASES:
        got = places.resolve(stored, owner)
        if got != want:
            wrong += 1
            print(f"{stored} in {owner} leads to {got}, not to {want}")
    return wrong


sys.exit(min(main(), 1))
