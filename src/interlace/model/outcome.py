"""The outcome of one run, taken before anything is torn down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from interlace.errors import InterlaceError
from interlace.model.choice import ChoicePoint
from interlace.model.schedule import Recipe, Schedule
from interlace.model.source import last_user_place
from interlace.model.trace import Passage, Trace

TOKEN_FILES = ".interlace/tokens"
"""The directory in which tokens are kept that are too long to be typed."""

TOKEN_LENGTH = 100
"""A token longer than this is too long to be typed."""


class Signature(NamedTuple):
    """What makes two failures the same failure.

    Args:
        type: the qualified name of the exception's class.
        shape: its message with numbers, addresses and quoted values taken out.
        line: the user's line that raised it, as (file, line); None if none did.
    """

    type: str
    shape: str
    line: tuple[str, int] | None


@dataclass(frozen=True)
class Outcome:
    """What came of one run.

    Args:
        recipe: how to run it again.
        points: the questions that were asked, and `answers` what was answered.
        asking_steps: for each question the step during or after which it was asked.
        trace: what happened.
        value: what the program returned; None if it failed.
        error: what it raised; None if it passed.
        elapsed: virtual seconds.
        interrupted: it ended with a CancelledError that an injected cancellation led to.
        injected: the faults that were injected, worded.
        background: what went wrong outside of the test's own task, worded.
        passages: the user's lines by step; empty unless a story was asked for.
        names: what the user would call each task of the passages, by its path.
        asserted: the values in the assertion that failed, as `expression = value`; told with passages.
    """

    recipe: Recipe
    points: Sequence[ChoicePoint]
    answers: tuple[int, ...]
    asking_steps: tuple[int, ...]
    trace: Trace
    value: Any
    error: BaseException | None
    elapsed: float
    interrupted: bool = False
    injected: tuple[str, ...] = ()
    background: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = field(default=(), repr=False)
    names: Mapping[str, str] = field(default_factory=dict, repr=False)
    asserted: tuple[str, ...] = ()

    @property
    def schedule(self) -> Schedule:
        """The answers, without trailing zeros."""
        return self.recipe.schedule

    @property
    def token(self) -> str:
        """What `interlace.replay` takes to do the same again."""
        return replace(self.recipe, fingerprint=self.trace_hash[:8]).token

    @property
    def trace_hash(self) -> str:
        """Equal for two runs if and only if the same happened in them."""
        return self.trace.hash

    @property
    def token_file(self) -> str:
        """Where a token that is too long to be typed is kept, relative to the working directory."""
        return f"{TOKEN_FILES}/{self.trace_hash[:12]}"

    @property
    def failed(self) -> bool:
        """Whether the program raised an error."""
        return self.error is not None

    @property
    def signature(self) -> Signature | None:
        """What makes this failure this failure; None if the run passed."""
        return None if self.error is None else sign(self.error)


def innermost(error: BaseException) -> BaseException:
    """Returns the first leaf of an exception group, else the error itself."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error


def sign(error: BaseException) -> Signature:
    """Returns the signature of an error."""
    leaf = innermost(error)
    place = last_user_place(leaf.__traceback__) or last_user_place(error.__traceback__)
    kind = type(leaf)
    # Below the first line of a message stand differences and values; a deadlock's lines say who is stuck.
    message = str(leaf) if isinstance(leaf, InterlaceError) else str(leaf).partition("\n")[0]
    return Signature(
        f"{kind.__module__}.{kind.__qualname__}", shape(message), (place.file, place.line) if place else None
    )


def shape(message: str) -> str:
    """Takes out of a message what differs between two tellings of the same failure.

    Numbers, addresses and quoted values go, and so does the punctuation of the containers that they
    stood in: the same assertion fails with a longer list or with a shorter one.
    """
    message = re.sub(r"0x[0-9a-fA-F]+", "#", message)
    message = re.sub(r"b?'[^'\n]*'|b?\"[^\"\n]*\"", "#", message)
    message = re.sub(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", "#", message)
    return re.sub(r"[\[({\s]*#[\])}\s,:#\[({-]*", " # ", message)[:500]


class Ending(NamedTuple):
    """How a program ended, as its backend saw it.

    Args:
        value: what it returned.
        error: what it raised; None if it passed or was interrupted.
        interrupted: it ended with a CancelledError that an injected cancellation led to.
        background: what went wrong outside of its own task, worded.
        names: what the user would call each task, by its path; told where passages are recorded.
        asserted: the values in the assertion that failed, likewise.
    """

    value: Any
    error: BaseException | None
    interrupted: bool
    background: tuple[str, ...]
    names: Mapping[str, str] = MappingProxyType({})
    asserted: tuple[str, ...] = ()
