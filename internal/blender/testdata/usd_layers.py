"""Tries layers.py and usd.py without Blender: python usd_layers.py NETCOLLECT LAYERS.USDC [SEED COUNT]

LAYERS.USDC was written by Blender 5.3 (an object with the custom properties "parts/leaf.usda", "clips/walk.###.usdc" and
"parts/gone.usd"). Prints what is wrong; exits with 1.
"""

from __future__ import annotations

import importlib
import os
import random
import resource
import struct
import sys
import tempfile
import time
import types
from typing import Any

wrong: list[str] = []


def check(what: str, got: Any, want: Any) -> None:
    """Notes what is not as it should be."""
    if got != want:
        wrong.append(f"{what}: {got!r}, not {want!r}")


def crate(packed: bytes, size: int, packed_size: int | None = None, start: int = 88, version: tuple = (0, 8, 0), count: int = 1) -> bytes:
    """A crate file that is nothing but its table of tokens."""
    body = struct.pack("<QQQ", 1, size, len(packed) if packed_size is None else packed_size) + packed
    contents = struct.pack("<Q", count) + struct.pack("<16sqq", b"TOKENS", start, len(body))
    return b"PXR-USDC" + bytes(version) + bytes(5) + struct.pack("<q", 88 + len(body)) + bytes(64) + body + contents


def literal(words: bytes) -> bytes:
    """An LZ4 block that copies nothing."""
    more = bytes([255] * ((len(words) - 15) // 255)) + bytes([(len(words) - 15) % 255]) if len(words) >= 15 else b""
    return bytes([min(len(words), 15) << 4]) + more + words


def tell(layers: Any, data: bytes, name: str = "a.usdc") -> Any:
    """What references() says of the bytes: a list, or a sentence."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(data)
        try:
            return layers.references(path)
        except layers.Damaged as error:
            return str(error)


def crates(layers: Any, real: str) -> None:
    """Sound and broken binary files."""
    three = [("clips/walk.###.usdc", False), ("parts/gone.usd", False), ("parts/leaf.usda", False)]
    check("Blender's own", layers.references(real), three)
    words = b"size\0a.usd\0b.USDA[inside]\0c.usdc:SDF_FORMAT_ARGS:x=1\0a.usd\0usd\0"
    names = [("a.usd", False), ("b.USDA", False), ("c.usdc", False)]
    check("one block", tell(layers, crate(b"\0" + literal(words), len(words))), names)
    old = struct.pack("<QQ", 1, len(words)) + words
    head = b"PXR-USDC" + bytes((0, 3, 0)) + bytes(5) + struct.pack("<q", 88 + len(old)) + bytes(64)
    check("version 0.3", tell(layers, head + old + struct.pack("<Q16sqq", 1, b"TOKENS", 88, len(old))), names)
    half = [literal(words[:9]), literal(words[9:])]
    two = bytes([2]) + b"".join(struct.pack("<i", len(block)) + block for block in half)
    check("two blocks", tell(layers, crate(two, len(words))), names)
    copies = b"\0" + bytes([6 << 4 | 15]) + b"a.usd\0" + struct.pack("<H", 6) + bytes([255, 255, 10]) + bytes([0])
    check("a copy that overlaps", tell(layers, crate(copies, 6 + 4 + 15 + 520)), [("a.usd", False)])
    damaged, many = "its words are damaged", "it holds too many words"
    cut = "it is damaged, or cut off"
    bomb = b"\0" + bytes([1 << 4 | 15]) + b"a" + struct.pack("<H", 1) + bytes([255] * 4_500_000) + bytes([0, 0])
    for what, data, want in [
        ("a size that is too large", crate(b"\0" + literal(words), 1 << 40), many),
        ("a size that is too large by one", crate(b"\0" + literal(words), len(words) + 1), damaged),
        ("a size that is too small", crate(b"\0" + literal(words), len(words) - 1), damaged),
        ("a packed size beyond the file", crate(b"\0" + literal(words), len(words), 1 << 62), cut),
        ("a table before the file", crate(b"\0", 0, start=-1), cut),
        ("a table behind the file", crate(b"\0", 0, start=1 << 62), cut),
        ("many tables that are not there", crate(b"\0", 0, count=1 << 63).replace(b"TOKENS", b"SPECS\0"), cut),
        ("no table", crate(b"\0", 0).replace(b"TOKENS", b"SPECS\0"), "it has no table of words"),
        ("no bytes at all", crate(b"", 0), damaged),
        ("a block of a length below 0", crate(b"\1" + struct.pack("<i", -4) + b"\0", 1), damaged),
        ("a block longer than the rest", crate(b"\1" + struct.pack("<i", 1 << 30) + b"\0", 1), damaged),
        ("255 blocks of which none is there", crate(b"\xff", 1), damaged),
        ("a copy from before the words", crate(b"\0" + b"\x10a\x05\x00\x00", 6), damaged),
        ("a copy of nowhere", crate(b"\0" + b"\x10a\x00\x00\x00", 6), damaged),
        ("a copy that grows beyond the size", crate(bomb, 1000), damaged),
        ("a run that never ends", crate(b"\0\xf0" + b"\xff" * 1000, 1 << 20), damaged),
        ("a head alone", b"PXR-USDC", cut),
    ]:
        check(what, tell(layers, data), want)
    begun = time.monotonic()
    check("zeros that unpack to much", tell(layers, crate(bomb, 1 + 4 + 15 + 255 * 4_500_000)), many)
    brackets = b"[" * 1_000_000 + b".usd"
    check("a word of brackets", tell(layers, crate(b"\0" + literal(brackets), len(brackets))), [])
    empty = bytes(1 << 22)
    check("words of nothing", tell(layers, crate(b"\0" + literal(empty), len(empty))), [])
    check("it takes long, seconds", time.monotonic() - begun > 30, False)


def texts(layers: Any) -> None:
    """Text, with names across the borders of what is read at once."""
    for before in (0, 5, layers.BLOCK - 30, layers.BLOCK - 8, layers.BLOCK - 1, layers.BLOCK, 3 * layers.BLOCK - 9):
        for names in (b"@sub/a.usda@</p>, @b.usd@, @c.png@", b"@@@sub/a.usda@@@ @b.usd@", b'x = @sub/a.usda@ templateAssetPath = "b.usd"'):
            data = b"#usda 1.0 ".ljust(before, b" ") + names + b" " * 20_000
            check(f"text, {before} before", tell(layers, data, "a.usda"), [("sub/a.usda", True), ("b.usd", True)])
    check("an open @", tell(layers, b"#usda\n@" + b"x" * 3_000_000 + b"\n@a.usd@", "a.usda"), [("a.usd", True)])
    check("@ without end", tell(layers, b"@" * 3_000_000, "a.usda"), [])
    check("a name too long", tell(layers, b"@" + b"x" * 5000 + b".usd@", "a.usda"), [])
    check("too many", tell(layers, b"".join(b"@%d.usd@\n" % n for n in range(layers.MOST + 1)), "a.usda"), "it names too many layers")
    check("a package", tell(layers, b"PK\3\4@a.usd@", "a.usdz"), [])
    check("an empty file", tell(layers, b"", "a.usd"), [])


def spoilt(layers: Any, real: str, seed: int, count: int) -> None:
    """Blender's own file, cut and spoilt in every way: a list or a sentence comes of it, soon."""
    with open(real, "rb") as file:
        whole = file.read()
    dice = random.Random(seed)
    for at in range(0, len(whole), 11):
        got = tell(layers, whole[:at])
        check(f"cut at {at}", got, [] if at < 8 else "it is damaged, or cut off")
    for turn in range(count):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 1, 2, 8, 64))):
            data[dice.randrange(8, len(data))] = dice.choice((0, 1, 127, 128, 255, dice.randrange(256)))
        if dice.random() < 0.2:
            at = dice.randrange(16, len(data) - 8)
            data[at : at + 8] = struct.pack("<Q", dice.choice((0, 1 << 26, (1 << 26) + 1, 1 << 31, 1 << 63, (1 << 64) - 1)))
        begun = time.monotonic()
        try:
            tell(layers, bytes(data))
        except Exception as error:  # noqa: BLE001
            wrong.append(f"seed {seed}, turn {turn}: {error!r}")
        check(f"seed {seed}, turn {turn} takes long", time.monotonic() - begun > 10, False)


