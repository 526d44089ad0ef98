"""Answers whatever menu or dialog comes up while somebody walks at random, so that none hangs."""

from __future__ import annotations

from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QMenu,
    QMessageBox,
    QWidget,
)

_PERIOD = 50  # ms
_GESTURES = 3  # in a dialog, before it is closed
_PATIENCE = 25  # looks at the same dialog, until it counts as stuck
_OURS_IN_OPTIONS = "AvalancheISegOptions"
_YES = (
    QMessageBox.ButtonRole.YesRole,
    QMessageBox.ButtonRole.AcceptRole,
    QMessageBox.ButtonRole.DestructiveRole,
)


class Attendant:
    """Looks again and again for a popup or a modal dialog, also while another one is open.

    Attributes
    ----------
    agreed
        Whether a question was answered by Yes, Discard or the like since this was set to False.
    stuck
        Titles of dialogs that would not close.
    """

    def __init__(self, hands) -> None:
        self._hands = hands
        self._window: QWidget | None = None
        self._looks = 0
        self._is_on = False
        self.agreed = False
        self.stuck: list[str] = []

    def __enter__(self) -> Attendant:
        self._is_on = True
        self._look_later()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_on = False

    def _look_later(self) -> None:
        QTimer.singleShot(_PERIOD, self._look)

    def _look(self) -> None:
        if not self._is_on:
            return
        self._look_later()  # before anything that opens another dialog and waits for its end
        window = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        if window is not self._window:
            self._window, self._looks = window, 0
        if window is None:
            return
        self._looks += 1
        if self._looks > _PATIENCE:
            self.stuck.append(window.windowTitle() or type(window).__name__)
            window.close()
        else:
            self._answer(window)

    def _answer(self, window: QWidget) -> None:
        hands = self._hands
        if isinstance(window, QMenu):
            hands.take_entry(window)
        elif isinstance(window, QMessageBox):
            button = hands.random.choice(window.buttons())
            hands.did.append(f"“{window.text()[:60]}”: {button.text()}")
            self.agreed |= window.buttonRole(button) in _YES
            hands.press(button)
        elif isinstance(window, QFileDialog):
            hands.take_file(window)
        elif isinstance(window, QDialog):
            self._use(window)
        elif window.findChildren(QAbstractItemView):
            hands.take_item(window)
        else:
            window.close()

    def _use(self, dialog: QDialog) -> None:
        """Make some gestures in a dialog, then close it; in QGIS's options only on our page."""
        if self._looks > _GESTURES:
            boxes = dialog.findChildren(QDialogButtonBox)
            accepts = [box.button(QDialogButtonBox.StandardButton.Ok) for box in boxes]
            accepts = [button for button in accepts if button is not None and button.isEnabled()]
            if accepts and self._looks == _GESTURES + 1 and self._hands.random.random() < 0.5:
                self._hands.use(accepts[0])
            else:
                dialog.reject()
            return
        part: QWidget = dialog
        if dialog.objectName() == "QgsOptionsBase":
            part = dialog.findChild(QWidget, _OURS_IN_OPTIONS) or dialog
        if part is not dialog or dialog.objectName() != "QgsOptionsBase":
            self._hands.use_one_in(part)
