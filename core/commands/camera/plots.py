"""Plots of residuals, of the skyline, and of drift."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...camera import Camera, CameraRecord, PointFit
from ...errors import IsegError, write_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...projection.viewshed import Viewshed
    from ...series.views import SeriesPose

_INCHES = 12.0  # width of a figure
_LONGEST_ARROW = 0.08  # of the photo's width
_PHOTO_WIDTH = 2000  # pixels of the photo drawn, at most


def plot_residuals(path: Path, photo: NDArray[np.uint8] | None, record: CameraRecord) -> None:
    """Plot the control points and their residuals, magnified, on a photo (H, W, 3), to a PNG.

    Raises
    ------
    IsegError
        If there are no points, matplotlib is missing, or the file cannot be written.
    """
    if not record.points:
        raise IsegError(
            "This camera holds no control points, so there are no residuals to draw: give a "
            "camera of `camera solve`, or a table of control points."
        )
    figure, axes = _make_figure(record.camera, photo)
    kinds = {
        "used": [fit for fit in record.points if fit.point.use and not fit.suspect],
        "not used": [fit for fit in record.points if not fit.point.use and not fit.suspect],
        "suspect": [fit for fit in record.points if fit.suspect],
    }
    times = _magnification(record.points, record.camera.width)
    for (kind, fits), colour in zip(kinds.items(), ("lime", "deepskyblue", "red"), strict=True):
        if fits:
            _draw_points(axes, fits, times, kind, colour)
    rms = "" if record.rms_px is None else f", rms {record.rms_px:.2f} px"
    loo = "" if record.loo_rms_px is None else f", left out {record.loo_rms_px:.2f} px"
    axes.set_title(f"{record.name or 'Camera'}: residuals x {times:g}{rms}{loo}")
    axes.legend(loc="upper right")
    _save(figure, path)


def plot_skyline(path: Path, photo: NDArray[np.uint8] | None, viewshed: Viewshed) -> None:
    """Plot the terrain's skyline and ridges on a photo (H, W, 3), to a PNG."""
    camera = viewshed.record.camera
    figure, axes = _make_figure(camera, photo)
    for number, line in enumerate(viewshed.ridges()):
        label = "ridges of the DEM" if number == 0 else None
        axes.plot(line[:, 0], line[:, 1], color="orange", linewidth=0.8, label=label)
    rows = viewshed.skyline_rows()
    axes.plot(np.arange(len(rows)), rows, color="red", linewidth=1, label="skyline of the DEM")
    shown = [fit for fit in viewshed.record.points if fit.point.use]
    if shown:
        pixels = np.array([(fit.point.u, fit.point.v) for fit in shown])
        axes.plot(*pixels.T, "+", color="lime", markersize=9, label="control points")
    axes.set_title(f"{viewshed.record.name or 'Camera'}: ridges and skyline of the DEM")
    axes.legend(loc="upper right")
    _save(figure, path)


def plot_drift(path: Path, poses: Sequence[SeriesPose]) -> None:
    """Plot how far the camera has turned in each photo since the reference of its view, to a PNG.

    Raises
    ------
    IsegError
        If matplotlib is missing, or the file cannot be written.
    """
    figure, axes = _new_figure(5.0)
    posed = [pose for pose in poses if pose.camera is not None]
    for view in sorted({pose.view for pose in posed}):
        here = [pose for pose in posed if pose.view == view]
        times = [pose.photo.time for pose in here]
        for index, (name, colour) in enumerate((("yaw", "tab:blue"), ("pitch", "tab:orange"))):
            angles = [pose.drift[index] for pose in here]
            label = name if view == posed[0].view else None
            axes.plot(times, angles, ".-", color=colour, linewidth=0.6, markersize=4, label=label)
        axes.axvline(times[0], color="gray", linewidth=0.6)
        axes.annotate(f"view {view}", (times[0], 1), xycoords=("data", "axes fraction"))
    axes.set(xlabel="UTC", ylabel="turned since the reference of the view (degrees)")
    if posed:
        axes.legend(loc="lower left")
    _save(figure, path)


def _make_figure(camera: Camera, photo: NDArray[np.uint8] | None) -> tuple[Any, Any]:
    """Make a figure without a window system, with axes in the camera's pixels."""
    figure, axes = _new_figure(max(3.0, _INCHES * camera.height / camera.width))
    extent = (-0.5, camera.width - 0.5, camera.height - 0.5, -0.5)
    if photo is not None:
        step = max(1, photo.shape[1] // _PHOTO_WIDTH)
        axes.imshow(photo[::step, ::step], extent=extent)
    axes.set(xlim=extent[:2], ylim=extent[2:], aspect="equal", xlabel="u (px)", ylabel="v (px)")
    return figure, axes


def _new_figure(height: float) -> tuple[Any, Any]:
    """Make a figure of a height in inches, and its axes."""
    try:
        # Not pyplot: it looks for a display and keeps every figure.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise IsegError("Plots need matplotlib: pip install matplotlib.") from error
    figure = Figure(figsize=(_INCHES, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _magnification(fits: Sequence[PointFit], width: int) -> float:
    """Return the magnification of residuals: 1, 2, 5, 10, ... at most 100."""
    sizes = np.hypot(*np.array([(fit.residual_u, fit.residual_v) for fit in fits]).T)
    longest = float(np.nanmax(sizes, initial=1e-3))
    steps = (100, 50, 20, 10, 5, 2)
    return next((step for step in steps if longest * step < _LONGEST_ARROW * width), 1)


def _draw_points(
    axes: Any,  # noqa: ANN401
    fits: Sequence[PointFit],
    times: float,
    kind: str,
    colour: str,
) -> None:
    pixels = np.array([(fit.point.u, fit.point.v) for fit in fits])
    arrows = np.array([(fit.residual_u, fit.residual_v) for fit in fits]) * times
    axes.plot(*pixels.T, "o", color=colour, fillstyle="none", label=f"{kind} ({len(fits)})")
    axes.quiver(
        *pixels.T, *arrows.T, color=colour, angles="xy", scale_units="xy", scale=1, width=2e-3
    )
    for fit in fits:
        axes.annotate(
            fit.point.name,
            (fit.point.u, fit.point.v),
            xytext=(5, 5),
            textcoords="offset points",
            color=colour,
        )


def _save(figure: Any, path: Path) -> None:  # noqa: ANN401
    with write_errors(path):
        figure.savefig(path, dpi=120)
