"""The row of the dock *Series* for outlines of earlier photos: what to do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from ..gui.widgets import tool_button
from ..i18n import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .outlines import OutlineProposal


class CarriedRow(QWidget):
    """A list of the proposals and the buttons for them; hidden where there is nothing to decide.

    Signals
    -------
    chosen
        (index of a proposal) by the user.
    """

    chosen = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel()
        self.list = QComboBox()
        self.list.setToolTip(
            tr(
                "Avalanches of earlier photos, moved into this one, with how well they fit it: "
                "green ones fit, red ones may be gone, covered or in other light"
            )
        )
        self.list.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.list.activated.connect(self.chosen)
        self.accept_all = tool_button(
            tr("Accept all"), tr("Map all of them here as they are; they stay the same avalanches")
        )
        self.accept = tool_button(tr("Accept"), tr("Map this one here as it is"))
        self.correct = tool_button(
            tr("Correct"), tr("Start from this one and correct it by clicks; Enter saves it")
        )
        self.drop = tool_button(
            tr("Drop"), tr("It is not to be seen here: do not propose it again")
        )
        self.take_back = tool_button(
            tr("Take back"), tr("Take back what was accepted or dropped last, all of it")
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        buttons = self.accept_all, self.accept, self.correct, self.drop, self.take_back
        for part in (self.label, self.list, *buttons):
            row.addWidget(part)
        row.addStretch(1)
        self.show_outlines([], 0)

    def show_outlines(
        self,
        outlines: Sequence[OutlineProposal],
        chosen: int,
        *,
        is_computing: bool = False,
        fault: str = "",
        can_take_back: bool = False,
    ) -> None:
        """Show what is proposed for the open photo, and which one is worked on."""
        self.list.clear()
        for outline in outlines:
            text = tr("{}: fits, {:.0f} %") if outline.fits else tr("{}: low confidence, {:.0f} %")
            self.list.addItem(text.format(outline.number, 100 * outline.confidence))
        self.list.setCurrentIndex(chosen if outlines else -1)
        doubtful = sum(not outline.fits for outline in outlines)
        if outlines and doubtful:
            text = tr("From earlier photos: {}, {} of low confidence")
        elif outlines:
            text = tr("From earlier photos: {}")
        elif is_computing:
            text = tr("Looking for the avalanches of earlier photos…")
        else:
            text = tr("Nothing could be carried here") if fault else ""
        self.label.setText(text.format(len(outlines), doubtful))
        self.label.setToolTip(fault)
        self.list.setVisible(bool(outlines))
        for button in (self.accept_all, self.accept, self.correct, self.drop):
            button.setVisible(bool(outlines))
        self.take_back.setVisible(can_take_back)
        self.setVisible(bool(outlines or fault) or is_computing or can_take_back)
