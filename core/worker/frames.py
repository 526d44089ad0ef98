"""`core.ipc.frames`, by its first name."""

from ..ipc.frames import MAGIC, Frame, FrameDecoder, encode

__all__ = ["MAGIC", "Frame", "FrameDecoder", "encode"]