class List:
    """Stands for netcollect.files.Files."""

    def __init__(self) -> None:
        self.layers: dict = {}
        self.warnings: list[str] = []
        self.added: list[tuple[str, str]] = []
        self.reads = 0

    def add(self, path: str, original: str, what: str, owner: Any) -> None:
        """Notes a file."""
        self.added.append((os.path.basename(path), owner))

    def siblings(self, folder: str) -> list[str]:
        """The names in a folder."""
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def followed(usd: Any, real: str) -> None:
    """Layers that refer to one another, round and round, some of them broken."""
    with tempfile.TemporaryDirectory() as folder:

        def put(name: str, data: bytes) -> str:
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
            return path

        with open(real, "rb") as file:
            whole = file.read()
        top = put("top.usdc", whole)
        put("parts/leaf.usda", b"#usda 1.0\n@../top.usdc@ @broken.usdc@ @lost.usda@ @1#2#3#4#.usd@ @pipe.usd@ @leaf.usda@\n")
        put("parts/broken.usdc", whole[:700])
        for name in ("clips/walk.001.usdc", "clips/walk.1002.usdc", "clips/walk.x.usdc", "clips/walk.\\d.usdc"):
            put(name, whole[:40] if "001" in name else b"")
        os.mkfifo(os.path.join(folder, "parts/pipe.usd"))
        files = List()
        for owner in ("one", "two"):
            usd.nested(files, top, owner)
        names = ["1#2#3#4#.usd", "broken.usdc", "leaf.usda", "lost.usda", "pipe.usd", "walk.001.usdc", "walk.1002.usdc"]
        for owner in ("one", "two"):
            check(f"the layers of {owner}", sorted(name for name, of in files.added if of == owner), names)
        said = sorted(text.replace(folder + os.sep, "") for text in files.warnings)
        check("the warnings", said, [
            f"what {name} refers to cannot be found out: {why}"
            for name, why in (
                ("clips/walk.001.usdc", "it is damaged, or cut off"),
                ("parts/broken.usdc", "it is damaged, or cut off"),
            )
        ])


def main() -> int:
    """Counts what is wrong."""
    sys.dont_write_bytecode = True
    package, real = sys.argv[1:3]
    seed, count = (int(word) for word in sys.argv[3:5]) if len(sys.argv) > 3 else (1, 300)
    most = 1 << 30
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    sys.modules["bpy"] = types.ModuleType("bpy")
    sys.modules["bpy"].types = types.SimpleNamespace(WindowManager=int, WorkSpace=int, Screen=int)  # type: ignore[attr-defined]
    sys.path.insert(0, os.path.dirname(os.path.abspath(package)))
    layers, usd = (importlib.import_module(os.path.basename(package) + part) for part in (".layers", ".usd"))
    crates(layers, real)
    texts(layers)
    spoilt(layers, real, seed, count)
    followed(usd, real)
    print("\n".join(wrong))
    return len(wrong)


sys.exit(min(main(), 1))
