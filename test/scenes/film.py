"""24 small frames of a turning cube, with a tone that begins in the middle: film.blend writes PNG, movie.blend a movie.

Beside them lies tone.wav. The rate is 24000/1001 frames a second.
"""

from __future__ import annotations

import math
import os
import struct
import sys
import wave

import bpy

OUT = sys.argv[sys.argv.index("--") + 1]
RATE = 48000

os.makedirs(OUT, exist_ok=True)
with wave.open(os.path.join(OUT, "tone.wav"), "wb") as tone:
    tone.setnchannels(1)
    tone.setsampwidth(2)
    tone.setframerate(RATE)
    tone.writeframes(
        b"".join(struct.pack("<h", int(12000 * math.sin(2 * math.pi * 440 * i / RATE)) if i >= RATE // 2 else 0) for i in range(2 * RATE))
    )

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
bpy.ops.mesh.primitive_cube_add()
cube = bpy.context.object
cube.keyframe_insert("rotation_euler", frame=1)
cube.rotation_euler = (1.0, 0.5, 2.0)
cube.keyframe_insert("rotation_euler", frame=24)
bpy.ops.object.light_add(type="SUN", rotation=(0.5, 0.3, 0.0))
bpy.ops.object.camera_add(location=(0.0, 0.0, 6.0))
scene.camera = bpy.context.object
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 48, 100
scene.render.fps, scene.render.fps_base = 24, 1.001
scene.frame_start, scene.frame_end = 1, 24
scene.render.image_settings.file_format = "PNG"
scene.render.image_settings.color_mode = "RGB"
scene.render.filepath = "//out/f_"
editor = scene.sequence_editor_create() or scene.sequence_editor
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
strips.new_sound("tone", os.path.join(OUT, "tone.wav"), 1, 1)
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(OUT, "film.blend"))
image, ffmpeg = scene.render.image_settings, scene.render.ffmpeg
if hasattr(image, "media_type"):
    image.media_type = "VIDEO"
image.file_format = "FFMPEG"
ffmpeg.format, ffmpeg.codec, ffmpeg.audio_codec = "QUICKTIME", "MPEG4", "MP3"
ffmpeg.audio_mixrate = 44100
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(OUT, "movie.blend"))
