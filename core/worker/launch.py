"""`core.ipc.launch`, by its first name."""

from ..ipc.launch import FOLDER, command, environment

__all__ = ["FOLDER", "command", "environment"]
