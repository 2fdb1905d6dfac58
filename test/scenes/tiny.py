"""A scene that renders in next to no time, to measure everything that is not rendering: tiny.blend.

The arguments make it slower: --frames 50 --samples 4 --size 64x36 --threads 1.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene as stage

want = stage.settings("A scene that renders in next to no time.", frames=50, samples=1, size="64x36")
scene = stage.fresh(want)
scene.cycles.max_bounces = 2
stage.world(scene, (0.25, 0.35, 0.5), 0.6)
stage.lamp(scene, "Sun", "SUN", (3, -4, 6), (0, 0, 0), 3)
stage.camera(scene, (0, -5, 1.6), (0, 0, 0))
box = stage.add(scene, "Cube", stage.cube("Cube", 1.6))
box.data.materials.append(stage.material("Clay", (0.8, 0.35, 0.15))[0])
stage.animate(box, "rotation_euler", [(1, (0, 0, 0)), (max(want.frames, 2), (0.7, 0.4, 4.5))])
stage.stamp(scene, "tiny")
stage.finish(stage.save(want, "tiny"))
