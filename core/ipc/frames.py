"""Frames: a JSON header and raw arrays, in one piece on a stream of bytes.

For QGIS's own Python too: standard library and NumPy only, Python 3.9.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import WorkerError
from ..json_files import MALFORMED, parse_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

# As in PNG: it shows whether line ends were changed or the eighth bit was dropped.
MAGIC = b"\x89ISEG\r\n\n"
_PREFIX = struct.Struct("<8sIQ")  # magic, bytes of the header, bytes of all arrays
_LARGEST_HEADER = 1 << 20
_LARGEST_BODY = 1 << 32
_MOST_FOREIGN = 1 << 20
_SHOWN = 200  # characters of a message
_DTYPES = ("bool", "uint8", "float32")


@dataclass(frozen=True, eq=False)
class Frame:
    """The content of one frame.

    Attributes
    ----------
    header
        JSON values.
    arrays
        bool, uint8 or float32, of any shape.
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def encode(frame: Frame) -> list[bytes | memoryview]:
    """Return the frame as bytes, in parts to be written one after another; arrays are not copied.

    Raises
    ------
    WorkerError
        If an array has another type than a frame may carry.
    """
    parts, about = [], []
    for name, array in frame.arrays.items():
        if array.dtype.name not in _DTYPES:
            raise WorkerError(f"A frame carries {', '.join(_DTYPES)}, not {array.dtype}.")
        about.append({"name": name, "dtype": array.dtype.name, "shape": array.shape})
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        parts.append(little.reshape(-1).view(np.uint8).data)
    header = json.dumps({**frame.header, "arrays": about}, allow_nan=False).encode()
    prefix = _PREFIX.pack(MAGIC, len(header), sum(part.nbytes for part in parts))
    return [prefix + header, *parts]


class FrameDecoder:
    """Assembles frames from bytes that arrive in pieces of any size.

    Parameters
    ----------
    skip_foreign
        Skip what comes before the first frame, such as a greeting that an environment prints
        when Python starts. After that, and without this, foreign bytes are errors.
    """

    def __init__(self, *, skip_foreign: bool = False) -> None:
        self._buffer = bytearray()
        self._may_skip = _MOST_FOREIGN if skip_foreign else 0
        self._frame_size = 0  # of the frame at the start of the buffer, 0 if not known yet

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames that are complete with them, in order.

        Raises
        ------
        WorkerError
            If the bytes are no frames. The rest of the stream cannot be read either.
        """
        self._buffer += data
        frames = []
        while self._measure() and len(self._buffer) >= self._frame_size:
            frames.append(self._parse())
            del self._buffer[: self._frame_size]
            self._frame_size = 0
        return frames

    def _measure(self) -> bool:
        """Read the size of the frame at the start of the buffer; return whether it is known."""
        if self._may_skip and not self._found_first():
            return False
        if not MAGIC.startswith(self._buffer[: len(MAGIC)]):
            shown = bytes(self._buffer[:40])
            raise WorkerError(f"A stream of bytes that is no frame begins with {shown!r}.")
        if self._frame_size == 0 and len(self._buffer) >= _PREFIX.size:
            _, header, body = _PREFIX.unpack_from(self._buffer)
            if header > _LARGEST_HEADER or body > _LARGEST_BODY:
                raise WorkerError(f"A frame announces {header} and {body} bytes: too many.")
            self._frame_size = _PREFIX.size + header + body
        return self._frame_size > 0

    def _found_first(self) -> bool:
        """Drop what comes before the first frame; return whether that has begun, or must have."""
        at = self._buffer.find(MAGIC)
        # If it has not begun, the last bytes may be its beginning.
        foreign = at if at >= 0 else max(0, len(self._buffer) - len(MAGIC) + 1)
        self._may_skip = max(0, self._may_skip - foreign) if at < 0 else 0
        if self._may_skip or at >= 0:
            del self._buffer[:foreign]
        return not self._may_skip

    def _parse(self) -> Frame:
        _, header_size, _ = _PREFIX.unpack_from(self._buffer)
        start = _PREFIX.size + header_size
        try:
            header = parse_json(self._buffer[_PREFIX.size : start])
            about = header.pop("arrays")
            arrays = {}
            for entry in about:
                dtype, shape = _checked(entry)
                stop = start + dtype.itemsize * int(np.prod(shape, dtype=object))
                if stop > self._frame_size:
                    raise ValueError("arrays of more bytes than announced")
                # A slice of a bytearray is a copy that the array may keep and change.
                data = self._buffer[start:stop]
                arrays[str(entry["name"])] = np.frombuffer(data, dtype).reshape(shape)
                start = stop
            if start != self._frame_size:
                raise ValueError("arrays of fewer bytes than announced")
        except (*MALFORMED, MemoryError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise WorkerError(f"A frame that cannot be read ({reason[:_SHOWN]}).") from error
        return Frame(header, arrays)


def _checked(entry: Mapping[str, Any]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return type and shape of an array, as a header describes it."""
    name, shape = entry["dtype"], tuple(entry["shape"])
    if name not in _DTYPES or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ValueError(f"an array of type {name!r} and shape {shape!r}")
    return np.dtype(name).newbyteorder("<"), shape
