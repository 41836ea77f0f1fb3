"""Whose code is it: the user's own, or a library's.

The user's own code is what lies outside the standard library, outside every `site-packages` and
outside interlace. Stories, signatures of failures and blind faults look at nothing else.
"""

from __future__ import annotations

import os
import sys
from functools import cache, lru_cache
from os.path import abspath, realpath  # by name: who looks for blocking calls puts others into their place
from types import FrameType, TracebackType

from interlace.model.trace import Place


def _spellings(path: str) -> tuple[str, str]:
    """Returns a path as it is reached, and as it is when all links are followed: either may tell whose it is."""
    return abspath(path), realpath(path)


_PACKAGE = tuple({os.path.dirname(os.path.dirname(path)) + os.sep for path in _spellings(__file__)})


@cache
def _libraries() -> tuple[str, ...]:
    """Returns the directories of the standard library and of what is installed, when they are first asked for."""
    import sysconfig  # it takes long to import, and a test that passes needs none of this

    paths = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    found = {spelling + os.sep for path in paths if path for spelling in _spellings(path)}
    return (*found, os.path.dirname(os.path.realpath(os.__file__)) + os.sep)


@lru_cache(maxsize=4096)
def is_user_file(filename: str) -> bool:
    """Tells whether this file is the user's own code."""
    if filename.startswith("<"):
        return not filename.startswith("<frozen") and filename != "<string>"
    for path in _spellings(filename):
        parts = path.split(os.sep)
        if "site-packages" in parts or "dist-packages" in parts:
            return False
        if path.startswith(_PACKAGE + _libraries()):
            return False
    return True


@lru_cache(maxsize=4096)
def is_own_file(filename: str) -> bool:
    """Tells whether this file is a part of interlace."""
    return any(path.startswith(_PACKAGE) for path in _spellings(filename))


def line_of(traceback: TracebackType) -> int:
    """Returns the line of an entry; that where its function begins if it has none.

    A signal can raise at an instruction that belongs to no line, as some do that the compiler adds (PEP 626).
    """
    return traceback.tb_lineno or traceback.tb_frame.f_code.co_firstlineno


def with_lines(traceback: TracebackType | None) -> TracebackType | None:
    """Returns a traceback each entry of which has a line: the same one, as nearly always, or a copy."""
    entries: list[TracebackType] = []
    entry = traceback
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    if all(entry.tb_lineno is not None for entry in entries):
        return traceback
    found: TracebackType | None = None
    for entry in reversed(entries):
        found = TracebackType(found, entry.tb_frame, entry.tb_lasti, line_of(entry))
    return found


def place_of(frame: FrameType) -> Place:
    """Returns the line that this frame is at."""
    code = frame.f_code
    return Place(code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_name)


def last_user_place(traceback: TracebackType | None) -> Place | None:
    """Returns the innermost line of the user's own code in a traceback; None if there is none."""
    found = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_user_file(code.co_filename):
            found = Place(code.co_filename, line_of(traceback), code.co_name)
        traceback = traceback.tb_next
    return found


def caller_is_user() -> bool:
    """Tells whether what called into interlace was the user's code, directly or through asyncio.

    Frames of interlace that are nearest to the caller are left out, then those of asyncio. A frame
    of interlace further out is the loop itself: nobody of the user's is behind it.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_own_file(frame.f_code.co_filename):
        frame = frame.f_back
    while frame is not None and is_loop_file(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and is_user_file(frame.f_code.co_filename)


@lru_cache(maxsize=4096)
def is_loop_file(filename: str) -> bool:
    """Tells whether this file is asyncio's own, or of what stands between asyncio and a caller."""
    directory = os.path.dirname(os.path.realpath(filename))
    return os.path.basename(directory) == "asyncio" and directory.startswith(_libraries())


def user_call_site() -> Place | None:
    """Returns the nearest line of the user's own code on the current stack; None if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_user_file(frame.f_code.co_filename):
            return place_of(frame)
        frame = frame.f_back
    return None


def show_place(place: Place) -> str:
    """Words a place as `file.py:12`, relative to the working directory where that is shorter."""
    return f"{show_path(place.file)}:{place.line}"


def show_path(filename: str) -> str:
    """Words a path relative to the working directory where that is shorter."""
    try:
        relative = os.path.relpath(filename)
    except ValueError:  # another drive on Windows
        return filename
    return relative if len(relative) < len(filename) else filename
