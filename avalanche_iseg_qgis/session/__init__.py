"""The mapped images and their objects, free of QGIS and Qt but for `qt_session`."""
