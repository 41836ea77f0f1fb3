"""How calls and values are worded: without addresses, which differ from run to run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

_ADDRESS = re.compile(r"(?: at)? 0x[0-9a-fA-F]+")
_LONGEST = 120


def show(value: object) -> str:
    """Words a value as `repr` does, in short and without addresses."""
    try:
        text = _ADDRESS.sub("", repr(value))
    except Exception as error:  # a __repr__ of the user's
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def show_call(name: str, args: Iterable[Any], kwargs: Mapping[str, Any]) -> str:
    """Words a call as one writes it."""
    return (
        f"{name}({', '.join([*map(show, args), *(f'{key}={show(value)}' for key, value in kwargs.items())])})"
    )


def without_addresses(text: str) -> str:
    """Takes addresses out of a text."""
    return _ADDRESS.sub("", text)


def nearest(name: str, names: Iterable[str]) -> str:
    """Words which of these names come near another, as the end of a sentence; "" if there are none at all."""
    known = [one for one in names if not one.startswith("_")] or list(names)
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    if not known:
        return ""
    return f"; there are {', '.join(map(repr, sorted(known)[:8]))}{' and others' if len(known) > 8 else ''}"
