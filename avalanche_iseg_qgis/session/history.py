"""Undo and redo."""

from __future__ import annotations

from typing import Generic, TypeVar

_State = TypeVar("_State")


class History(Generic[_State]):
    """Immutable states of one thing, such as an object's prompts, and which of them is in force.

    It begins with the last of the states given: the earlier ones can be returned to.
    """

    def __init__(self, first: _State, *later: _State) -> None:
        self._states = [first, *later]
        self._at = self._start = len(later)

    @property
    def current(self) -> _State:
        """The state in force."""
        return self._states[self._at]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._at > 0

    @property
    def can_undo_change(self) -> bool:
        """Whether there is an earlier state that was in force since the beginning."""
        return self._at > max(self._start, 0)

    @property
    def can_redo(self) -> bool:
        """Whether a state has been undone."""
        return self._at < len(self._states) - 1

    @property
    def is_changed(self) -> bool:
        """Whether anything was changed since the beginning."""
        return self._at != self._start or len(self._states) > self._start + 1

    def change(self, state: _State) -> None:
        """Put a new state in force; states that were undone are dropped."""
        if self._at < self._start:
            self._start = -1  # it cannot be returned to
        del self._states[self._at + 1 :]
        self._states.append(state)
        self._at += 1

    def undo(self) -> None:
        """Go back to the state before, if there is one."""
        self._at = max(0, self._at - 1)

    def redo(self) -> None:
        """Go forward to the state undone last, if there is one."""
        self._at = min(len(self._states) - 1, self._at + 1)
