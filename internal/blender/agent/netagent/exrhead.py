"""Reads what stands at the beginning of an OpenEXR file: size, passes, words. Nothing here knows Blender.

The layout is that of https://openexr.com/en/latest/OpenEXRFileLayout.html; channels are LAYER.PASS.CHANNEL or
LAYER.PASS.VIEW.CHANNEL, as Blender writes them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

MAGIC = b"\x76\x2f\x31\x01"
MULTIPART = 0x1000
MOST = 64 << 20  # bytes of headers
ORDERS = ("RGBA", "RGB", "XYZW", "XYZ", "UVA", "UV", "rgba", "rgb")


@dataclass
class Head:
    """What a file holds."""

    width: int = 0  # of its pixels
    height: int = 0
    passes: dict[str, dict[str, str]] = field(default_factory=dict)  # layer -> pass -> its channels, in Blender's order
    views: set[str] = field(default_factory=set)  # names of several views; empty: there is one
    words: dict[str, str] = field(default_factory=dict)  # attributes that are text
    channels: list[tuple[str, int]] = field(
        default_factory=list
    )  # full name, type of its samples: 0 uint, 1 half, 2 float
    compression: int = 0  # 0 none, 1 RLE, 2 ZIP of single lines, 3 ZIP of 16 lines, and others
    top: int = 0  # number of the first line
    parts: int = 0
    end: int = 0  # bytes of all headers


def read(path: str) -> Head:
    """The head of a file. Raises OSError, and ValueError for what is no whole OpenEXR file."""
    with open(path, "rb") as file:
        data = file.read(1 << 20)
        while True:
            try:
                return _head(data)
            except (IndexError, ValueError, struct.error) as error:
                more = file.read(len(data)) if data[:4] == MAGIC and len(data) < MOST else b""
                if not more:
                    raise ValueError(f"{path} is no whole OpenEXR file") from error
                data += more


def _head(data: bytes) -> Head:
    if data[:4] != MAGIC:
        raise ValueError
    many = struct.unpack_from("<I", data, 4)[0] & MULTIPART
    head, at = Head(), 8
    while True:
        at = _part(data, at, head)
        head.parts += 1
        if not many or data[at] == 0:
            break
    head.end = at
    letters: dict[tuple[str, str], dict[str, None]] = {}  # each view has the same channels: every one once
    for name, _ in head.channels:
        parts = name.split(".")
        if len(parts) > 3 and parts[-2] in head.views:
            del parts[-2]
        if len(parts) > 2:
            letters.setdefault((".".join(parts[:-2]), parts[-2]), {})[parts[-1]] = None
    for (layer, name), found in letters.items():
        order = next((order for order in ORDERS if sorted(order) == sorted(found)), "".join(found))
        head.passes.setdefault(layer, {})[name] = order
    return head


def _part(data: bytes, at: int, head: Head) -> int:
    """Reads one header; returns where the next one begins."""
    while data[at] != 0:
        name, at = _name(data, at)
        kind, at = _name(data, at)
        size = struct.unpack_from("<i", data, at)[0]
        at += 4
        if size < 0 or at + size >= len(data):
            raise IndexError
        value = data[at : at + size]
        if kind == "chlist":
            inner = 0
            while value[inner] != 0:
                channel, inner = _name(value, inner)
                head.channels.append((channel, struct.unpack_from("<i", value, inner)[0]))
                inner += 16
        elif name == "dataWindow" and kind == "box2i":
            left, top, right, bottom = struct.unpack("<4i", value)
            head.width, head.height, head.top = right - left + 1, bottom - top + 1, top
        elif name == "compression":
            head.compression = value[0]
        elif kind == "string":
            head.words[name] = value.decode("utf-8", "replace")
            if name == "view":
                head.views.add(head.words[name])
        elif name == "multiView" and kind == "stringvector":
            inner = 0
            while inner < size:
                length = struct.unpack_from("<i", value, inner)[0]
                if length < 0:
                    raise IndexError
                head.views.add(value[inner + 4 : inner + 4 + length].decode("utf-8", "replace"))
                inner += 4 + length
        at += size
    return at + 1


def _name(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("utf-8", "replace"), end + 1
