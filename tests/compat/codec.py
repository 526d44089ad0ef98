"""Frames of the worker protocol, by docs/worker-protocol.md alone: nothing of `core` in it."""

from __future__ import annotations

import json
import struct

import numpy as np

MAGIC = b"\x89ISEG\r\n\n"
PREFIX = struct.Struct("<8sIQ")


def read_frame(stream) -> tuple[dict, dict[str, np.ndarray], bytes] | None:
    """Header, arrays and raw bytes of the next frame; None at the end."""
    prefix = stream.read(PREFIX.size)
    if not prefix:
        return None
    magic, header_size, body_size = PREFIX.unpack(prefix)
    assert magic == MAGIC, prefix
    text, body = stream.read(header_size), stream.read(body_size)
    header, arrays, at = json.loads(text), {}, 0
    for entry in header.pop("arrays"):
        dtype, count = np.dtype(entry["dtype"]), int(np.prod(entry["shape"], dtype=int))
        array = np.frombuffer(body, dtype.newbyteorder("<"), count, at).reshape(entry["shape"])
        arrays[entry["name"]] = array
        at += array.nbytes
    assert at == len(body)
    return header, arrays, prefix + text + body


def kind_of(value: object) -> object:
    """What kind of JSON value it is; of an object and of a list's items, their kinds."""
    if isinstance(value, dict):
        return {name: kind_of(content) for name, content in value.items()}
    if isinstance(value, list):
        kinds = []
        for content in value:
            if kind_of(content) not in kinds:
                kinds.append(kind_of(content))
        return kinds
    if value is None:
        return "null"
    names = {bool: "bool", int: "number", float: "number", str: "text"}
    return names[type(value)]
