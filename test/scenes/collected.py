"""Collects the open .blend, as an add-on in an artist's Blender does: collected.py -- RESULT [ENGINE]"""

import json
import os
import sys

import bpy

source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "internal", "blender")
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(source, "agent"), os.path.join(source, "collector")]

from netagent import opening
from netcollect import facts

result, *engine = sys.argv[sys.argv.index("--") + 1 :]
with open(result, "w", encoding="utf-8") as file:
    json.dump(facts.answer(bpy.context.scene, opening, [], engine="".join(engine)), file)
