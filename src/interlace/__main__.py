"""`python -m interlace`: the same as the command `interlace`."""

import sys

from interlace.cli import main

sys.exit(main())
