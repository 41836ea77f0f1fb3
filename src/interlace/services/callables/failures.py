"""Failures that calls to a fake may meet, as explored choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from interlace.errors import UsageError
from interlace.services.callables.answers import Answer, check_error
from interlace.services.callables.faults import check_fault
from interlace.services.callables.wording import nearest, show
from interlace.sim.network.fault import Fault

if TYPE_CHECKING:
    from interlace.sim.world import World

Fail = Mapping[str, Any] | Sequence[Any] | type[Exception] | Exception | Fault | None
"""Errors and faults by the names of methods, or those that each method may meet."""


class Failures:
    """The failures of one fake: at most so many in a run.

    Args:
        at_most: how many.
    """

    def __init__(self, at_most: int) -> None:
        self._at_most = self._left = at_most

    def renew(self) -> None:
        """Has as many failures to give as in the beginning."""
        self._left = self._at_most

    def draw(self, world: World | None, name: str, number: int, errors: Sequence[Any]) -> Answer | None:
        """Asks whether a call fails, and returns what it fails with; None: it does not.

        Args:
            world: where it is made; None: in none, where nothing fails.
            name: what is called.
            number: the how-manieth call it is.
            errors: what it may fail with.
        """
        if world is None or not errors or not self._left or world.closed:
            return None
        which = f"{name} (call {number})"
        told = [("meets" if isinstance(one, Fault) else "raises", _show(one)) for one in errors]
        options = ("answers", *(f"{verb} {text}" for verb, text in told))
        sentences = (f"{which} must answer", *(f"{which} must {verb[:-1]} {text}" for verb, text in told))
        answer = world.fault(name, options, sentences)
        if not answer:
            return None
        self._left -= 1
        error = errors[answer - 1]
        return Answer(error, "fault" if isinstance(error, Fault) else "raised")


def read_failures(
    fail: Fail, at_most: int, names: Mapping[str, bool], owner: str, *, is_function: bool
) -> dict[str, tuple[Any, ...]]:
    """Returns the errors by the names of the methods which may raise them.

    Args:
        fail: what the test says.
        at_most: how many failures a run may have.
        names: those of the methods, and whether they are async: errors without names are for these, or for all
            if none is.
        owner: what the fake stands for.
        is_function: whether that is a function.

    Raises:
        UsageError: a method that there is not, or what cannot be raised.
    """
    if isinstance(at_most, bool) or not isinstance(at_most, int) or at_most < 1:
        raise UsageError(
            f"at_most={at_most!r}: give how many failures a run may have, a whole number from 1 up"
        )
    if fail is None:
        return {}
    if not isinstance(fail, Mapping):
        public = [name for name in names if is_function or not name.startswith("_")]
        meant = [name for name in public if names[name]] or public
        return dict.fromkeys(meant, _errors(fail, f"fail={show(fail)}", all(names[name] for name in meant)))
    if is_function:
        raise UsageError(f"fail={show(fail)}: {owner} is a function; give a list of errors without names")
    found = {}
    for name, given in fail.items():
        if name not in names:
            raise UsageError(f"fail has {name!r}, which is no method of {owner}{nearest(str(name), names)}")
        found[name] = _errors(given, f"fail[{name!r}]", names[name])
    return found


def _errors(given: Any, where: str, takes_time: bool) -> tuple[Any, ...]:
    single = isinstance(given, (type, Exception, Fault))
    if isinstance(given, (str, bytes)) or not (single or isinstance(given, Sequence)):
        raise UsageError(f"{where}: give a list of exceptions, such as [TimeoutError]")
    listed = [given] if single else list(given)
    if not listed:
        raise UsageError(f"{where} is empty: give at least one exception, or leave it out")
    return tuple(
        check_fault(one, takes_time, where) if isinstance(one, Fault) else check_error(one, where)
        for one in listed
    )


def _show(error: Any) -> str:
    return error.__name__ if isinstance(error, type) else show(error)
