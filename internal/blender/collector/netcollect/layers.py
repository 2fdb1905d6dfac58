"""The layers that a USD file names, found in its bytes: Blender comes without USD's own Python module where it is one.

Text names them between @ signs; binary ("crate") files hold every path in their table of tokens; a package (.usdz) holds
what it refers to. Whatever
the bytes are, memory stays within a few times LIMIT, and time within that of reading them.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Iterator
from typing import Any

LAYERS = (".usd", ".usda", ".usdc", ".usdz", ".mtlx")
LIMIT = 1 << 26  # bytes of words, packed or not
MOST = 100_000  # layers that one names
LONGEST = 4096  # bytes of a path
BLOCK = 1 << 20  # bytes of text that are held at once
TEXT = re.compile(
    rb"@@@([^\n]{1,%d}?)@@@|@([^@\n]{1,%d})@|templateAssetPath\s{0,99}=\s{0,99}\"([^\"\n]{1,%d})\"" % (LONGEST, LONGEST, LONGEST)
)


class Damaged(ValueError):
    """Why a file cannot be read, for people."""


def references(path: str) -> list[tuple[str, bool]]:
    """The layers that a layer names, each once, and whether it surely refers to them; raises Damaged and OSError."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise Damaged("it is no file")
    with open(path, "rb") as file:
        head = file.read(8)
        file.seek(0)
        sure = head != b"PXR-USDC"
        if head[:2] == b"PK":
            return []
        found: dict[str, bool] = {}
        for word in text(file) if sure else tokens(file):
            name = _layer(word)
            if name:
                found[name] = sure
            if len(found) > MOST:
                raise Damaged("it names too many layers")
        return list(found.items())


def _layer(word: bytes) -> str:
    """The name without what is not of the file; "" unless it is that of a layer."""
    if len(word) > LONGEST or b"\0" in word:
        return ""
    name = re.sub(r":SDF_FORMAT_ARGS:.*|\[.*\]$", "", word.decode("utf-8", "replace"))
    return name if name.lower().endswith(LAYERS) else ""


def text(file: Any) -> Iterator[bytes]:
    """What stands between @ signs. A whole file may be one line."""
    reach = 2 * LONGEST  # no match is longer
    held, more = b"", b"-"
    while more:
        more = file.read(BLOCK)
        held += more
        end = max(len(held) - reach, 0) if more else len(held)  # a match that begins before it is whole
        at = 0
        for match in TEXT.finditer(held):
            if match.start() >= end and more:
                break
            yield next(filter(None, match.groups()))
            at = match.end()
        held = held[max(at, end) :]


def tokens(file: Any) -> Iterator[bytes]:
    """The words of a crate file; pxr/usd/sdf/crateFile.h of OpenUSD is the source of the format."""
    size = os.fstat(file.fileno()).st_size

    def piece(at: int, length: int) -> bytes:
        if at < 0 or not 0 <= length <= size - at:
            raise Damaged("it is damaged, or cut off")
        if length > LIMIT:
            raise Damaged("it holds too many words")
        file.seek(at)
        data: bytes = file.read(length)
        if len(data) != length:
            raise Damaged("it changed while it was read")
        return data

    version = tuple(piece(8, 3))
    (contents,) = struct.unpack("<q", piece(16, 8))
    (count,) = struct.unpack("<Q", piece(contents, 8))
    sections = list(struct.iter_unpack("<16sqq", piece(contents + 8, 32 * count)))
    if any(not 0 <= start <= size - length for _, start, length in sections):
        raise Damaged("it is damaged, or cut off")
    for name, start, _ in sections:
        if name.rstrip(b"\0") != b"TOKENS":
            continue
        if version < (0, 4, 0):
            _, length = struct.unpack("<QQ", piece(start, 16))
            data = piece(start + 16, length)
        else:
            _, length, packed = struct.unpack("<QQQ", piece(start, 24))
            if length > LIMIT:
                raise Damaged("it holds too many words")
            data = unpack(piece(start + 24, packed), length)
        for word in re.finditer(rb"[^\0]+", data):
            yield word[0]
        return
    raise Damaged("it has no table of words")


def unpack(data: bytes, size: int) -> bytes:
    """Undoes USD's compression to just size bytes: a number of LZ4 blocks, 0 for one without a length."""
    out = bytearray()
    try:
        if data[0] == 0:
            lz4(data[1:], out, size)
        at = 1
        for _ in range(data[0]):
            (length,) = struct.unpack_from("<i", data, at)
            if not 0 <= length <= len(data) - at - 4:
                raise Damaged("its words are damaged")
            lz4(data[at + 4 : at + 4 + length], out, size)
            at += 4 + length
    except (IndexError, struct.error) as error:
        raise Damaged("its words are damaged") from error
    if len(out) != size:
        raise Damaged("its words are damaged")
    return bytes(out)


def lz4(data: bytes, out: bytearray, limit: int) -> None:
    """Unpacks one LZ4 block (lz4_Block_format.md) to the end of out, which grows to at most limit; raises Damaged, IndexError."""
    at, first = 0, len(out)
    while at < len(data):
        mark = data[at]
        count, at = _length(data, at + 1, mark >> 4)
        if count > len(data) - at or count > limit - len(out):
            raise Damaged("its words are damaged")
        out += data[at : at + count]
        at += count
        if at >= len(data):
            break  # the last one has no copy
        back = data[at] | data[at + 1] << 8
        count, at = _length(data, at + 2, mark & 15)
        count += 4
        if not 0 < back <= len(out) - first or count > limit - len(out):
            raise Damaged("its words are damaged")
        start = len(out) - back
        while count > 0:  # the copy may overlap what it makes
            part = out[start : start + count]
            out += part
            count -= len(part)


def _length(data: bytes, at: int, count: int) -> tuple[int, int]:
    if count == 15:
        while True:
            more = data[at]
            at += 1
            count += more
            if more != 255:
                break
    return count, at
