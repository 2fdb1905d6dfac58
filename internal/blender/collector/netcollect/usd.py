"""The layers that a USD file refers to, found in its bytes: Blender comes without USD's own Python module where it is one.

Text names them between @ signs; binary ("crate")
files hold every path in their table of tokens; a package (.usdz) holds what it refers to.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from typing import Any

from .files import Files

LAYERS = (".usd", ".usda", ".usdc", ".usdz", ".mtlx")
LIMIT = 1 << 28  # bytes of text or tokens that are looked at
TEXT = re.compile(r"@@@(.+?)@@@|@([^@\n]+)@|templateAssetPath\s*=\s*\"([^\"\n]+)\"")


def nested(files: Files, path: str, owner: Any) -> None:
    """Notes the layers that the file at path refers to, and those refer to; textures are not read from there."""
    if not path.lower().endswith(LAYERS):
        return
    waiting, done = [path], {os.path.normcase(path)}
    while waiting:
        layer = waiting.pop()
        try:
            named = list(references(layer))
        except (OSError, ValueError, struct.error, IndexError) as error:
            files.warnings.append(f"what {layer} refers to cannot be found out: {error}")
            continue
        for name, sure in named:
            if os.path.isabs(name):
                files.warnings.append(f"{layer} refers to {name} by its whole path, which workers cannot follow: make it relative")
            target = os.path.normpath(os.path.join(os.path.dirname(layer), name))
            found = [target] if "#" not in name else numbered_layers(files, target)
            for one in found:
                if os.path.normcase(one) in done or not sure and not os.path.isfile(one):
                    continue
                done.add(os.path.normcase(one))
                files.add(one, name, "USD layer", owner)
                if os.path.isfile(one):
                    waiting.append(one)


def numbered_layers(files: Files, path: str) -> list[str]:
    """The layers of a row whose number is written as ###, or ###.## for parts of frames."""
    folder, name = os.path.split(path)
    pattern = re.compile(re.sub(r"(?:\\#)+", lambda _: r"\\d+", re.escape(name)).replace("#", r"\d+"))
    return [os.path.join(folder, one) for one in files.siblings(folder) if pattern.fullmatch(one)]


def references(path: str) -> Iterator[tuple[str, bool]]:
    """The layers that a layer names, and whether it surely refers to them."""
    with open(path, "rb") as file:
        head = file.read(8)
        if head == b"PXR-USDC":
            names = [(token, False) for token in tokens(file)]
        elif head[:2] == b"PK":
            return
        else:
            text = (head + file.read(LIMIT)).decode("utf-8", "replace")
            names = [(next(filter(None, found)), True) for found in TEXT.findall(text)]
    for name, sure in names:
        name = re.sub(r":SDF_FORMAT_ARGS:.*|\[.*\]$", "", name)
        if name.lower().endswith(LAYERS) and "\0" not in name and len(name) < 4096:
            yield name, sure


def tokens(file: Any) -> list[str]:
    """The words of a crate file; pxr/usd/sdf/crateFile.h of OpenUSD is the source of the format."""
    file.seek(8)
    version = tuple(file.read(3))
    file.seek(16)
    (contents,) = struct.unpack("<q", file.read(8))
    file.seek(contents)
    (count,) = struct.unpack("<Q", file.read(8))
    for _ in range(min(count, 64)):
        name, start, _ = struct.unpack("<16sqq", file.read(32))
        if name.rstrip(b"\0") != b"TOKENS":
            continue
        file.seek(start)
        if version < (0, 4, 0):
            _, size = struct.unpack("<QQ", file.read(16))
            data = file.read(min(size, LIMIT))
        else:
            _, size, packed = struct.unpack("<QQQ", file.read(24))
            if size > LIMIT or packed > LIMIT:
                raise ValueError("it holds too many words")
            data = unpack(file.read(packed), size)
        return [word.decode("utf-8", "replace") for word in data.split(b"\0")]
    raise ValueError("it has no table of words")


def unpack(data: bytes, size: int) -> bytes:
    """Undoes USD's compression: a number of LZ4 blocks, 0 for one without a length."""
    if not data or data[0] == 0:
        return lz4(data[1:], size)
    out, at = b"", 1
    for _ in range(data[0]):
        (length,) = struct.unpack_from("<i", data, at)
        out += lz4(data[at + 4 : at + 4 + length], size - len(out))
        at += 4 + length
    return out


def lz4(data: bytes, limit: int) -> bytes:
    """Unpacks one LZ4 block (lz4_Block_format.md) of at most limit bytes; raises ValueError or IndexError on damage."""
    out, at = bytearray(), 0
    while at < len(data):
        mark = data[at]
        at += 1
        count, at = _length(data, at, mark >> 4)
        out += data[at : at + count]
        at += count
        if at >= len(data):
            break  # the last one has no copy
        back = data[at] | data[at + 1] << 8
        count, at = _length(data, at + 2, mark & 15)
        count += 4
        if not 0 < back <= len(out) or len(out) + count > limit:
            raise ValueError("its words are damaged")
        start = len(out) - back
        while count > 0:  # the copy may overlap what it makes
            part = out[start : start + count]
            out += part
            count -= len(part)
    return bytes(out)


def _length(data: bytes, at: int, count: int) -> tuple[int, int]:
    if count == 15:
        while True:
            more = data[at]
            at += 1
            count += more
            if more != 255:
                break
    return count, at
