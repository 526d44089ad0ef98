"""The cursor of the map tools."""

from __future__ import annotations

from qgis.PyQt.QtCore import QPointF, Qt
from qgis.PyQt.QtGui import QColor, QCursor, QPainter, QPen, QPixmap

_SIZE, _GAP = 25, 4


def cross_cursor() -> QCursor:
    """Make a cross with a gap in the middle, dark with a white rim: visible on snow and rock."""
    pixmap = QPixmap(_SIZE, _SIZE)
    pixmap.fill(Qt.GlobalColor.transparent)
    middle = _SIZE // 2
    painter = QPainter(pixmap)
    for colour, width in ((QColor(255, 255, 255), 3), (QColor(20, 20, 30), 1)):
        painter.setPen(QPen(colour, width))
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            near, far = QPointF(x, y) * _GAP, QPointF(x, y) * (middle - 1)
            centre = QPointF(middle, middle)
            painter.drawLine(centre + near, centre + far)
    painter.end()
    return QCursor(pixmap, middle, middle)
