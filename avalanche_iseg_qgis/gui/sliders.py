"""A slider with a field for its value."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSlider, QWidget


class ValueSlider(QWidget):
    """Input of a number in a range, by slider or by typing.

    Parameters
    ----------
    low, high, step
        Range and smallest change.
    decimals, suffix
        Format of the number.
    """

    changed = pyqtSignal(float)
    released = pyqtSignal()

    def __init__(
        self, low: float, high: float, step: float, decimals: int = 2, suffix: str = ""
    ) -> None:
        super().__init__()
        self._step = step
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # the mouse takes no keys from the map
        self.slider.setRange(round(low / step), round(high / step))
        self.spin = QDoubleSpinBox()
        self.spin.setRange(low, high)
        self.spin.setSingleStep(step)
        self.spin.setDecimals(decimals)
        self.spin.setSuffix(suffix)
        self.spin.setKeyboardTracking(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self.spin)
        self.slider.valueChanged.connect(lambda place: self.spin.setValue(place * self._step))
        self.slider.sliderReleased.connect(self.released)
        self.spin.valueChanged.connect(self._on_value)
        self.spin.editingFinished.connect(self.released)

    @property
    def value(self) -> float:
        """The number."""
        return self.spin.value()

    @value.setter
    def value(self, value: float) -> None:
        self.spin.setValue(value)

    def _on_value(self, value: float) -> None:
        blocked = self.slider.blockSignals(True)  # its steps are coarser than typed numbers
        self.slider.setValue(round(value / self._step))
        self.slider.blockSignals(blocked)
        self.changed.emit(value)
