"""The timeline of a day: photos as ticks, and between which of them avalanches released."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import (
    QColor,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)
from qgis.PyQt.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..i18n import tr
from .browser import day_of, time_of
from .filmstrip import STATE_COLOURS, look_label, state_label

if TYPE_CHECKING:
    from datetime import datetime

    from ..core.series import ReleaseInterval, SeriesPhoto
    from .browser import SeriesBrowser

_HEIGHT, _MARGIN, _TICK = 26, 6, 9  # pixels
_RELEASE, _HIDDEN = QColor(224, 122, 31, 110), 90  # alpha of ticks of photos that cannot be seen
_HOURS = 24


class DayTimeline(QWidget):
    """The day of the open photo, by the clock of this computer.

    Signals
    -------
    chosen
        (SeriesPhoto) by the user.
    """

    chosen = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._browser: SeriesBrowser | None = None
        self.photos: list[SeriesPhoto] = []
        self.releases: list[ReleaseInterval] = []

    def show_day(self, browser: SeriesBrowser | None) -> None:
        """Show the day of the open photo, or nothing."""
        self._browser = browser
        photo = browser.current if browser else None
        self.photos, self.releases = [], []
        if browser is not None and photo is not None and photo.taken_at is not None:
            self.photos = browser.day_photos(photo)
            self.releases = browser.day_releases(self.photos)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size; called by Qt."""
        return QSize(200, _HEIGHT)

    def x_of(self, time: datetime) -> float:
        """Return where a time lies, pixels; times of other days lie at the ends."""
        day = day_of(self.photos[0])
        local = time.astimezone()
        hours = local.hour + local.minute / 60 + local.second / 3600
        if local.date().isoformat() != day:
            hours = 0.0 if local.date().isoformat() < day else float(_HOURS)
        return _MARGIN + hours / _HOURS * (self.width() - 2 * _MARGIN)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Draw the day; called by Qt."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        grey = palette.color(QPalette.ColorRole.Mid)
        base = self.height() - 4.0
        painter.setPen(QPen(grey, 1))
        painter.drawLine(QPointF(_MARGIN, base), QPointF(self.width() - _MARGIN, base))
        if self._browser is None or not self.photos:
            return
        for hour in range(0, _HOURS + 1, 6):
            x = _MARGIN + hour / _HOURS * (self.width() - 2 * _MARGIN)
            painter.drawLine(QPointF(x, base - 3), QPointF(x, base))
        for row, release in enumerate(self.releases):
            painter.fillRect(self._bar(row, release), _RELEASE)
        for photo in self.photos:
            colour = STATE_COLOURS[self._browser.state_of(photo)]
            colour = QColor(colour or palette.color(QPalette.ColorRole.WindowText))
            if not self._browser.is_usable(photo):
                colour.setAlpha(_HIDDEN)
            x = self.x_of(photo.time)
            painter.setPen(QPen(colour, 2))
            painter.drawLine(QPointF(x, base - _TICK), QPointF(x, base))
            if photo == self._browser.current:
                self._draw_mark(painter, x, base - _TICK)

    def _bar(self, row: int, release: ReleaseInterval) -> QRectF:
        """Return where a release interval is drawn, several of them below each other."""
        left = _MARGIN if release.after is None else self.x_of(release.after)
        right = self.x_of(release.before)
        height = max(3.0, (self.height() - 6) / max(len(self.releases), 1))
        return QRectF(left, 2 + min(row * height, self.height() - 8), max(right - left, 2), height)

    def _draw_mark(self, painter: QPainter, x: float, y: float) -> None:
        """Draw a triangle above the open photo."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Highlight))
        painter.drawPolygon(
            QPolygonF([QPointF(x, y), QPointF(x - 5, y - 8), QPointF(x + 5, y - 8)])
        )

    def nearest(self, x: float) -> SeriesPhoto | None:
        """Return the photo nearest to a place, pixels."""
        return min(self.photos, key=lambda photo: abs(self.x_of(photo.time) - x), default=None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Open the photo that was clicked on; called by Qt."""
        photo = self.nearest(event.pos().x())
        if photo is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(photo)

    def event(self, event: QEvent) -> bool:
        """Tell about what the mouse is over; called by Qt."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.text_at(QPointF(event.pos())), self)
            return True
        return bool(super().event(event))

    def text_at(self, place: QPointF) -> str:
        """Return what is at a place of the timeline, for the user."""
        photo = self.nearest(place.x())
        if photo is None or self._browser is None:
            return ""
        noted = state_label(self._browser.state_of(photo), self._browser.count_of(photo))
        lines, look = [f"{time_of(photo)}: {noted}"], self._browser.look_of(photo)
        if look is not None:
            lines.append(look_label(look))
        for row, release in enumerate(self.releases):
            if self._bar(row, release).contains(place):
                lines.append(_release_text(release))
        return "\n".join(lines)


def _release_text(release: ReleaseInterval) -> str:
    before = f"{release.before.astimezone():%Y-%m-%d %H:%M}"
    if release.after is None:
        return tr("Released before {}").format(before)
    after = f"{release.after.astimezone():%Y-%m-%d %H:%M}"
    hours = (release.before - release.after) / timedelta(hours=1)
    return tr("Released between {} and {} ({:.1f} hours)").format(after, before, hours)
