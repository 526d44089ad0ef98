from unittest.mock import MagicMock

iface, plugins = MagicMock(), {}
