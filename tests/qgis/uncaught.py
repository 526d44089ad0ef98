"""What nobody caught, and what was said, while QGIS goes on."""

from __future__ import annotations

import sys
import threading
import traceback

from qgis.core import QgsApplication

TAG = "Avalanche ISeg"


class Uncaught:
    """As a context: collects exceptions of slots, events and threads, and messages of the plugin.

    Attributes
    ----------
    errors
        Tracebacks.
    said
        What the plugin told the user.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.said: list[str] = []

    def __enter__(self) -> Uncaught:
        self._hooks = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_error
        threading.excepthook = lambda found: self._on_error(
            found.exc_type, found.exc_value, found.exc_traceback
        )
        QgsApplication.messageLog().messageReceived.connect(self._on_log)
        return self

    def __exit__(self, *_: object) -> None:
        QgsApplication.messageLog().messageReceived.disconnect(self._on_log)
        sys.excepthook, threading.excepthook = self._hooks

    def take_errors(self) -> list[str]:
        """Return the errors since the last time."""
        errors, self.errors = self.errors, []
        return errors

    def _on_error(self, kind, error, where) -> None:
        self.errors.append("".join(traceback.format_exception(kind, error, where)))

    def _on_log(self, text: str, tag: str, _level) -> None:
        if tag == TAG and "\n" not in text:  # lines are of a worker that has ended
            self.said.append(text)
        elif "Traceback" in text:
            self.errors.append(text)
