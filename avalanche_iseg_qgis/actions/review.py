"""Review by a second person: accept or reject, with a reason; taken back when outlines change."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsFeature, QgsGeometry, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject, QTimer
from qgis.PyQt.QtWidgets import QInputDialog, QMessageBox

from ..core.errors import IsegError
from ..features import reviews, writer
from ..features.following import Connections, LayerFollower
from ..features.queries import find_photo_twin, is_ours
from ..features.reference import resolve
from ..gui.avalanches_dock import AvalanchesDock
from ..gui.shortcuts import KeyActions
from ..i18n import tr
from ..messages import Messages

ACCEPT_KEY, REJECT_KEY = "Shift+A", "Shift+R"

_Features = list[tuple[QgsVectorLayer, QgsFeature]]


class ReviewActions(LayerFollower):
    """Accepts and rejects the avalanches that are selected in the list.

    Attributes
    ----------
    ask_reason
        Asks the user why; None if they think better of it.
    may_add_fields
        Asks the user whether a layer gets the fields of a review.
    """

    def __init__(
        self, iface: QgisInterface, dock: AvalanchesDock, messages: Messages, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._iface, self._dock, self._messages = iface, dock, messages
        self.ask_reason: Callable[[], str | None] = self._ask_reason
        self.may_add_fields: Callable[[QgsVectorLayer], bool] = self._ask_to_add_fields
        self._keys = KeyActions(iface)
        accept = self._keys.add(
            "AvalancheISeg_review_accept", tr("Accept avalanche"), ACCEPT_KEY, self.accept
        )
        reject = self._keys.add(
            "AvalancheISeg_review_reject", tr("Reject avalanche…"), REJECT_KEY, self.reject
        )
        for button, action in ((dock.accept, accept), (dock.reject, reject)):
            button.clicked.connect(action.trigger)
            button.setToolTip(f"{button.toolTip()} ({action.shortcut().toString()})")
        self._taken_back = 0
        self._timer = QTimer(self)  # one message for many outlines
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tell_of_taken_back)
        dock.table.itemSelectionChanged.connect(self._enable)
        self._enable()
        self.start()

    def close(self) -> None:
        """Take the actions back from QGIS."""
        self._timer.stop()
        self._keys.close()
        super().close()

    def connections(self, layer: QgsVectorLayer) -> Connections:
        """Return the signals after which a review may not hold any more."""
        return (
            (layer.geometryChanged, self._on_geometry),
            (layer.beforeCommitChanges, self._on_saving),
        )

    # --- by the user -----------------------------------------------------------------------

    def accept(self) -> None:
        """Accept what is selected."""
        self._review(reviews.ACCEPTED, "")

    def reject(self) -> None:
        """Reject what is selected, if the user gives a reason."""
        if not self._dock.selection:
            return
        reason = self.ask_reason()
        if reason is None:
            return
        if not reason.strip():
            self._messages.warn(tr("Nothing was rejected: give a reason."))
            return
        self._review(reviews.REJECTED, reason.strip())

    def _review(self, state: str, reason: str) -> None:
        entries = self._dock.selection
        found: _Features = []
        for entry in entries:
            pair = resolve(entry.feature_ref)
            if pair is None:
                continue
            if not is_ours(pair[0]):
                self._messages.warn(
                    tr("The layer {} is not one of this plugin: fill in its own form.").format(
                        pair[0].name()
                    )
                )
                continue
            found.append(pair)
        twins = [find_photo_twin(entry.feature_ref) for entry in entries]
        try:
            done = self._write([*found, *filter(None, twins)], state, reason)
        except IsegError as error:
            self._messages.warn(str(error))
            return
        if done and found:
            self._messages.inform(_told(found, state, reason))

    def _write(self, features: _Features, state: str, reason: str) -> bool:
        """Write a review, one step for each layer; return False if the user does not want to."""
        by_layer: dict[str, _Features] = {}
        for layer, feature in features:
            by_layer.setdefault(layer.id(), []).append((layer, feature))
        for pairs in by_layer.values():
            lacking = reviews.lacking_fields(pairs[0][0])
            if lacking and not self.may_add_fields(pairs[0][0]):
                return False
            if lacking:
                writer.add_fields(pairs[0][0], lacking, tr("Add fields of the review"))
        text = tr("Accept avalanche") if state == reviews.ACCEPTED else tr("Reject avalanche")
        values = reviews.review_values(state, reason)
        for pairs in by_layer.values():
            layer = pairs[0][0]
            fids = [feature.id() for _, feature in pairs]
            writer.set_attributes_of_all(layer, fids, values, text)
            layer.triggerRepaint()
        return True

    def _ask_reason(self) -> str | None:
        reasons = ["", tr("No avalanche"), tr("Wrong outline"), tr("Mapped twice")]
        text, is_given = QInputDialog.getItem(
            self._dock, tr("Reject avalanche"), tr("Reason:"), reasons, 0, True
        )
        return str(text) if is_given else None

    def _ask_to_add_fields(self, layer: QgsVectorLayer) -> bool:
        answer = QMessageBox.question(
            self._iface.mainWindow(),
            tr("Add fields of the review?"),
            tr(
                "The layer {} was made without fields for reviews. They are added, and written to "
                "its file when its edits are saved."
            ).format(layer.name()),
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Yes,
        )
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _enable(self) -> None:
        """Leave the keys to others where no avalanche is selected."""
        self._keys.enable(enabled=bool(self._dock.selection))

    # --- when outlines change --------------------------------------------------------------

    def _on_geometry(self, fid: int, _geometry: QgsGeometry) -> None:
        """Take the review back within the same step of undo.

        Outside of a step it may be one that is undone or done again: `_on_saving` looks at these.
        """
        layer = self.sender()
        if layer.isEditCommandActive():
            self._take_back(layer, fid)

    def _on_saving(self, *_: object) -> None:
        layer = self.sender()
        for fid in reviews.changed_since_review(layer):
            self._take_back(layer, fid)

    def _take_back(self, layer: QgsVectorLayer, fid: int) -> None:
        if reviews.take_back(layer, fid):
            self._taken_back += 1
            self._timer.start(0)

    def _tell_of_taken_back(self) -> None:
        count, self._taken_back = self._taken_back, 0
        if count == 1:
            text = tr("Its outline was changed: this avalanche is to be reviewed again.")
        else:
            text = tr("{} outlines were changed: these avalanches are to be reviewed again.")
        self._messages.inform(text.format(count))


def _told(found: _Features, state: str, reason: str) -> str:
    own = sum(reviews.is_own(feature) for _, feature in found)
    text = tr("{} accepted.") if state == reviews.ACCEPTED else tr("{} rejected ({}).")
    count = len(found)
    subject = tr("1 avalanche") if count == 1 else tr("{} avalanches").format(count)
    text = text.format(subject, reason)
    if own == 1 == count:
        return text + " " + tr("It was made by you.")
    return text + " " + tr("{} of them were made by you.").format(own) if own else text
