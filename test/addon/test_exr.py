"""Heads of OpenEXR files: those of real ones, and of ones that are damaged. Files of Blender and others lie in EXRS."""

from __future__ import annotations

import glob
import os
import random
import struct
import time
import unittest

from fake import Case
from netrender import exr

EXRS = os.environ["EXRS"]


def attribute(name: str, kind: str, value: bytes) -> bytes:
    """An attribute of a header."""
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value


def channels(*names: str) -> bytes:
    """A list of channels."""
    return attribute("channels", "chlist", b"".join(name.encode() + b"\0" + bytes(16) for name in names) + b"\0")


START = exr.MAGIC + struct.pack("<I", 2)
WINDOW = attribute("displayWindow", "box2i", struct.pack("<4i", 10, 20, 169, 109))


class Heads(Case):
    """Files, whole and broken."""

    def head(self, data: bytes) -> exr.Head:
        """The head of a file of these bytes."""
        with open(self.path("x.exr"), "wb") as file:
            file.write(data)
        return exr.read(self.path("x.exr"))

    def test_passes_are_in_blenders_order(self) -> None:
        names: tuple[str, ...] = (
            "L.x.Combined.A",
            "L.x.Combined.B",
            "L.x.Combined.G",
            "L.x.Combined.R",
            "L.x.Depth.Z",
            "L.x.Normal.X",
        )
        names += ("L.x.Normal.Y", "L.x.Normal.Z", "L.x.UV.A", "L.x.UV.U", "L.x.UV.V", "L.x.Vector.W", "L.x.Vector.X")
        names += ("L.x.Vector.Y", "L.x.Vector.Z", "L.x.C00.b", "L.x.C00.a", "L.x.C00.g", "L.x.C00.r", "R")
        head = self.head(START + WINDOW + channels(*names) + b"\0")
        want = {"Combined": "RGBA", "Depth": "Z", "Normal": "XYZ", "UV": "UVA", "Vector": "XYZW", "C00": "rgba"}
        self.assertEqual(head.passes, {("L.x", name): order for name, order in want.items()})
        self.assertEqual((head.width, head.height), (160, 90))

    def test_views(self) -> None:
        view = b"".join(struct.pack("<i", len(one)) + one for one in (b"left", b"right"))
        names = [f"L.Combined.{view}.{letter}" for view in ("left", "right") for letter in "RGBA"]
        head = self.head(START + attribute("multiView", "stringvector", view) + channels(*names) + b"\0")
        self.assertEqual((head.passes, head.views), ({("L", "Combined"): "RGBA"}, {"left", "right"}))

    def test_parts(self) -> None:
        """As Blender 5 writes them: each pass is a part."""
        parts = WINDOW + channels("L.Combined.R", "L.Combined.G", "L.Combined.B", "L.Combined.A") + b"\0"
        parts += WINDOW + channels("L.Depth.Z") + attribute("cryptomatte/1/name", "string", b"L.Crypto") + b"\0"
        head = self.head(exr.MAGIC + struct.pack("<I", 2 | exr.MULTIPART) + parts + b"\0")
        self.assertEqual(head.passes, {("L", "Combined"): "RGBA", ("L", "Depth"): "Z"})
        self.assertEqual(head.words, {"cryptomatte/1/name": "L.Crypto"})

    def test_files_of_blender(self) -> None:
        head = exr.read(os.path.join(EXRS, "multilayer.exr"))
        self.assertGreater(head.width * head.height, 0)
        self.assertTrue(any(name == "Combined" and order == "RGBA" for (_, name), order in head.passes.items()), head)
        self.assertTrue(exr.read(os.path.join(EXRS, "multipart.exr")).width)

    def test_all_files_that_are_whole(self) -> None:
        files = glob.glob(os.path.join(EXRS, "*.exr"))
        self.assertGreater(len(files), 10)
        for path in files:
            self.assertGreater(exr.read(path).width, 0, path)

    def test_a_long_head_is_read_on(self) -> None:
        manifest = b"x" * (3 << 20)
        head = self.head(START + attribute("cryptomatte/1/manifest", "string", manifest) + WINDOW + b"\0")
        self.assertEqual((head.width, len(head.words["cryptomatte/1/manifest"])), (160, len(manifest)))

    def test_what_is_cut_off(self) -> None:
        with open(os.path.join(EXRS, "multilayer.exr"), "rb") as file:
            data = file.read()
        whole = exr.read(os.path.join(EXRS, "multilayer.exr"))
        for length in range(0, 2000, 7):
            try:
                self.assertEqual(self.head(data[:length]), whole)  # the head is whole already
            except exr.Broken as error:
                self.assertIn("OpenEXR", str(error))

    def test_sizes_that_lie(self) -> None:
        for size in (-1, -(1 << 31), (1 << 31) - 1, 1 << 30, 100):
            for kind in ("chlist", "box2i", "string", "stringvector", "other"):
                bad = b"multiView\0" + kind.encode() + b"\0" + struct.pack("<i", size) + b"abc\0"
                with self.subTest(f"{kind} {size}"), self.assertRaises(exr.Broken):
                    self.head(START + bad)
        for length in (-1, 1 << 30, -(1 << 31)):
            value = struct.pack("<i", length) + b"left"
            try:
                self.head(START + attribute("multiView", "stringvector", value) + b"\0")
            except exr.Broken:
                pass
        with self.assertRaises(exr.Broken):
            self.head(START + attribute("displayWindow", "box2i", b"ab") + b"\0")

    def test_many_channels_of_one_pass_take_no_time(self) -> None:
        names = [f"L.Combined.{i:x}" for i in range(100_000)]
        began = time.process_time()
        self.head(START + WINDOW + channels(*names) + b"\0")
        self.assertLess(time.process_time() - began, 5)

    def test_damage(self) -> None:
        """Whatever the bytes are: a head, or Broken."""
        chance = random.Random(7)
        files = [os.path.join(EXRS, name) for name in ("multilayer.exr", "multipart.exr", "tiled.exr")]
        for path in files + glob.glob(os.path.join(EXRS, "fuzz", "*", "*")):
            with open(path, "rb") as file:
                data = file.read(4000)
            for _ in range(150 if path in files else 1):
                hurt = bytearray(data)
                for _ in range(chance.randrange(1, 8)):
                    hurt[chance.randrange(min(len(hurt), 1500))] = chance.choice(
                        (0, 1, 0x7F, 0xFF, chance.randrange(256))
                    )
                try:
                    self.head(bytes(hurt))
                except exr.Broken:
                    pass


if __name__ == "__main__":
    unittest.main()
