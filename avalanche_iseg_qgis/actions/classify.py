"""Type, size and trigger of an avalanche by menu or key, without its form."""

from __future__ import annotations

from functools import partial

from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject

from ..core.errors import IsegError
from ..features import schema, writer
from ..features.queries import is_ours
from ..features.reference import resolve
from ..gui.avalanches_dock import AvalanchesDock
from ..gui.shortcuts import KeyActions
from ..i18n import tr
from ..messages import Messages

_CLASSIFIED = (schema.TYPE, schema.SIZE, schema.TRIGGER)


class ClassifyActions(QObject):
    """An action for each value, of the avalanche that is selected in the list.

    Keys are the user's choice, in QGIS's keyboard shortcuts; sizes have 1 to 5 from the start.
    """

    def __init__(
        self, iface: QgisInterface, dock: AvalanchesDock, messages: Messages, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._dock, self._messages, self._keys = dock, messages, KeyActions(iface)
        for attribute in schema.all_attributes():
            if attribute.name not in _CLASSIFIED:
                continue
            menu = dock.classify_menu.addMenu(attribute.alias)
            for code, label in attribute.domain.items():
                value = int(code) if attribute.kind == "int" else code
                text = tr("{}: {}").format(attribute.alias, label)
                act = partial(self.classify, attribute.name, value, text)
                key = code if attribute.name == schema.SIZE else ""
                name = f"AvalancheISeg_{attribute.name}_{code}"
                action = self._keys.add(name, text, key, act)
                action.setIconText(label)
                menu.addAction(action)
        dock.table.itemSelectionChanged.connect(self._enable)
        self._enable()

    def close(self) -> None:
        """Take the actions back from QGIS."""
        self._keys.close()

    def classify(self, field: str, value: object, text: str) -> None:
        """Set an attribute of the avalanche that is selected in the list."""
        entry = self._dock.selected
        found = resolve(entry.feature_ref) if entry is not None else None
        if entry is None or found is None:
            return
        layer, feature = found
        if not is_ours(layer):
            self._messages.warn(
                tr("The layer {} is not one of this plugin: fill in its own form.").format(
                    layer.name()
                )
            )
            return
        try:
            writer.set_attributes(layer, feature.id(), {field: value}, text)
        except IsegError as error:
            self._messages.warn(str(error))
        else:
            self._messages.inform(tr("Avalanche {}. {}").format(entry.number, text))

    def _enable(self) -> None:
        """Leave the keys to others where no avalanche is selected."""
        self._keys.enable(enabled=self._dock.selected is not None)
