"""What may go wrong on the wire, as a value: the same in an answer of a fake, on a service and on a link.

The names are those of Toxiproxy's toxics, and of WireMock's faults where Toxiproxy has none. `interlace.fault` makes
them; here is what each of them does to bytes that are sent. Knows no connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from interlace.errors import UsageError
from interlace.model.choice import show_ns
from interlace.sim.clock import SECOND
from interlace.sim.network.service import After, Break

OPENING = ("refuse", "unreachable")
"""What happens while somebody connects."""

ENDING = ("reset", "hang", "empty", "malformed")
"""What happens in the place of what is sent."""

BENDING = ("latency", "bandwidth", "slow_close", "slicer", "limit_data", "partial")
"""What happens to what is sent."""

KINDS = (*BENDING, *ENDING, *OPENING)

REQUESTED = ("reset", "hang", "latency")
"""What is explored for what a client sends as well, and not only for what it is sent."""

_NOTHING: Any = object()
PIECES = 10
"""In so many pieces comes what narrow bandwidth lets through in a second, as Toxiproxy does it."""

Step = bytes | After | Break
"""Bytes that are sent, time that passes, or an end."""


@dataclass(frozen=True, repr=False)
class Fault:
    """Something that goes wrong. Made by `interlace.fault.reset()` and its kin.

    Args:
        kind: which of `KINDS`.
        delays: how long it takes, in ns, the boring one first; (): no time, or for ever.
        rate: bytes a second.
        size: bytes.
        data: what is sent in the place of something else.
        answer: what it happens to, where it stands in the place of an answer.
    """

    kind: str
    delays: tuple[int, ...] = ()
    rate: int = 0
    size: int = 0
    data: bytes = b""
    answer: Any = _NOTHING

    def __repr__(self) -> str:
        known = [show_ns(self.delays[0])] if self.delays else []
        known += [f"{self.rate} B/s"] * bool(self.rate) + [f"{self.size} bytes"] * (self.kind in _SIZED)
        on = f".on({self.answer!r})" if self.has_answer else ""
        return f"fault.{self.kind}({', '.join(known)}){on}"

    # -- in the place of an answer ---------------------------------------------------------------

    def on(self, answer: Any) -> Fault:
        """Returns the fault as something to answer: what is answered, and what happens to it.

        Args:
            answer: in a route of a fake web API, what could stand there without the fault; in what
                `receive(data)` gives, bytes, or a list of bytes and `interlace.after(...)`.

        Raises:
            UsageError: this fault leaves no room for an answer.
        """
        if self.kind not in BENDING:
            raise UsageError(
                f"{self}.on(...): nothing of an answer is left of this fault; leave .on(...) out"
            )
        if self.has_answer or isinstance(answer, Fault):
            raise UsageError(
                f"{self}.on({answer!r}): an answer has one fault; for more write world.faulty(...)"
            )
        return replace(self, answer=answer)

    @property
    def has_answer(self) -> bool:
        """Whether it was said what it happens to."""
        return self.answer is not _NOTHING

    def check_answering(self) -> None:
        """Checks that it can stand in the place of an answer.

        Raises:
            UsageError: it cannot.
        """
        if self.kind in OPENING:
            raise UsageError(
                f"{self} is for connections, and here one is open already: write world.faulty(service, fault.{self.kind}())"
            )
        if self.kind in BENDING and not self.has_answer:
            raise UsageError(
                f"{self} happens to an answer, and here is none: write fault.{self.kind}(...).on(answer)"
            )

    # -- what it does to bytes -------------------------------------------------------------------

    def bend(self, data: bytes, passed: int) -> list[Step]:
        """Returns what becomes of bytes that are sent.

        Args:
            data: the bytes.
            passed: how many were sent before.
        """
        kind = self.kind
        if kind in ENDING:
            pause: list[Step] = [After(self.delays, kind)] if self.delays else []
            garbage: list[Step] = [self.data] if self.data else []
            return [*pause, *garbage, self.ends_with]
        if kind == "latency" and not passed:
            return [After(self.delays, kind), data]
        if kind == "bandwidth":
            return _spread(data, max(1, self.rate // PIECES), self.rate)
        if kind == "slicer":
            pieces = cut(data, self.size)
            return [pieces[0], *(step for piece in pieces[1:] for step in (After(self.delays, kind), piece))]
        size = len(data) // 2 if kind == "partial" and not passed else self.size
        if kind in ("limit_data", "partial") and passed + len(data) >= size:
            head = data[: max(0, size - passed)]
            return [head, Break.CLOSE] if head else [Break.CLOSE]
        return [data]

    def bend_all(self, steps: Iterable[Step], passed: int) -> list[Step]:
        """Does the same to what became of bytes under another fault."""
        bent: list[Step] = []
        for step in steps:
            if not isinstance(step, bytes):
                bent.append(step)
                continue
            for made in self.bend(step, passed):
                bent.append(made)
                if isinstance(made, Break):
                    return bent
            passed += len(step)
        return bent

    def answering(self, steps: Iterable[Step] = (), head: int = 0) -> Iterator[Step]:
        """Yields what is sent where this stands in the place of an answer.

        Args:
            steps: the answer.
            head: how many of its bytes come before its body, of which `partial` sends half.
        """
        if self.kind in ENDING:
            yield from self.bend(b"", 0)
            return
        fault: Fault = self
        if self.kind == "partial":
            steps = list(steps)
            size = sum(len(step) for step in steps if isinstance(step, bytes))
            fault = Fault("limit_data", size=head + (size - head) // 2 if size > head else size // 2)
        passed = 0
        for step in steps:
            for made in fault.bend_all([step], passed):
                yield made
                if isinstance(made, Break):
                    return
            passed += len(step) if isinstance(step, bytes) else 0
        if self.kind == "slow_close":
            yield After(self.delays, self.kind)
            yield Break.CLOSE

    @property
    def ends_with(self) -> Break:
        """How the connection ends, or does not, in the place of what is sent."""
        if self.kind == "reset":
            return Break.RESET
        return Break.HANG if self.kind == "hang" and not self.delays else Break.CLOSE

    # -- as a choice -----------------------------------------------------------------------------

    @property
    def option(self) -> str:
        """What a packet does that meets it, as the answer to a question."""
        return _TOLD[self.kind][0].format(self.size, self.rate, self._how_long)

    @property
    def must(self) -> str:
        """The same, as what must hold for a failure."""
        return _TOLD[self.kind][1].format(self.size, self.rate, self._how_long)

    @property
    def _how_long(self) -> str:
        return f"{show_ns(self.delays[0])}{' or more' * (len(self.delays) > 1)}" if self.delays else "ever"


_SIZED = ("slicer", "limit_data")
_TOLD = {
    "latency": ("is late by {2}", "must be late by {2}"),
    "bandwidth": ("trickles", "must trickle, at {1} bytes a second"),
    "slow_close": ("is followed by a slow close", "must be followed by a close that takes {2}"),
    "slicer": ("arrives in slices", "must arrive in slices of {0} bytes"),
    "limit_data": (
        "is cut off after {0} bytes",
        "must be cut off after {0} bytes, and its connection closed",
    ),
    "partial": ("is cut in half", "must be cut in half, and its connection closed"),
    "reset": ("meets a reset", "must meet a reset of its connection"),
    "hang": ("hangs", "must hang for {2}: nothing arrives over its connection any more"),
    "empty": ("is left out", "must be left out, and its connection closed"),
    "malformed": ("is garbled", "must be replaced by garbage, and its connection closed"),
    "refuse": ("is refused", "must be refused"),
    "unreachable": ("is not answered", "must not be answered"),
}


def cut(data: bytes, size: int) -> list[bytes]:
    """Returns bytes in pieces of a size; the last one may be shorter."""
    return [data[start : start + size] for start in range(0, len(data), size)] or [data]


def _spread(data: bytes, size: int, rate: int) -> list[Step]:
    return [
        step
        for piece in cut(data, size)
        for step in (After((len(piece) * SECOND // rate,), "bandwidth"), piece)
    ]
