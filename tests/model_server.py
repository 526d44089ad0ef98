"""A server of one model file on this computer, which misbehaves as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 4096  # 1 MiB
BLOB = "ea8e482b990b87c0f69d29fd1dd6a41d0f1a514b"  # computed by `git hash-object`
HALF = len(CONTENT) // 2


@contextmanager
def serving() -> Iterator[Server]:
    """Serve until the end of the block."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; ``plan`` says how each request in turn misbehaves, then all goes well."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = CONTENT
        self.plan: list[str] = []
        self.ranges: list[str | None] = []  # Range header of each request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/weights/model.pth"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def misbehave(self, act: str) -> None:
        self.send_response(200)
        lengths = {"announces-10**15": 10**15, "more": len(CONTENT) + 1, "drip": len(CONTENT)}
        if act in lengths:
            self.send_header("Content-Length", str(lengths[act]))
        self.end_headers()
        with suppress(OSError):
            for at in range(1000):
                self.wfile.write(CONTENT[at : at + 1] if act == "drip" else CONTENT)
                time.sleep(0.02 if act == "drip" else 0)

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.ranges.append(asked)
        act = self.server.plan.pop(0) if self.server.plan else "serve"
        if act in ("endless", "announces-10**15", "more", "drip"):
            self.misbehave(act)
            return
        if act.isdigit():
            self.send_error(int(act))
            return
        if act == "redirect":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        start = 0 if asked is None or act == "ignore range" else int(asked[6:-1])
        if start and start >= len(self.server.content):
            self.send_error(416)
            return
        with suppress(ConnectionError):  # the client may hang up
            self.answer(start, act)

    def answer(self, start: int, act: str) -> None:
        content = self.server.content
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            first = 0 if act == "wrong range" else start
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if act != "no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if act == "cut":
            body = body[: len(body) // 2]
        if act == "stall":
            self.wfile.write(body[:HALF])
            time.sleep(5)
            return
        for at in range(0, len(body), 1 << 18):
            self.wfile.write(body[at : at + (1 << 18)])
            if act == "slow":
                time.sleep(0.05)

    def log_message(self, *args: object) -> None:
        pass
