"""Which requests a route is for, and how often it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlace.errors import UsageError
from interlace.services.http.calls import Call
from interlace.services.http.conditions import Conditions
from interlace.services.http.templates import Template

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Self

    from interlace.services.http.answers import Reply


class Asked:
    """What routes of each kind have in common.

    Args:
        method: in capitals; `*`: any.
        template: its path.
        conditions: what else it asks of a request.

    Attributes:
        calls: the requests it has answered, in the order in which they arrived.
        limit: how many requests it answers, and how many it must; None: any number, and at least one.
        is_optional: whether it need not be asked at all.
    """

    kind = ""
    """What it is called in front of its path; "": by its method."""

    precedence = 0
    """Whatever their paths, routes of a lower one answer first."""

    def __init__(self, method: str, template: Template, conditions: Conditions) -> None:
        self.method = method
        self.template = template
        self.conditions = conditions
        self.calls: list[Any] = []
        self.limit: int | None = None
        self.is_optional = False

    def __repr__(self) -> str:
        about = f" ({self.conditions.shown})" if self.conditions.count else ""
        return f"{self.kind or self.method} {self.template.text}{about}"

    # -- how often -------------------------------------------------------------------------------

    def once(self) -> Self:
        """Answers one request, and must be asked once."""
        return self.times(1)

    def times(self, number: int) -> Self:
        """Answers this many requests, and must be asked as often; later ones it is not for.

        Raises:
            UsageError: not a number from 1 up.
        """
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise UsageError(
                f"route {self}: times({number!r}); give a whole number from 1 up, or leave the route out"
            )
        self.limit = number
        return self

    def optional(self) -> Self:
        """Need not be asked."""
        self.is_optional = True
        return self

    # -- what the fake asks it -------------------------------------------------------------------

    def misses(self, call: Call) -> list[str]:
        """Returns why it is not for a request, a phrase for each reason; none if it is."""
        found = []
        if self.method not in ("*", call.method):
            found.append(f"it is {self.method}, not {call.method}")
        holes = self.template.match(call.raw_path)
        if holes is None:
            found.append(f"the path does not fit {self.template.text}")
        if found:
            return found
        if self.limit is not None and len(self.calls) >= self.limit:
            found.append(f"it has answered {times(self.limit)} already, as often as it may")
        call.path = holes or {}
        return found + self.conditions.misses(call)

    def take(self, call: Call) -> Generator[Any, Any, Reply]:
        """Records a request, and returns the answer to it; yields what is to be awaited for that."""
        raise NotImplementedError

    @property
    def rank(self) -> tuple[Any, ...]:
        """Sorts the routes that are for a request: the first one answers."""
        return (self.template.rank, -self.conditions.count)

    @property
    def likeness(self) -> tuple[Any, ...]:
        """Equal for routes that are for the same requests, but for their conditions."""
        return (self.kind, self.method, self.template.shape)

    @property
    def wants(self) -> str:
        """What it still wants when the test is over, in words; "" if nothing."""
        if self.is_optional and not self.calls:
            return ""
        if self.limit is not None and len(self.calls) < self.limit:
            return f"{self} was asked {times(len(self.calls))}, not {times(self.limit)}"
        return "" if self.calls else f"{self} was never asked"


def times(number: int) -> str:
    """Returns a number of times in words."""
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")
