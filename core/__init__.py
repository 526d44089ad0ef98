"""Interactive segmentation of avalanches, without Qt and QGIS.

Relative imports only: the same code is the top-level package ``core`` for scripts and a
sub-package inside the QGIS plugin. Importing this package loads nothing heavy; torch is loaded
by `core.model`, `core.engine` and `core.predictor`.
"""

__version__ = "0.1.0"
