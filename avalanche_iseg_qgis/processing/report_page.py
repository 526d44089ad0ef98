"""Pages of the picture report: photo and map with outlines, attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFillSymbol,
    QgsHillshadeRenderer,
    QgsLayoutItemLabel,
    QgsLayoutItemMap,
    QgsLayoutItemMapGrid,
    QgsLayoutItemPage,
    QgsLayoutItemScaleBar,
    QgsLayoutItemShape,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsLineSymbol,
    QgsPalLayerSettings,
    QgsPointXY,
    QgsPrintLayout,
    QgsProject,
    QgsRasterContourRenderer,
    QgsRasterDataProvider,
    QgsRasterLayer,
    QgsRectangle,
    QgsSimpleFillSymbolLayer,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsUnitTypes,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QFont

from ..compat import set_label_font
from ..core.errors import IsegError
from ..i18n import tr

if TYPE_CHECKING:
    from qgis.core import QgsGeometry, QgsLayoutItem

_WIDTH, _HEIGHT, _MARGIN = 297.0, 210.0, 12.0  # of A4, mm
_TOP, _BOTTOM = 30.0, 132.0  # of photo and map
_PHOTO_WIDTH = 158.0
_LINE = 4.3  # of the attributes
_LEAST = 200.0  # metres of the map that are shown
_OUTLINE, _GREY, _RULE = QColor(214, 30, 40), QColor(105, 110, 118), QColor(190, 195, 202)


@dataclass(frozen=True)
class ReportPage:
    """What one page shows.

    Attributes
    ----------
    title, subtitle, footer
        Lines of text.
    photo
        File of the photo, empty without one; ``photo_note`` says why, or its name.
    in_photo, on_map
        Outlines, each with its number; in pixels as QGIS shows the photo, and in the map's CRS.
    columns
        Attributes: lines of (name, value).
    numbered
        Whether outlines show their numbers.
    """

    title: str
    subtitle: str
    footer: str
    photo: str = ""
    photo_note: str = ""
    in_photo: Sequence[tuple[int, QgsGeometry]] = ()
    on_map: Sequence[tuple[int, QgsGeometry]] = ()
    columns: Sequence[Sequence[tuple[str, str]]] = field(default_factory=list)
    numbered: bool = False


class ReportLayout:
    """A print layout of pages; layers and layout belong to a project of their own.

    Parameters
    ----------
    crs
        Of the map; invalid without one.
    terrain
        Elevation model behind the map; None without one.
    """

    def __init__(self, crs: QgsCoordinateReferenceSystem, terrain: QgsRasterLayer | None) -> None:
        self._project = QgsProject()
        self.layout = QgsPrintLayout(self._project)
        self.layout.setName("report")
        self._project.layoutManager().addLayout(self.layout)  # which ends with the project
        self.layout.setUnits(QgsUnitTypes.LayoutUnit.LayoutMillimeters)
        self._crs = crs
        self._ground = [] if terrain is None else _relief(terrain)
        self._keep(self._ground)

    def add(self, content: ReportPage) -> None:
        """Add a page."""
        pages = self.layout.pageCollection()
        page = QgsLayoutItemPage(self.layout)
        page.setPageSize("A4", QgsLayoutItemPage.Orientation.Landscape)
        pages.addPage(page)
        number = pages.pageCount() - 1
        inner = _WIDTH - 2 * _MARGIN
        self._text(number, content.title, (_MARGIN, 9, inner, 9), size=17, bold=True)
        self._text(number, content.subtitle, (_MARGIN, 19, inner, 7), size=10.5, colour=_GREY)
        on_map = self._crs.isValid() and bool(content.on_map)
        photo_width = _PHOTO_WIDTH if on_map else inner
        self._add_photo(number, content, photo_width)
        if on_map:
            left = _MARGIN + photo_width + 5
            self._add_map(number, content, left, _WIDTH - _MARGIN - left)
        self._add_columns(number, content.columns)
        self._rule(number, _HEIGHT - 13)
        self._text(
            number, content.footer, (_MARGIN, _HEIGHT - 11.5, inner, 5), size=7, colour=_GREY
        )

    # --- parts of a page -------------------------------------------------------------------

    def _add_photo(self, page: int, content: ReportPage, width: float) -> None:
        box = (_MARGIN, _TOP, width, _BOTTOM - _TOP)
        layer = QgsRasterLayer(content.photo, "photo", "gdal") if content.photo else None
        if layer is None or not layer.isValid():
            self._frame(page, box)
            text = content.photo_note or tr("No photo")
            self._text(page, text, (box[0] + 4, _TOP + 4, width - 8, 20), size=9, colour=_GREY)
            return
        local = QgsCoordinateReferenceSystem()
        layer.setCrs(local)
        outlines = _outline_layer(content.in_photo, local, numbered=content.numbered)
        item = self._map_item(page, box, [outlines, layer], layer.extent(), local)
        item.setBackgroundColor(QColor(240, 242, 244))
        self._text(
            page, content.photo_note, (_MARGIN, _BOTTOM + 0.8, width, 4), size=7, colour=_GREY
        )

    def _add_map(self, page: int, content: ReportPage, left: float, width: float) -> None:
        extent = QgsRectangle()
        extent.setMinimal()
        for _, geometry in content.on_map:
            extent.combineExtentWith(geometry.boundingBox())
        extent, step = _map_extent(extent)
        outlines = _outline_layer(content.on_map, self._crs, numbered=content.numbered)
        box = (left, _TOP, width, _BOTTOM - _TOP)
        item = self._map_item(page, box, [outlines, *self._ground], extent, self._crs)
        _add_grid(item, step)
        bar = QgsLayoutItemScaleBar(self.layout)
        bar.setStyle("Single Box")
        bar.setLinkedMap(item)
        bar.applyDefaultSize(QgsUnitTypes.DistanceUnit.DistanceMeters)
        bar.setHeight(1.5)
        bar.setTextFormat(_text_format(7))
        bar.setBackgroundEnabled(True)
        bar.setBackgroundColor(QColor(255, 255, 255, 210))
        self._place(bar, page, (left + width - 42, _BOTTOM - 11, 40, 9))
        text = self._crs.description() or self._crs.authid()
        note = tr("Map: {}, grid north up").format(text)
        self._text(page, note, (left, _BOTTOM + 0.8, width, 4), size=7, colour=_GREY)

    def _add_columns(self, page: int, columns: Sequence[Sequence[tuple[str, str]]]) -> None:
        used = [column for column in columns if column]
        width = (_WIDTH - 2 * _MARGIN) / max(1, len(used))
        for index, column in enumerate(used):
            left, half = _MARGIN + index * width, 0.48 * width
            for row, (name, value) in enumerate(column):
                top = _BOTTOM + 8 + row * _LINE
                self._text(page, name, (left, top, half, _LINE), size=8, colour=_GREY)
                self._text(page, value, (left + half, top, width - half - 2, _LINE), size=8)

    def _map_item(
        self,
        page: int,
        box: tuple[float, float, float, float],
        layers: list[QgsVectorLayer | QgsRasterLayer],
        extent: QgsRectangle,
        crs: QgsCoordinateReferenceSystem,
    ) -> QgsLayoutItemMap:
        self._keep(layers)
        item = QgsLayoutItemMap(self.layout)
        self._place(item, page, box)
        item.setCrs(crs)
        item.setLayers(layers)
        item.setKeepLayerSet(True)
        item.zoomToExtent(extent)
        item.setFrameEnabled(True)
        item.setFrameStrokeColor(_RULE)
        return item

    def _text(
        self,
        page: int,
        text: str,
        box: tuple[float, float, float, float],
        *,
        size: float,
        colour: QColor | None = None,
        bold: bool = False,
    ) -> None:
        label = QgsLayoutItemLabel(self.layout)
        label.setText(text)
        label.setMarginX(0)
        label.setMarginY(0)
        set_label_font(label, _text_format(size, colour, bold=bold))
        self._place(label, page, box)

    def _frame(self, page: int, box: tuple[float, float, float, float]) -> None:
        shape = QgsLayoutItemShape(self.layout)
        shape.setShapeType(QgsLayoutItemShape.Shape.Rectangle)
        shape.setSymbol(_fill_symbol(QColor(240, 242, 244), _RULE, 0.2))
        self._place(shape, page, box)

    def _rule(self, page: int, top: float) -> None:
        shape = QgsLayoutItemShape(self.layout)
        shape.setShapeType(QgsLayoutItemShape.Shape.Rectangle)
        shape.setSymbol(_fill_symbol(_RULE, _RULE, 0.0))
        self._place(shape, page, (_MARGIN, top, _WIDTH - 2 * _MARGIN, 0.2))

    def _place(
        self, item: QgsLayoutItem, page: int, box: tuple[float, float, float, float]
    ) -> None:
        left, top, width, height = box
        item.attemptResize(QgsLayoutSize(width, height))
        item.attemptMove(QgsLayoutPoint(left, top), True, False, page)
        self.layout.addLayoutItem(item)

    def _keep(self, layers: Sequence[QgsVectorLayer | QgsRasterLayer]) -> None:
        new = [layer for layer in layers if layer.id() not in self._project.mapLayers()]
        self._project.addMapLayers(new, False)


def _relief(terrain: QgsRasterLayer) -> list[QgsRasterLayer]:
    """Return layers of an elevation model: contours over shades."""
    layers = []
    for name in ("contours", "shades"):
        layer = QgsRasterLayer(terrain.source(), name, terrain.providerType())
        if not layer.isValid():
            raise IsegError(tr("The terrain model {} cannot be read.").format(terrain.name()))
        layer.setCrs(terrain.crs())
        layer.setResamplingStage(Qgis.RasterResamplingStage.Provider)  # smooth, not in cells
        provider = layer.dataProvider()
        provider.enableProviderResampling(True)
        provider.setZoomedInResamplingMethod(QgsRasterDataProvider.ResamplingMethod.Cubic)
        layers.append(layer)
    contours, shades = layers
    lines = QgsRasterContourRenderer(contours.dataProvider())
    lines.setContourInterval(20)
    lines.setContourIndexInterval(100)
    lines.setContourSymbol(_line_symbol(QColor(120, 90, 60, 110), 0.1))
    lines.setContourIndexSymbol(_line_symbol(QColor(120, 90, 60, 190), 0.25))
    contours.setRenderer(lines)
    hills = QgsHillshadeRenderer(shades.dataProvider(), 1, 315, 45)
    hills.setMultiDirectional(True)
    hills.setOpacity(0.55)
    shades.setRenderer(hills)
    return layers


def _outline_layer(
    outlines: Sequence[tuple[int, QgsGeometry]],
    crs: QgsCoordinateReferenceSystem,
    *,
    numbered: bool,
) -> QgsVectorLayer:
    layer = QgsVectorLayer("MultiPolygon?field=n:integer", "outlines", "memory")
    layer.setCrs(crs)
    features = []
    for number, geometry in outlines:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(geometry)
        feature.setAttribute(0, number)
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    layer.updateExtents()
    symbol = _fill_symbol(QColor(0, 0, 0, 0), QColor(255, 255, 255, 220), 1.0)
    symbol.appendSymbolLayer(_outline_of(_OUTLINE, 0.5))
    layer.renderer().setSymbol(symbol)
    if numbered:
        settings = QgsPalLayerSettings()
        settings.fieldName = "n"
        settings.centroidInside = True
        settings.setFormat(_text_format(9, _OUTLINE, bold=True, halo=True))
        layer.setLabeling(QgsVectorLayerSimpleLabeling(settings))
        layer.setLabelsEnabled(True)
    return layer


def _outline_of(colour: QColor, width: float) -> QgsSimpleFillSymbolLayer:
    layer = QgsSimpleFillSymbolLayer()
    layer.setBrushStyle(Qt.BrushStyle.NoBrush)
    layer.setStrokeColor(colour)
    layer.setStrokeWidth(width)
    return layer


def _fill_symbol(fill: QColor, stroke: QColor, width: float) -> QgsFillSymbol:
    return QgsFillSymbol.createSimple(
        {
            "style": "solid" if fill.alpha() else "no",
            "color": _properties(fill),
            "outline_color": _properties(stroke),
            "outline_style": "solid" if width else "no",
            "outline_width": str(width),
        }
    )


def _line_symbol(colour: QColor, width: float) -> QgsLineSymbol:
    return QgsLineSymbol.createSimple({"color": _properties(colour), "width": str(width)})


def _properties(colour: QColor) -> str:
    return f"{colour.red()},{colour.green()},{colour.blue()},{colour.alpha()}"


def _map_extent(outlines: QgsRectangle) -> tuple[QgsRectangle, float]:
    """Return what the map shows, and the step of its coordinates, of which none is at its edge."""
    wanted, step = max(_LEAST, 1.8 * max(outlines.width(), outlines.height())), 1.0
    while 3.5 * step < wanted:
        step *= 2.5 if str(int(step)).startswith("2") else 2
    x, y = (step * round(value / step) for value in (outlines.center().x(), outlines.center().y()))
    return QgsRectangle.fromCenterAndSize(QgsPointXY(x, y), 4.5 * step, 4.5 * step), step


def _add_grid(item: QgsLayoutItemMap, step: float) -> None:
    """Draw coordinates at the map's frame."""
    grid = QgsLayoutItemMapGrid("grid", item)
    grid.setIntervalX(step)
    grid.setIntervalY(step)
    grid.setStyle(QgsLayoutItemMapGrid.GridStyle.Cross)
    grid.setCrossLength(1.2)
    grid.setAnnotationEnabled(True)
    grid.setAnnotationPrecision(0)
    for side in (
        QgsLayoutItemMapGrid.BorderSide.Left,
        QgsLayoutItemMapGrid.BorderSide.Right,
        QgsLayoutItemMapGrid.BorderSide.Top,
        QgsLayoutItemMapGrid.BorderSide.Bottom,
    ):
        inside = QgsLayoutItemMapGrid.AnnotationPosition.InsideMapFrame
        grid.setAnnotationPosition(inside, side)
        shown = side in (QgsLayoutItemMapGrid.BorderSide.Left, QgsLayoutItemMapGrid.BorderSide.Top)
        if not shown:
            grid.setAnnotationDisplay(QgsLayoutItemMapGrid.DisplayMode.HideAll, side)
    vertical = QgsLayoutItemMapGrid.AnnotationDirection.Vertical
    grid.setAnnotationDirection(vertical, QgsLayoutItemMapGrid.BorderSide.Left)
    grid.setAnnotationTextFormat(_text_format(6, halo=True))
    item.grids().addGrid(grid)


def _text_format(
    size: float, colour: QColor | None = None, *, bold: bool = False, halo: bool = False
) -> QgsTextFormat:
    font = QFont("Sans Serif")
    font.setBold(bold)
    font.setPointSizeF(size)
    text = QgsTextFormat()
    text.setFont(font)
    text.setSize(size)
    text.setSizeUnit(QgsUnitTypes.RenderUnit.RenderPoints)
    text.setColor(colour or QColor(25, 28, 32))
    buffer = QgsTextBufferSettings()
    buffer.setEnabled(halo)
    buffer.setSize(0.7)
    text.setBuffer(buffer)
    return text
