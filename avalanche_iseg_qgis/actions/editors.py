"""Who else edits the GeoPackages of avalanches: said before work begins, and noted for others."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QDateTime, QLocale, QObject, Qt, QTimer

from ..core.files import is_file, normal_path
from ..core.geopackage.edit_notes import RENEWED_EVERY, EditNote, OwnNote, notes_of_others
from ..features import record, target
from ..features.following import Connections, LayerFollower
from ..features.history import place_of
from ..gui.avalanches_dock import AvalanchesDock
from ..i18n import tr
from ..session.qt_session import QtSession


class EditorsController(LayerFollower):
    """Keeps a note beside each GeoPackage while it is edited here, and reads those of others."""

    def __init__(
        self,
        session: QtSession,
        dock: AvalanchesDock,
        warn: Callable[[str], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._dock, self._warn = session, dock, warn
        self._own: dict[str, OwnNote] = {}  # by path
        self._told: set[str] = set()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.renew)
        self._timer.start(round(1000 * RENEWED_EVERY))
        session.image_changed.connect(self.look)
        self.start()

    def close(self) -> None:
        """Take the notes away."""
        self._timer.stop()
        super().close()
        for note in self._own.values():
            note.remove()
        self._own.clear()

    def connections(self, layer: QgsVectorLayer) -> Connections:
        """Return the signals of beginning and ending to edit."""
        return (
            (layer.editingStarted, self.renew),
            (layer.editingStopped, self.renew),
            (layer.willBeDeleted, self._on_deletion),
        )

    def begin(self, layer: QgsVectorLayer) -> None:  # noqa: ARG002
        """Look at the notes beside a layer that has come."""
        self.renew()

    def renew(self) -> None:
        """Write the notes of the files that are edited here, and take the others away."""
        self._renew(self.layers())

    def who_edits(self, layer: QgsVectorLayer) -> str:
        """Return who else edits the file of a layer, as sentences that follow others."""
        path = place_of(layer)[0]
        texts = [_told(path, note) for note in notes_of_others(path)] if path else []
        return "".join(f" {text}" for text in texts)

    def look(self) -> None:
        """Read the notes of others, and say what is new."""
        texts = []
        for path in self._files():
            for note in notes_of_others(path):
                text = _told(path, note)
                texts.append(text)
                known = f"{normal_path(path)} {note.who} {note.computer} {note.since}"
                if known not in self._told:
                    self._told.add(known)
                    self._warn(text)
        self._dock.show_editors("\n".join(texts))

    def _on_deletion(self) -> None:
        gone = self.sender()
        self._renew([layer for layer in self.layers() if layer is not gone])

    def _renew(self, layers: list[QgsVectorLayer]) -> None:
        edited = {place_of(layer)[0] for layer in layers if layer.isEditable()} - {""}
        for path in edited - set(self._own):
            self._own[path] = OwnNote(path, record.mapper_name())
        for path in set(self._own) - edited:
            self._own.pop(path).remove()
        for note in self._own.values():
            note.write()  # harmless where nothing can be written
        self.look()

    def _files(self) -> list[str]:
        """Return the GeoPackages of the project, or the one in which work would begin."""
        paths = {place_of(layer)[0] for layer in self.layers()} - {""}
        image = self._session.image
        if not paths and image is not None:
            path = target.default_path(QgsProject.instance(), image.origin.path)
            paths = {path} if is_file(path) else set()
        return sorted(paths)


def _told(path: str, note: EditNote) -> str:
    moment = QDateTime.fromString(note.since, Qt.DateFormat.ISODate).toLocalTime()
    since = QLocale().toString(moment, QLocale.FormatType.ShortFormat)
    if note.is_stale:
        text = tr(
            "{} was edited by {} on {} since {}, in a QGIS that has probably ended without saving."
        )
    elif note.is_own_account:
        text = tr(
            "{} is edited in another QGIS of yours ({}, {}), since {}. Save and end editing there "
            "first."
        )
    else:
        text = tr(
            "{} is edited by {} on {} since {}. Wait until that is saved, or work in a copy and "
            "merge the two files afterwards."
        )
    return text.format(path, note.who, note.computer, since)
