"""The filmstrip: small images of the photos that are shown, with time and state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QAbstractListModel, QModelIndex, QObject, QRect, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QContextMenuEvent, QPainter, QPalette
from qgis.PyQt.QtWidgets import (
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ..core.series import Look, PhotoState
from ..i18n import tr
from .browser import time_of
from .thumbnails import SIZE, Thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.series import SeriesPhoto
    from .browser import SeriesBrowser

_MARGIN, _BAND = 4, 5  # pixels
STATE_COLOURS = {
    PhotoState.UNSEEN: None,
    PhotoState.NOTHING: QColor("#3f8f4f"),
    PhotoState.HIDDEN: QColor("#8a8a8a"),
    PhotoState.AVALANCHES: QColor("#e07a1f"),
}
_STATE = Qt.ItemDataRole.UserRole
_LOOK = Qt.ItemDataRole.UserRole + 1  # of a photo that is not worth a look
_VEIL, _ON_VEIL = QColor(25, 25, 35, 170), QColor("#f0f0f0")


def state_label(state: PhotoState, count: int = 0) -> str:
    """Return a state in the user's language."""
    if state is PhotoState.AVALANCHES and count:
        return tr("avalanches: {}").format(count)
    return {
        PhotoState.UNSEEN: tr("not looked at"),
        PhotoState.NOTHING: tr("nothing released"),
        PhotoState.HIDDEN: tr("could not see"),
        PhotoState.AVALANCHES: tr("avalanches"),
    }[state]


def look_label(look: Look) -> str:
    """Return how a photo looks, in the user's language."""
    return {
        Look.CLEAR: tr("clear"),
        Look.HAZE: tr("haze"),
        Look.FOG: tr("fog"),
        Look.NIGHT: tr("night"),
        Look.UNDEREXPOSED: tr("underexposed"),
        Look.OVEREXPOSED: tr("overexposed"),
        Look.SNOW_ON_LENS: tr("snow on the lens"),
        Look.REPEAT: tr("the same picture as before"),
        Look.UNREADABLE: tr("unreadable"),
    }[look]


def look_menu(parent: QWidget, chosen: Callable[[Look], None]) -> QMenu:
    """Make a menu of how a photo may look, by which the screening is overruled."""
    menu = QMenu(tr("This photo looks…"), parent)
    for look in Look:
        if look not in (Look.REPEAT, Look.UNREADABLE):
            action = menu.addAction(look_label(look))
            action.triggered.connect(lambda _=False, found=look: chosen(found))
    return menu


class PhotoModel(QAbstractListModel):
    """The photos that a browser shows."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._browser: SeriesBrowser | None = None
        self._rows: dict[str, int] = {}
        self._thumbnails = Thumbnails(self)
        self._thumbnails.loaded.connect(self._on_loaded)

    def show(self, browser: SeriesBrowser | None) -> None:
        """Show the photos of a browser, or that others are shown of it."""
        self.beginResetModel()
        self._browser = browser
        shown = browser.shown if browser else ()
        self._rows = {str(photo.path): row for row, photo in enumerate(shown)}
        self.endResetModel()

    def update(self, photo: SeriesPhoto) -> None:
        """Show that what is noted of a photo has changed."""
        self._on_loaded(str(photo.path))

    def photo(self, index: QModelIndex) -> SeriesPhoto | None:
        """Return the photo in a row."""
        shown = self._browser.shown if self._browser else ()
        return shown[index.row()] if 0 <= index.row() < len(shown) else None

    def index_of(self, photo: SeriesPhoto) -> QModelIndex:
        """Return the row of a photo; an invalid one if it is not shown."""
        return self.index(self._rows.get(str(photo.path), -1))

    def close(self) -> None:
        """End the reading of small images."""
        self._thumbnails.close()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """Return the number of photos; called by Qt."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401
        """Return what a row shows; called by Qt."""
        photo, browser = self.photo(index), self._browser
        if photo is None or browser is None:
            return None
        state, count = browser.state_of(photo), browser.count_of(photo)
        if role == Qt.ItemDataRole.DisplayRole:
            return time_of(photo)
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnails.image(str(photo.path))
        if role == Qt.ItemDataRole.ToolTipRole:
            look = browser.look_of(photo)
            lines = [photo.path.name, photo.camera, state_label(state, count)]
            return "\n".join([*lines, *([look_label(look)] if look else [])])
        if role == _STATE:
            return state
        if role == _LOOK:
            look = browser.look_of(photo)
            return "" if look is None or look.usable else look_label(look)
        return None

    def _on_loaded(self, path: str) -> None:
        row = self._rows.get(path)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))


class _PhotoDelegate(QStyledItemDelegate):
    """Draws the small image, the time below it, and the state as a band of colour."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:  # noqa: N802
        """Return the size of every item; called by Qt."""
        text = option.fontMetrics.height()
        return SIZE + QSize(2 * _MARGIN, 2 * _MARGIN + _BAND + text)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw an item; called by Qt."""
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        palette = option.palette
        if chosen:
            painter.fillRect(option.rect, palette.color(QPalette.ColorRole.Highlight))
        place = QRect(option.rect.topLeft(), SIZE).translated(_MARGIN, _MARGIN)
        image = index.data(Qt.ItemDataRole.DecorationRole)
        if image is None or image.isNull():
            painter.fillRect(place, palette.color(QPalette.ColorRole.Midlight))
        else:
            inner = QRect(place.topLeft(), image.size())
            inner.moveCenter(place.center())
            painter.drawImage(inner, image)
        if image is not None and image.isNull():
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, tr("unreadable"))
        if index.data(_LOOK):
            painter.fillRect(place, _VEIL)
            painter.setPen(_ON_VEIL)
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(place, wrapped, index.data(_LOOK))
        colour = STATE_COLOURS[index.data(_STATE)]
        if colour is not None:
            painter.fillRect(place.x(), place.bottom() + 1, place.width(), _BAND, colour)
        role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        painter.setPen(palette.color(role))
        below = QRect(option.rect)
        below.setTop(place.bottom() + 1 + _BAND)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, index.data())


class Filmstrip(QListView):
    """A row of small images.

    Signals
    -------
    chosen
        (SeriesPhoto) by the user.
    look_chosen
        (SeriesPhoto, Look) by the user.
    """

    chosen = pyqtSignal(object)
    look_chosen = pyqtSignal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("AvalancheISegFilmstrip")
        self.photos = PhotoModel(self)
        self.setModel(self.photos)
        delegate = _PhotoDelegate(self)
        self.setItemDelegate(delegate)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setUniformItemSizes(True)
        self.setWrapping(False)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerItem)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        text = self.fontMetrics().height()
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        self.setFixedHeight(SIZE.height() + 2 * _MARGIN + _BAND + text + bar + 4)
        self.clicked.connect(self._on_clicked)
        self.activated.connect(self._on_clicked)

    def show_current(self, photo: SeriesPhoto | None) -> None:
        """Select a photo and scroll to it; no signal is emitted."""
        index = QModelIndex() if photo is None else self.photos.index_of(photo)
        self.setCurrentIndex(index)
        if index.isValid():
            self.scrollTo(index, QListView.ScrollHint.PositionAtCenter)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """Offer to overrule the screening of a photo; called by Qt."""
        photo = self.photos.photo(self.indexAt(event.pos()))
        if photo is not None:
            menu = look_menu(self, lambda look: self.look_chosen.emit(photo, look))
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())

    def _on_clicked(self, index: QModelIndex) -> None:
        photo = self.photos.photo(index)
        if photo is not None:
            self.chosen.emit(photo)
