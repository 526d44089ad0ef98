"""A corrected outline that leaves alone what was not corrected."""

from __future__ import annotations

from qgis.core import QgsGeometry

from .geometry import make_valid


def splice(old: QgsGeometry, new: QgsGeometry, zone: QgsGeometry) -> QgsGeometry:
    """Replace an outline by a new one within a zone.

    Parameters
    ----------
    old, new
        Polygons of one CRS.
    zone
        Where they are known to differ; empty where they do not.

    Returns
    -------
    QgsGeometry
        The old outline, and inside the zone the new one. Vertices of the old one outside the zone
        are the same to the last bit; without a zone it is returned unchanged. Where the old one is
        so broken that it cannot be cut, it is repaired before.

    Raises
    ------
    IsegError
        If nothing is left.
    """
    if zone.isEmpty():
        return QgsGeometry(old)
    kept = (old if old.isGeosValid() else old.makeValid()).difference(zone)
    drawn = make_valid(new).intersection(zone)
    return make_valid(kept.combine(drawn) if not kept.isEmpty() else drawn)
