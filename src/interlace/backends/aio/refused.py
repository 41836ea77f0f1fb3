"""What of the loop reaches outside and is not simulated: refused by name, with a remedy.

Removing what cannot have been added is not an error; it answers False as on the stock loop.
"""

from __future__ import annotations

import asyncio
import os
import sys
from types import FrameType
from typing import Any, NoReturn

from interlace.errors import NotSimulated
from interlace.model.source import is_user_file, place_of, show_place

_LOOP_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "loop.py")

_FAKE = "Put a fake in its place"
DESCRIPTORS = (
    "A library that drives its own descriptors cannot be simulated on the wire: fake the object "
    "that uses it, or choose a client that uses asyncio's transports"
)


def refuse(api: str, remedy: str) -> NoReturn:
    """Raises `NotSimulated` for this API, at the nearest line of the user's code.

    Raises:
        NotSimulated: always.
    """
    raise NotSimulated(api, _call_site(), f"{remedy}.")


def _call_site() -> str | None:
    """Returns the nearest line of the user's code in the running step; None if it has none.

    What stands below the step is whoever started the run, and has nothing to do with it.
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        if code.co_filename == _LOOP_FILE and code.co_name.startswith("_run"):
            return None
        if is_user_file(code.co_filename):
            return show_place(place_of(frame))
        frame = frame.f_back
    return None


class Refused(asyncio.BaseEventLoop):
    """The part of the loop that says no."""

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises NotSimulated: processes."""
        refuse("loop.subprocess_shell", f"{_FAKE} of the function that starts the process")

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises NotSimulated: processes."""
        refuse("loop.subprocess_exec", f"{_FAKE} of the function that starts the process")

    def add_signal_handler(self, sig: int, callback: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        """Raises NotSimulated, which is a NotImplementedError as on Windows: libraries are used to it."""
        refuse(
            "loop.add_signal_handler", "Call what the handler would do from the test, or set an asyncio.Event"
        )

    def remove_signal_handler(self, sig: int) -> bool:
        """Returns False: nothing can have been added."""
        return False
