"""GDAL, of which these checks ask nothing."""

from unittest.mock import MagicMock

gdal, ogr, osr = MagicMock(name="gdal"), MagicMock(name="ogr"), MagicMock(name="osr")
