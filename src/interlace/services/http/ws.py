"""What a websocket of a fake does, step by step: `interlace.ws.recv("hi")`, `ws.send("yo")`, `ws.close(1001)`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interlace.errors import UsageError
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.fault import ENDING, Fault
from interlace.sim.network.service import After

ANY: Any = object()
"""Stands for any message."""

Message = str | bytes
"""What one message holds: a text, or bytes."""


class Closed(ConnectionError):
    """The client of a websocket has gone.

    Args:
        code: the status code of RFC 6455, section 7.4; 1006 where the connection broke.
        reason: what the client said to it.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"the websocket is closed: {code}{reason and f' ({reason})'}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Recv:
    """Waits for a message."""

    expected: Any

    def __repr__(self) -> str:
        return f"recv({'' if self.expected is ANY else _named(self.expected)})"

    def misses(self, message: Message) -> str:
        """Returns how a message differs from what is expected, in words; "" if it does not."""
        expected = self.expected
        if expected is ANY:
            return ""
        if isinstance(expected, (str, bytes)):
            return "" if message == expected else difference(expected, message)
        if callable(expected):
            return "" if expected(message) else f"{_named(expected)} says no to {shown(message)}"
        try:
            there = json.loads(message)
        except ValueError:
            return f"it is no JSON: {shown(message)}"
        return "" if there == expected else json_difference(expected, there)


@dataclass(frozen=True)
class Send:
    """Sends a message."""

    data: Any
    delays: tuple[int, ...] | None

    def __repr__(self) -> str:
        return f"send({_named(self.data)})"

    def message(self, last: Message | None) -> Message:
        """Returns what is sent, given the last message that has come."""
        return message_of(self.data(last) if callable(self.data) else self.data)


@dataclass(frozen=True)
class Close:
    """Closes the websocket."""

    code: int
    reason: str

    def __repr__(self) -> str:
        return f"close({self.code})"


Step = Recv | Send | Close | After | Fault
"""One step of a script."""


def recv(expected: Any = ANY) -> Recv:
    """Waits for a message from the client; one that differs fails the test.

    Args:
        expected: a text or bytes: the message is just that; a function: it is given the message and says whether it
            is right; other data: the message is that in JSON. Nothing: any message.
    """
    if expected is not ANY and not callable(expected):
        message_of(expected)
    return Recv(expected)


def send(data: Any, *, latency: Latency | None = None) -> Send:
    """Sends a message to the client.

    Args:
        data: a text; bytes; other data is sent as JSON, in a text. Or a function that returns one of these, given the
            last message that has come (None before the first).
        latency: how long it takes, as for `World.latency`.

    Raises:
        UsageError: it cannot be sent.
    """
    if not callable(data):
        message_of(data)
    return Send(data, None if latency is None else parse_latency(latency))


def close(code: int = 1000, reason: str = "") -> Close:
    """Closes the websocket in order.

    Args:
        code: the status code (RFC 6455, section 7.4).
        reason: what is said to it, at most 123 bytes of UTF-8.

    Raises:
        UsageError: a code that is never sent, or a reason that is too long.
    """
    sendable = isinstance(code, int) and (1000 <= code <= 1014 or 3000 <= code <= 4999)
    if not sendable or isinstance(code, bool) or code in (1004, 1005, 1006):
        raise UsageError(
            f"close({code!r}): a websocket is closed with 1000 to 1014 but for 1004 to 1006, or with 3000 to 4999 "
            "(RFC 6455, section 7.4); for a connection that breaks there is fault.reset()"
        )
    if not isinstance(reason, str) or len(reason.encode()) > 123:
        raise UsageError(f"close({code}, {reason!r}): give a text of at most 123 bytes as its reason")
    return Close(code, reason)


def message_of(data: Any) -> Message:
    """Returns the message that some data stands for.

    Raises:
        UsageError: it stands for none.
    """
    if isinstance(data, str):
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    try:
        return json.dumps(data, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"a message of a websocket cannot be {shown(data)}: {error}. Give a text, bytes, or data for JSON"
        ) from None


def check_script(steps: tuple[Any, ...], route: object) -> tuple[Step, ...]:
    """Returns the steps of a script.

    Raises:
        UsageError: one that is none, or that would never be reached.
    """
    for number, step in enumerate(steps, 1):
        is_fault = isinstance(step, Fault) and step.kind in ENDING
        if isinstance(step, Callable) and step in (recv, send, close):  # type: ignore[arg-type]
            raise UsageError(f"{route}: step {number} is ws.{step.__name__} itself: call it")
        if not is_fault and not isinstance(step, (Recv, Send, Close, After)):
            raise UsageError(
                f"{route}: step {number} of the script is {shown(step)}: give ws.recv(...), ws.send(...), ws.close(...), "
                "interlace.after(...) or a fault such as fault.reset(); for what a function decides there is .handle(function)"
            )
        if number < len(steps) and (is_fault or isinstance(step, Close)):
            what = step if isinstance(step, Close) else "the fault"
            raise UsageError(f"{route}: step {number + 1} of the script is never reached: {what} ends it")
    return steps


def difference(expected: Message, there: Message) -> str:
    """Returns how two messages differ, in words."""
    kinds = ["bytes" if isinstance(one, bytes) else "a text" for one in (expected, there)]
    if kinds[0] != kinds[1]:
        return f"it is {kinds[1]}, {shown(there)}, not {kinds[0]}, {shown(expected)}"
    if len(expected) + len(there) <= 120:
        return f"it is {there!r}, not {expected!r}"
    same = next(
        (at for at, (one, other) in enumerate(zip(expected, there, strict=False)) if one != other),
        min(len(expected), len(there)),
    )
    part = slice(max(same - 20, 0), same + 40)
    return f"from {same} on it is ...{there[part]!r}..., not ...{expected[part]!r}..."


def json_difference(expected: Any, there: Any, at: str = "") -> str:
    """Returns the first place where two values of JSON differ, in words."""
    where = f"at {at} it" if at else "it"
    if isinstance(expected, dict) and isinstance(there, dict):
        for name in {**expected, **there}:
            if name not in there:
                return f"{where} has no {name!r}"
            if name not in expected:
                return f"{where} has {name!r} besides"
            if expected[name] != there[name]:
                return json_difference(expected[name], there[name], f"{at}.{name}" if at else str(name))
    if isinstance(expected, (list, tuple)) and isinstance(there, list):
        for number, (one, other) in enumerate(zip(expected, there, strict=False)):
            if one != other:
                return json_difference(one, other, f"{at}[{number}]")
        return f"{where} has {len(there)} items, not {len(expected)}"
    return f"{where} is {shown(there)}, not {shown(expected)}"


def shown(value: Any) -> str:
    """Returns a value as one writes it, shortened."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _named(value: Any) -> str:
    return getattr(value, "__qualname__", None) or shown(value)
