"""A client and a slave of the original Netrender, with nothing but Python's own library.

    classic.py 1.8 HOST:PORT submit FRAMES FILE [FILE ...]     prints the job's id; frames as 1-4
    classic.py 1.8 HOST:PORT announce FRAMES FILE [FILE ...]   the same without sending files; fails when the master wants them
    classic.py 1.8 HOST:PORT fetch ID FRAMES FOLDER            waits for each frame as the original does
    classic.py 1.8 HOST:PORT slave NAME COUNT FOLDER [BLENDER] renders until COUNT frames are sent; small pictures without a Blender
    classic.py page HOST:PORT ...                              the same in the dialect of 2009

What is sent and in which order is the original's, by http.client, as its clients do it.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from typing import Any

DONE, ERROR = "2", "3"
JPEG = bytes.fromhex(  # one grey pixel
    "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e1d1a1c1c20242e2720"
    "222c231c1c2837292c30313434341f27393d38323c2e333432ffc0000b080001000101011100ffc4001f000001050101010101010000000000000000010203"
    "0405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433"
    "627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a"
    "92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
    "f9faffda0008010100003f00fbd0ffd9"
)


def exr(frame: int, side: int = 4) -> bytes:
    """A multilayer OpenEXR of one colour, by the format's own description; its red is the frame."""

    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value

    channels = [f"RenderLayer.Combined.{c}" for c in "ABGR"]
    listed = b"".join(c.encode() + b"\0" + struct.pack("<iBxxxii", 2, 0, 1, 1) for c in channels) + b"\0"
    window = struct.pack("<4i", 0, 0, side - 1, side - 1)
    head = struct.pack("<ii", 20000630, 2)
    head += attribute("channels", "chlist", listed) + attribute("compression", "compression", b"\0")
    head += attribute("dataWindow", "box2i", window) + attribute("displayWindow", "box2i", window)
    head += attribute("lineOrder", "lineOrder", b"\0") + attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    head += attribute("screenWindowCenter", "v2f", struct.pack("<ff", 0, 0)) + attribute("screenWindowWidth", "float", struct.pack("<f", 1)) + b"\0"
    row = b"".join(struct.pack("<f", value) * side for value in (1, 0.5, 0.25, frame))
    start = len(head) + 8 * side
    table = b"".join(struct.pack("<Q", start + y * (8 + len(row))) for y in range(side))
    return head + table + b"".join(struct.pack("<ii", y, len(row)) + row for y in range(side))


