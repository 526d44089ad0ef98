"""A sentence in a panel with what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout


class Notice(QFrame):
    """Hidden as long as there is nothing to say; its buttons are in `buttons`."""

    def __init__(self, actions: Sequence[str]) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.buttons = [QPushButton(text) for text in actions]
        row = QHBoxLayout()
        for button in self.buttons:
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self.label)
        column.addLayout(row)
        self.setVisible(False)

    def show_text(self, text: str) -> None:
        """Show a text, or hide if it is empty."""
        self.label.setText(text)
        self.setVisible(bool(text))
