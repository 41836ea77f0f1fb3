"""interlace tests async Python: it runs the test, controls time, fakes slow things, tries the orders."""

from interlace.api import Failure, Outcome, Result, Schedule, Verdict, World, explore, new_event_loop, replay, run
from interlace.errors import BadToken, Deadlock, Diverged, InterlaceError, NotSimulated, Runaway, UsageError

__version__ = "0.1.0"

__all__ = [
    "BadToken",
    "Deadlock",
    "Diverged",
    "Failure",
    "InterlaceError",
    "NotSimulated",
    "Outcome",
    "Result",
    "Runaway",
    "Schedule",
    "UsageError",
    "Verdict",
    "World",
    "__version__",
    "explore",
    "new_event_loop",
    "replay",
    "run",
]
