"""``python -m app.cli``: the same as ``customhouse``."""

import sys

from app.cli import main

sys.exit(main())
