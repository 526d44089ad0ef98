"""The dock *Series*: the filmstrip, what is noted of the open photo, and which photos are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..core.series import Look, PhotoState
from ..gui.widgets import fit_width, menu_button, tool_button, wide_area
from ..i18n import tr
from .browser import PhotoFilter, time_of
from .carried_row import CarriedRow
from .filmstrip import Filmstrip, look_label, look_menu, state_label
from .timeline import DayTimeline

if TYPE_CHECKING:
    from .browser import SeriesBrowser

_PLACE_WIDTH = 360  # pixels, of the text about the open photo


class SeriesDock(QgsDockWidget):
    """Dock along the lower edge of the window.

    Signals
    -------
    filter_changed
        (PhotoFilter) by the user.
    look_chosen
        (Look) of the open photo, by the user.

    Attributes
    ----------
    carried
        Row for the outlines of earlier photos.
    """

    filter_changed = pyqtSignal(object)
    look_chosen = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Series"), parent)
        self.setObjectName("AvalancheISegSeries")
        self.open_folder = tool_button(
            tr("Folder…"), tr("Open a folder of webcam photos, with all folders in it")
        )
        self.previous = tool_button(tr("Previous"), tr("Open the photo before"))
        self.next = tool_button(tr("Next"), tr("Open the next photo"))
        self.nothing = tool_button(
            tr("Nothing released"), tr("Note that no avalanche is in this photo, and go on")
        )
        self.hidden = tool_button(
            tr("Could not see"), tr("Note that the slopes cannot be seen in this photo, and go on")
        )
        self.finish = tool_button(
            tr("Finish and next"),
            tr("Finish the avalanche, save, and open the next photo that nobody has looked at"),
        )
        self.skip = tool_button(
            tr("Skip"),
            tr("Next and Previous pass over photos that the screening found useless"),
            checkable=True,
        )
        self.skip.setChecked(settings.SERIES_SKIP.get())
        self.screen = tool_button(
            tr("Screen"),
            tr("Tell night, fog, snow on the lens and the like, in the background; again: stop"),
            checkable=True,
        )
        self.screening = QProgressBar()
        self.screening.setTextVisible(False)
        self.screening.setFixedWidth(90)
        self.carried = CarriedRow()
        self.menu = QMenu(self)
        self.looks = look_menu(self.menu, self.look_chosen.emit)
        self.menu.addMenu(self.looks)
        self.more = menu_button(tr("More"), tr("Tables, release times, new photos"), self.menu)
        self.camera, self.day, self.state = QComboBox(), QComboBox(), QComboBox()
        self.usable_only = QCheckBox(tr("Without night, fog …"))
        self.usable_only.setToolTip(
            tr("Pass over photos that the screening found useless; the choice is yours")
        )
        self.filmstrip = Filmstrip()
        self.timeline = DayTimeline()
        self.progress, self.place = QLabel(), QLabel()
        for combo, tip in (
            (self.camera, tr("Show the photos of this camera")),
            (self.day, tr("Show the photos of this day")),
            (self.state, tr("Show the photos with this state")),
        ):
            combo.setToolTip(tip)
            fit_width(combo)
            combo.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            combo.activated.connect(lambda _: self._on_filter())
        self.usable_only.clicked.connect(lambda _: self._on_filter())
        # However long these texts are, they do not widen the window.
        self.progress.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.place.setMaximumWidth(_PLACE_WIDTH)
        above, between, below = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        ways = self.open_folder, self.previous, self.next, self.skip
        for part in (*ways, self.nothing, self.hidden, self.finish, self.more):
            above.addWidget(part)
        above.addStretch(1)
        between.addWidget(self.carried)
        between.addStretch(1)
        below.addWidget(self.progress, 1)
        filters = self.camera, self.day, self.state, self.usable_only
        for part in (self.screening, self.screen, *filters):
            below.addWidget(part)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(2)
        column.addLayout(above)
        column.addLayout(between)
        column.addWidget(self.filmstrip)
        day = QHBoxLayout()
        day.addWidget(self.place)
        day.addWidget(self.timeline, 1)
        column.addLayout(day)
        column.addLayout(below)
        # Its height stays, whatever is carried, and the rest is the map's.
        between.addStrut(self.carried.accept.sizeHint().height())
        self.setWidget(wide_area(content))
        self.show_screening(0, 0)
        self.show_series(None)

    def show_series(self, browser: SeriesBrowser | None) -> None:
        """Show another series, or none."""
        self._fill(self.camera, tr("All cameras"), browser.cameras() if browser else [])
        self._fill(self.day, tr("All days"), browser.days() if browser else [])
        self.state.clear()
        self.state.addItem(tr("All states"), None)
        for state in PhotoState:
            self.state.addItem(state_label(state), state.value)
        self.show_photos(browser)

    def show_photos(self, browser: SeriesBrowser | None) -> None:
        """Show which photos are shown now."""
        self.filmstrip.photos.show(browser)
        self.show_current(browser)

    def show_days(self, days: list[str]) -> None:
        """Offer other days; the one that is chosen stays if it is among them."""
        chosen = self.day.currentData()
        self._fill(self.day, tr("All days"), days)
        self.day.setCurrentIndex(max(0, self.day.findData(chosen)))

    def show_current(self, browser: SeriesBrowser | None) -> None:
        """Show which photo is open, and what is noted of it and of all."""
        photo = browser.current if browser else None
        self.filmstrip.show_current(photo)
        self.timeline.show_day(browser)
        for button in (self.nothing, self.hidden, self.finish, self.looks):
            button.setEnabled(photo is not None)
        self.screen.setEnabled(browser is not None)
        self.previous.setEnabled(bool(browser and browser.next(-1)))
        self.next.setEnabled(bool(browser and browser.next()))
        for part in (self.usable_only, self.skip):
            part.setVisible(bool(browser and browser.is_screened))
        place = ""
        if browser is not None and photo is not None:
            noted = state_label(browser.state_of(photo), browser.count_of(photo))
            look = browser.look_of(photo)
            if look not in (None, Look.CLEAR):
                noted = f"{noted}, {look_label(look)}"
            place = tr("{}, {}: {}").format(photo.camera, time_of(photo), noted)
        self.place.setText(place)
        self.place.setToolTip(place)
        self.progress.setText(_progress_text(browser))
        self.progress.setToolTip(_counts_text(browser) if browser else self.progress.text())
        self.progress.setMinimumWidth(self.progress.sizeHint().width() if browser else 0)

    def show_screening(self, done: int, total: int) -> None:
        """Show how far the screening is; nothing of it for a total of 0."""
        self.screening.setVisible(total > 0)
        self.screening.setRange(0, max(total, 1))
        self.screening.setValue(done)
        self.screening.setToolTip(tr("{} of {} photos are screened").format(done, total))
        self.screen.setChecked(total > 0)

    def _on_filter(self) -> None:
        state = self.state.currentData()
        self.filter_changed.emit(
            PhotoFilter(
                self.camera.currentData() or "",
                self.day.currentData() or "",
                PhotoState(state) if state else None,
                self.usable_only.isChecked(),
            )
        )

    @staticmethod
    def _fill(combo: QComboBox, everything: str, names: list[str]) -> None:
        combo.clear()
        combo.addItem(everything, "")
        for name in names:
            combo.addItem(name, name)


def _progress_text(browser: SeriesBrowser | None) -> str:
    if browser is None:
        return tr("Open a folder of webcam photos: they are looked through one by one.")
    left = browser.progress()[PhotoState.UNSEEN]
    return tr("{} of {} photos left").format(left, len(browser.shown))


def _counts_text(browser: SeriesBrowser) -> str:
    counts, total = browser.progress(), len(browser.shown)
    return tr("{} photos, {} left; with avalanches {}, without {}, could not see {}").format(
        total,
        counts[PhotoState.UNSEEN],
        counts[PhotoState.AVALANCHES],
        counts[PhotoState.NOTHING],
        counts[PhotoState.HIDDEN],
    )
