"""interlace tests async Python: it runs the test, controls time, fakes slow things, tries the orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlace import untouched  # noqa: F401  (keeps what it finds)
from interlace.errors import (
    BadCall,
    BadToken,
    BlockingCallWarning,
    BrokenContract,
    Deadlock,
    Diverged,
    HostCrashed,
    Hung,
    InterlaceError,
    LifespanFailed,
    NoTape,
    NotSimulated,
    OutOfOrder,
    Runaway,
    StaleTape,
    Standstill,
    TornTape,
    UnexpectedCall,
    UnexpectedMessage,
    UnmatchedRequest,
    UnusedRoute,
    UsageError,
)

if TYPE_CHECKING:
    from interlace.api import (
        AsyncMock,
        Failure,
        MagicMock,
        Outcome,
        Result,
        Schedule,
        Verdict,
        World,
        after,
        explore,
        fault,
        in_order,
        new_event_loop,
        patch,
        replay,
        reply,
        run,
        ws,
    )
    from interlace.plugin.declare import fixture

__version__ = "0.1.0"

__all__ = [
    "AsyncMock",
    "BadCall",
    "BadToken",
    "BlockingCallWarning",
    "BrokenContract",
    "Deadlock",
    "Diverged",
    "Failure",
    "HostCrashed",
    "Hung",
    "InterlaceError",
    "LifespanFailed",
    "MagicMock",
    "NoTape",
    "NotSimulated",
    "OutOfOrder",
    "Outcome",
    "Result",
    "Runaway",
    "Schedule",
    "StaleTape",
    "Standstill",
    "TornTape",
    "UnexpectedCall",
    "UnexpectedMessage",
    "UnmatchedRequest",
    "UnusedRoute",
    "UsageError",
    "Verdict",
    "World",
    "__version__",
    "after",
    "explore",
    "fault",
    "fixture",
    "in_order",
    "new_event_loop",
    "patch",
    "replay",
    "reply",
    "run",
    "ws",
]


def __getattr__(name: str) -> Any:
    """Loads what is more than an error when it is first asked for: pytest imports this package in every session."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "fixture":  # the only one that needs pytest
        from interlace.plugin import declare as home
    else:
        from interlace import api as home  # type: ignore[no-redef]

    value = globals()[name] = getattr(home, name)
    return value
