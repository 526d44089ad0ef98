"""The models that a user can choose, and their download through QGIS: no widgets here."""
