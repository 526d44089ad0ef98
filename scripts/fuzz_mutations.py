"""Mutations of valid files: damaged bytes, and values of another kind, size or depth."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

_NUMBERS = (
    0,
    1,
    -1,
    2,
    255,
    256,
    65535,
    2**31 - 1,
    2**31,
    2**32,
    2**53 + 1,
    2**63,
    10**15,
    10**30,
    10**400,
    0.5,
    -0.0,
    1e-320,
    1e300,
    float("inf"),
    float("-inf"),
    float("nan"),
)
_TEXTS = (
    "",
    "0",
    "1",
    "true",
    "no",
    "é",
    "e\u0301",
    "\ud7ff",
    "a" * 10_000,
    "../../x",
    "C:\\x\\y.png",
    "/etc/passwd",
    "1e5",
    "1,5",
    "2024-02-30",
    "%n%s",
    "\0",
    "null",
    "!x",
    "=1+1",
)
_TOKENS = (
    b"NaN",
    b"Infinity",
    b"1e999",
    b"-1",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"[" * 3000,
    b'{"a":' * 2000,
    b"9" * 5000,
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe9",
    b"\0",
    b"&a [*a]",
    b"*a",
    b"!!python/object:os.system x",
    b"sep=;\n",
    b";",
    b"\t",
    b'"',
    b"'",
    b"\r",
    b"\n",
    b"---\n",
    b"<<: 1\n",
)


def mutate(content: bytes, suffix: str, random_: random.Random) -> bytes:
    """Return a mutation of a file with this suffix."""
    structured = _STRUCTURED.get(suffix)
    if structured and random_.random() < 0.6:
        with contextlib.suppress(ValueError, RecursionError, pickle.PicklingError):
            return structured(content, random_)  # not every strange value can be written
    if suffix in _TEXT and random_.random() < 0.7:
        return _mutate_text(content, random_)
    mutations: list[Mutation] = [_flip, _overwrite, _number, _cut, _drop, _repeat, _insert]
    for _ in range(random_.choice((1, 1, 1, 2, 8))):
        content = random_.choice(mutations)(content, random_)
    return content


def mutate_value(value: Any, random_: random.Random) -> Any:
    """Return a copy of nested plain values with one of them dropped, exchanged or multiplied."""
    value = copy.deepcopy(value)
    for _ in range(random_.choice((1, 1, 2, 4))):
        places = list(_places(value))
        if not places:
            return _strange(value, random_)
        container, key = random_.choice(places)
        act = random_.random()
        if act < 0.2:
            del container[key]
        elif act < 0.3 and isinstance(container, list):
            container.extend(copy.deepcopy(container[key]) for _ in range(random_.choice((1, 50))))
        elif act < 0.4 and isinstance(container, dict):
            container[str(random_.choice(_TEXTS))] = container.pop(key)
        else:
            container[key] = _strange(container[key], random_)
    return _strange(value, random_) if random_.random() < 0.02 else value


def _strange(value: Any, random_: random.Random) -> Any:
    act = random_.random()
    if act < 0.4:
        return random_.choice(_NUMBERS)
    if act < 0.6:
        return random_.choice(_TEXTS)
    if act < 0.7:
        return random_.choice((None, True, False, [], {}, [[]], [1, "a"], {"a": 1}))
    if act < 0.8:
        for _ in range(random_.choice((1, 70, 300))):
            value = [value]
        return value
    return str(value) if act < 0.9 else [value, value]


def _places(value: Any, depth: int = 0) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items)[:200]:
        yield value, key
        if isinstance(item, (dict, list)) and depth < 8:
            yield from _places(item, depth + 1)


# --- bytes ---------------------------------------------------------------------------------------


def _at(content: bytes, random_: random.Random) -> int:
    """Return a place, more often near the beginning, where headers are."""
    end = len(content) if random_.random() < 0.5 else min(len(content), 256)
    return random_.randrange(end) if end else 0


def _flip(content: bytes, random_: random.Random) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[_at(content, random_)] ^= 1 << random_.randrange(8)
    return bytes(changed)


def _overwrite(content: bytes, random_: random.Random) -> bytes:
    at, length = _at(content, random_), random_.choice((1, 2, 4, 16, 200))
    fill = random_.choice((b"\0", b"\xff", b"\x7f", b"\x80", random_.randbytes(1)))
    return content[:at] + fill * length + content[at + length :]


def _number(content: bytes, random_: random.Random) -> bytes:
    at, form = (
        _at(content, random_),
        random_.choice(("<H", ">H", "<I", ">I", "<Q", ">Q", "<d", ">d")),
    )
    kind = form[1]
    value: Any = random_.choice((float("nan"), float("inf"), 1e300, -1.0))
    if kind != "d":
        most = 2 ** (8 * struct.calcsize(form))
        value = random_.choice((0, 1, most - 1, most // 2, most // 2 - 1, most // 256)) % most
    packed = struct.pack(form, value)
    return content[:at] + packed + content[at + len(packed) :]


def _cut(content: bytes, random_: random.Random) -> bytes:
    return content[: random_.randrange(len(content) + 1)]


def _drop(content: bytes, random_: random.Random) -> bytes:
    at = _at(content, random_)
    return content[:at] + content[at + random_.choice((1, 2, 8, 100, 5000)) :]


def _repeat(content: bytes, random_: random.Random) -> bytes:
    at, length = _at(content, random_), random_.choice((1, 8, 100, 5000))
    return content[:at] + content[at : at + length] * random_.choice((2, 3, 50)) + content[at:]


def _insert(content: bytes, random_: random.Random) -> bytes:
    at = _at(content, random_)
    return content[:at] + random_.randbytes(random_.choice((1, 4, 64))) + content[at:]


def _mutate_text(content: bytes, random_: random.Random) -> bytes:
    for _ in range(random_.choice((1, 1, 3))):
        act = random_.random()
        if act < 0.1:
            content = content.decode("utf-8", "replace").encode(
                random_.choice(("utf-16", "utf-8-sig"))
            )
        elif act < 0.2:
            content = content.replace(b",", random_.choice((b";", b"\t", b", ,")))
        elif act < 0.4:
            lines = content.splitlines(keepends=True) or [b""]
            at = random_.randrange(len(lines))
            content = b"".join(
                [*lines[:at], lines[at] * random_.choice((0, 2, 30)), *lines[at + 1 :]]
            )
        else:
            at = random_.randrange(len(content) + 1)
            gap = random_.choice((0, 0, 1, 5))
            content = content[:at] + random_.choice(_TOKENS) + content[at + gap :]
    return content


# --- values in files -----------------------------------------------------------------------------


def _mutate_json(content: bytes, random_: random.Random) -> bytes:
    return json.dumps(mutate_value(json.loads(content), random_)).encode()


def _mutate_yaml(content: bytes, random_: random.Random) -> bytes:
    import yaml

    return yaml.safe_dump(mutate_value(yaml.safe_load(content), random_)).encode()


def _mutate_pickle(content: bytes, random_: random.Random) -> bytes:
    return pickle.dumps(mutate_value(pickle.loads(content), random_))  # made by this program


def _mutate_torch(content: bytes, random_: random.Random) -> bytes:
    import io

    import torch

    value = mutate_value(torch.load(io.BytesIO(content), weights_only=True), random_)
    target = io.BytesIO()
    torch.save(value, target)
    return target.getvalue()


_STRUCTURED: dict[str, Mutation] = {
    ".json": _mutate_json,
    ".geojson": _mutate_json,
    ".yaml": _mutate_yaml,
    ".pickle": _mutate_pickle,
    ".pth": _mutate_torch,
    ".pt": _mutate_torch,
}
_TEXT = (".json", ".geojson", ".yaml", ".csv", ".txt", ".asc", ".jsonl")


def mutate_file(path: Path, original: bytes, random_: random.Random) -> None:
    """Write a mutation of a file in its place."""
    path.write_bytes(mutate(original, path.suffix, random_))
