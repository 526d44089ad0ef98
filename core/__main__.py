"""`python -m core`: see `core.commands`."""

import sys

from .commands import main

sys.exit(main())