def frames_of(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


class Link:
    """Calls over one connection, which http.client opens again when the master has closed it."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def call(self, method: str, target: str, body: bytes | None = None, **headers: Any) -> tuple[int, http.client.HTTPMessage, bytes]:
        """The status, headers and body of an answer. Underscores in names of headers are dashes."""
        self.connection.request(method, target, body=body, headers={k.replace("_", "-"): str(v) for k, v in headers.items()})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def need(
        self, method: str, target: str, body: bytes | None = None, wants: tuple[int, ...] = (200,), **headers: Any
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """A call whose status must be one of some."""
        status, head, answer = self.call(method, target, body, **headers)
        if status not in wants:
            raise SystemExit(f"{method} {target}: {status} instead of {wants}: {answer[:300]!r}")
        return status, head, answer


def blender_renders(blender: str, blend: str, frames: list[int], folder: str, while_running) -> dict[int, bytes]:
    """Has Blender render frames to multilayer EXRs, as the original's slave does."""
    setup = "import bpy; s = bpy.context.scene.render; s.image_settings.file_format = 'OPEN_EXR_MULTILAYER'; s.image_settings.color_depth = '32'"
    command = [blender, "-b", "-noaudio", "--factory-startup", "-t", "1", blend, "--python-expr", setup, "-o", os.path.join(folder, "######"), "-x", "1"]
    command += ["-s", str(frames[0]), "-e", str(frames[-1]), "-a"]
    with open(os.path.join(folder, "log.txt"), "wb") as log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as child:
        while True:
            try:
                child.wait(1)
                break
            except subprocess.TimeoutExpired:
                if not while_running():
                    child.kill()
    found = {}
    for frame in frames:
        path = os.path.join(folder, f"{frame:06d}.exr")
        if os.path.exists(path):
            with open(path, "rb") as picture:
                found[frame] = picture.read()
    return found


class V18:
    """The dialect of Blender 2.59 to 2.79."""

    def __init__(self, address: str) -> None:
        self.link = Link(address)
        _, _, version = self.link.need("GET", "/version")
        if version != b"1.8.1":
            raise SystemExit(f"the master is of version {version!r}")

    def describe(self, frames: list[int], files: list[str], chunks: int = 2) -> bytes:
        """The job in JSON."""
        listed = []
        for index, path in enumerate(files):
            with open(path, "rb") as file:
                signature = hashlib.md5(file.read()).hexdigest()
            path = os.path.abspath(path)
            listed.append({"filepath": path, "original_path": path, "index": index, "start": -1, "end": -1, "signature": signature, "force": False})
        job = {
            "id": "", "type": 1, "subtype": 1, "name": os.path.basename(files[0]), "category": "", "tags": ["render"], "status": 0, "transitions": [],
            "chunks": chunks, "priority": 1, "usage": 0.0, "blacklist": [], "last_dispatched": 0.0, "version_info": None, "resolution": None, "render": "",
            "files": listed,
            "frames": [{"number": n, "time": 0.0, "status": 0, "slave": None, "command": "", "results": []} for n in frames],
        }
        return json.dumps(job).encode()

    def announce(self, frames: list[int], files: list[str]) -> str:
        """Announces a job whose files the master reads for itself."""
        _, head, _ = self.link.need("POST", "/job", self.describe(frames, files))
        return head["job-id"]

    def submit(self, frames: list[int], files: list[str]) -> str:
        """Announces a job and sends its files where the master wants them."""
        status, head, _ = self.link.need("POST", "/job", self.describe(frames, files), wants=(200, 202))
        job = head["job-id"]
        if status == 202:
            for index, path in enumerate(files):
                with open(path, "rb") as file:
                    status, _, _ = self.link.need("PUT", f"/file_{job}_{index}", file.read(), wants=(200, 202))
            if status != 200:
                raise SystemExit("the job was not started when its last file was there")
        return job

    def fetch(self, job: str, frame: int) -> bytes:
        """Waits for a frame."""
        while True:
            status, head, body = self.link.need("GET", f"/render_{job}_{frame}.exr", wants=(200, 202))
            if status == 200:
                if head["content-type"] != "image/x-exr":
                    raise SystemExit(f"the frame came as {head['content-type']}")
                return body
            time.sleep(0.1)

    def slave(self, name: str, count: int, folder: str, blender: str) -> None:
        """Renders until so many frames were sent."""
        me = {"id": "", "name": name, "address": ["", 0], "stats": "Linux 64bit", "total_done": 0, "total_error": 0, "last_seen": 0.0, "tags": ["render"]}
        _, head, _ = self.link.need("POST", "/slave", json.dumps(me).encode())
        slave, sent, idle = head["slave-id"], 0, 0.0
        while sent < count:
            status, head, body = self.link.need("GET", "/job", wants=(200, 202), slave_id=slave)
            if status == 202:
                idle = min(idle + 0.1, 1.0)  # the original sleeps whole seconds
                time.sleep(idle)
                continue
            idle = 0
            job = json.loads(body)
            if job["id"] != head["job-id"]:
                raise SystemExit("the header names another job than the body")
            frames = [f["number"] for f in job["frames"]]
            here = tempfile.mkdtemp(dir=folder)
            for file in job["files"]:
                _, _, content = self.link.need("GET", f"/file_{job['id']}_{file['index']}", slave_id=slave)
                if file["signature"] and hashlib.md5(content).hexdigest() != file["signature"]:
                    raise SystemExit(f"{file['filepath']} came damaged")
                with open(os.path.join(here, os.path.basename(file["filepath"])), "wb") as out:
                    out.write(content)
            blend = os.path.join(here, os.path.basename(job["files"][0]["filepath"]))
            self.link.need("POST", "/log", json.dumps({"job_id": job["id"], "slave_id": slave, "frames": frames}).encode())
            log = f"/log_{job['id']}_{frames[0]}.log"

            def still(job=job, frames=frames, log=log) -> bool:
                self.link.need("PUT", log, b"rendering\n", slave_id=slave)
                status, _, _ = self.link.need("HEAD", "/status", wants=(200, 204), job_id=job["id"], job_frame=frames[0])
                return status == 200

            started = time.time()
            still()
            pictures = blender_renders(blender, blend, frames, here, still) if blender else {n: exr(n) for n in frames}
            self.link.need("PUT", log, b"done\n", slave_id=slave)
            for n in frames:
                names: dict[str, Any] = {"slave_id": slave, "job_id": job["id"], "job_frame": n}
                if n not in pictures:
                    self.link.need("PUT", "/render", job_result=ERROR, job_time=0, **names)
                    continue
                self.link.need("PUT", "/thumb", JPEG, **names)
                self.link.need("PUT", "/render", pictures[n], job_result=DONE, job_time=time.time() - started, **names)
                sent += 1


class Page:
    """The dialect of 2009, whose first clients sent targets without a slash."""

    def __init__(self, address: str) -> None:
        self.link = Link(address)
        self.link.need("GET", "version")

    @staticmethod
    def _sum(path: str) -> str:
        with open(path, "rb") as file:
            return hashlib.md5(file.read()).hexdigest()

    def announce(self, frames: list[int], files: list[str]) -> str:
        """Announces a job whose files the master reads for itself."""
        job = self._sum(files[0])
        paths = "\n".join(os.path.abspath(f) for f in files).encode()
        self.link.need("POST", "job", paths, job_id=job, job_frame=f"{frames[0]}:{frames[-1]}", job_chunks=2, slave_blacklist="")
        return job

    def submit(self, frames: list[int], files: list[str]) -> str:
        """Announces a job and sends its file where the master cannot read it."""
        job = self._sum(files[0])
        names: dict[str, Any] = {"job_id": job, "job_frame": f"{frames[0]}:{frames[-1]}", "job_chunks": 2, "slave_blacklist": ""}
        status, _, _ = self.link.need("POST", "job", os.path.abspath(files[0]).encode(), wants=(200, 404), **names)
        if status == 404:
            with open(files[0], "rb") as file:
                self.link.need("PUT", "file", file.read(), job_name=os.path.basename(files[0]), **names)
        return job

    def fetch(self, job: str, frame: int) -> bytes:
        """Waits for a frame."""
        while True:
            status, _, body = self.link.need("GET", "render", wants=(200, 204), job_id=job, job_frame=frame)
            if status == 200:
                return body
            time.sleep(0.1)

    def slave(self, name: str, count: int, folder: str, blender: str) -> None:
        """Renders until so many frames were sent."""
        _, head, _ = self.link.need("POST", "slave", f"{name}\nLinux 64bit".encode())
        slave, sent = head["slave-id"], 0
        while sent < count:
            status, head, body = self.link.need("GET", "job", wants=(200, 204), slave_id=slave)
            if status == 204:
                time.sleep(0.2)
                continue
            job, chunk = head["job-id"], head["job-frame"]
            first, _, last = chunk.partition(":")
            frames = list(range(int(first), int(last or first) + 1))
            here = tempfile.mkdtemp(dir=folder)
            blend = body.decode().splitlines()[0]
            if not os.path.isabs(blend):
                _, _, content = self.link.need("GET", "file", job_id=job)
                if not re.fullmatch("0{20}[0-9a-f]{12}", job) and hashlib.md5(content).hexdigest() != job:
                    raise SystemExit("the file came damaged")
                blend = os.path.join(here, os.path.basename(blend))
                with open(blend, "wb") as out:
                    out.write(content)

            def still(job=job, frames=frames) -> bool:
                return self.link.need("HEAD", "status", wants=(200, 404), job_id=job, job_frame=frames[0])[0] == 200

            still()
            pictures = blender_renders(blender, blend, frames, here, still) if blender else {n: exr(n) for n in frames}
            for n in frames:
                names: dict[str, Any] = {"slave_id": slave, "job_id": job, "job_frame": n, "job_result": DONE if n in pictures else ERROR}
                self.link.need("PUT", "log", b"the log of a frame\n", **names)
                self.link.need("PUT", "render", pictures.get(n), **names)
                sent += n in pictures


def main() -> None:
    """Does what the command line asks for."""
    dialect, address, verb, *rest = sys.argv[1:]
    speaker: V18 | Page = V18(address) if dialect == "1.8" else Page(address)
    if verb in ("submit", "announce"):
        print(getattr(speaker, verb)(frames_of(rest[0]), rest[1:]))
    elif verb == "fetch":
        for n in frames_of(rest[1]):
            with open(os.path.join(rest[2], f"{n:06d}.exr"), "wb") as out:
                out.write(speaker.fetch(rest[0], n))
    elif verb == "slave":
        name, count, folder, *blender = rest
        speaker.slave(name, int(count), folder, blender[0] if blender else "")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
