"""The client of the worker over Qt 6's QProcess: the tests that it passes inside QGIS."""

from test_worker import *  # noqa: F403

# What needs the installed plugin, GDAL, or a machine with nothing else to do.
del test_find_interpreter, test_no_interpreter_chosen  # noqa: F821
del test_predicts_on_a_photo, test_event_loop_is_not_held_up  # noqa: F821
