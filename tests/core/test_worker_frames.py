"""Frames: what is encoded is decoded, however it arrives; what is no frame is refused."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from core.errors import WorkerError
from core.ipc.frames import MAGIC, Frame, FrameDecoder, encode


def joined(*frames: Frame) -> bytes:
    return b"".join(bytes(part) for frame in frames for part in encode(frame))


def raw(header: bytes, body: bytes = b"") -> bytes:
    return MAGIC + struct.pack("<IQ", len(header), len(body)) + header + body


@pytest.fixture
def frames() -> list[Frame]:
    rng = np.random.default_rng(0)
    return [
        Frame({"type": "a", "text": "Lawinen­zug ☃", "none": None, "list": [1, 2.5]}),
        Frame(
            {"type": "b"},
            {
                "pixels": rng.integers(0, 256, (5, 7, 3), dtype=np.uint8),
                "mask": rng.random((4, 3)) > 0.5,
                "values": rng.random((2, 2)).astype(np.float32),
                "nothing": np.zeros((0, 4), np.uint8),
                "number": np.array(3, np.uint8),
            },
        ),
        Frame({"type": "c"}, {"view": np.arange(20, dtype=np.uint8).reshape(4, 5).T[::2]}),
    ]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_frames_arrive_as_they_were_in_pieces_of_any_size(frames, size):
    data, decoder, arrived = joined(*frames), FrameDecoder(), []
    for start in range(0, len(data), size):
        arrived += decoder.feed(data[start : start + size])
    assert [frame.header for frame in arrived] == [frame.header for frame in frames]
    for there, here in zip(arrived, frames, strict=True):
        assert list(there.arrays) == list(here.arrays)
        for name, array in here.arrays.items():
            assert there.arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(there.arrays[name], array)
    assert not decoder.pending


def test_arrays_may_be_changed_and_kept_while_more_arrives(frames):
    decoder = FrameDecoder()
    (first,) = decoder.feed(joined(frames[1]))
    first.arrays["pixels"][:] = 7
    (second,) = decoder.feed(joined(frames[1]))
    assert (first.arrays["pixels"] == 7).all()
    np.testing.assert_array_equal(second.arrays["pixels"], frames[1].arrays["pixels"])


def test_byte_order_of_the_array_does_not_matter():
    array = np.array([1.5, -2.0], ">f4")
    (frame,) = FrameDecoder().feed(joined(Frame({}, {"a": array})))
    np.testing.assert_array_equal(frame.arrays["a"], array)


def test_a_frame_begun_is_pending(frames):
    decoder = FrameDecoder()
    assert decoder.feed(joined(frames[1])[:-1]) == []
    assert decoder.pending


@pytest.mark.parametrize("dtype", [np.float64, np.int32, object])
def test_other_types_are_not_sent(dtype):
    with pytest.raises(WorkerError, match="carries bool, uint8, float32"):
        encode(Frame({}, {"a": np.zeros(2, dtype)}))


def entry(**changes: object) -> bytes:
    about = {"name": "a", "dtype": "uint8", "shape": [4], **changes}
    return json.dumps({"arrays": [about]}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"Traceback (most recent call last)",
        b"\x89ISEG\r\r\n",
        MAGIC.replace(b"\n", b"\r\n") + bytes(12),
        MAGIC + struct.pack("<IQ", 1 << 30, 0),
        MAGIC + struct.pack("<IQ", 10, 1 << 60),
        raw(b"no json"),
        raw(b"\xff\xfe"),
        raw(b"[]"),
        raw(b"{}"),
        raw(b'{"arrays": [1]}'),
        raw(b'{"arrays": [], "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        raw(entry(dtype="object"), bytes(32)),
        raw(entry(dtype="float64"), bytes(32)),
        raw(entry(shape=[-4]), bytes(4)),
        raw(entry(shape=[2.0, 2]), bytes(4)),
        raw(entry(shape=[1 << 40, 1 << 40]), bytes(4)),
        raw(entry(), bytes(3)),
        raw(entry(), bytes(5)),
    ],
)
def test_what_is_no_frame_is_refused(data):
    with pytest.raises(WorkerError):
        FrameDecoder().feed(data)


def test_garbage_after_a_frame_is_refused_and_shown(frames):
    decoder = FrameDecoder()
    assert len(decoder.feed(joined(frames[0]))) == 1
    with pytest.raises(WorkerError, match="no frame begins with b'garbage"):
        decoder.feed(b"garbage")


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_foreign_bytes_may_be_passed_over_before_the_first_frame_only(frames, size):
    data = b"Welcome to this environment!\n\x89ISE" * 50 + joined(frames[0])
    decoder, arrived = FrameDecoder(skip_foreign=True), []
    for start in range(0, len(data), size):
        arrived += decoder.feed(data[start : start + size])
    assert [frame.header for frame in arrived] == [frames[0].header]
    with pytest.raises(WorkerError):
        decoder.feed(b"Goodbye\n")


def test_a_stream_without_frames_is_given_up():
    decoder = FrameDecoder(skip_foreign=True)
    for _ in range(100):
        decoder.feed(b"y\n" * 5000)
    with pytest.raises(WorkerError, match="no frame begins with"):
        decoder.feed(b"y\n" * 50_000)
