"""The schedule: the answers of one run, and the token that carries it from machine to machine.

A schedule is a tuple of option numbers. Option 0 is boring and trailing zeros mean nothing, so the
empty schedule is the plain run. Schedules are compared shortlex: fewer answers first, then smaller
answers, which makes "smaller" and "simpler to tell" the same word.

A token is `<version>.<order>.<plan>.<answers>.<check>`: letters, digits, `-`, `_` and dots only, so
it survives a shell, an URL and a chat. Answers that are 0 are not written, only skipped over.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from interlace.errors import BadToken
from interlace.model.choice import ORDERS, Order
from interlace.model.start import Start

TOKEN_VERSION = "i1"


@dataclass(frozen=True)
class Schedule:
    """The answers of one run, without trailing zeros."""

    answers: tuple[int, ...] = ()

    @staticmethod
    def of(answers: Iterable[int]) -> Schedule:
        """Returns the schedule with these answers; trailing zeros are dropped."""
        kept = tuple(answers)
        end = len(kept) if any(kept) else 0
        while end and not kept[end - 1]:
            end -= 1
        return Schedule(kept[:end])

    def __len__(self) -> int:
        return len(self.answers)

    def __iter__(self) -> Iterator[int]:
        return iter(self.answers)

    def __lt__(self, other: Schedule) -> bool:
        return self.key < other.key

    @property
    def key(self) -> tuple[int, tuple[int, ...]]:
        """What schedules are sorted by: shortlex."""
        return len(self.answers), self.answers

    @property
    def deviations(self) -> int:
        """How many answers are not the boring one."""
        return sum(1 for answer in self.answers if answer)


@dataclass(frozen=True)
class Recipe:
    """All that is needed to run a program in exactly the same way again.

    Args:
        schedule: the answers.
        order: which orders were allowed.
        faults: the faults that were asked for, as the user wrote them.
        seed: the seed of the world's random values.
        fingerprint: the first 8 hex digits of the trace hash, to notice a changed program; or "".
        start: when and where the virtual time begins.
    """

    schedule: Schedule = field(default_factory=Schedule)
    order: Order = "realistic"
    faults: tuple[str, ...] = ()
    seed: int = 0
    fingerprint: str = ""
    start: Start = field(default_factory=Start)

    @property
    def token(self) -> str:
        """The printable form, accepted by `Recipe.parse`."""
        begin = [] if self.start == Start() else [list(self.start)]
        plan = _pack_json([self.seed, *self.faults, *begin]) if self.faults or self.seed or begin else ""
        parts = [TOKEN_VERSION, self.order[0], plan, _pack(self.schedule.answers), self.fingerprint]
        body = ".".join(parts)
        return f"{body}.{_check(body)}"

    @staticmethod
    def parse(token: str) -> Recipe:
        """Reads a token.

        Raises:
            BadToken: the token is torn, mistyped or of another version.
        """
        text = token.strip()
        version, _, _ = text.partition(".")
        if version != TOKEN_VERSION:
            if version[:1] == "i" and version[1:].isdigit():
                raise BadToken(
                    f"token {_short(text)!r} is of version {version}, this interlace reads {TOKEN_VERSION}: "
                    "explore again to get a fresh one"
                )
            raise BadToken(
                f"{_short(text)!r} is not a replay token: one starts with '{TOKEN_VERSION}.'; "
                "copy it whole from the report, or name the file that the report names"
            )
        body, _, check = text.rpartition(".")
        parts = body.split(".")
        if len(parts) != 5 or check != _check(body):
            raise BadToken(f"token {_short(text)!r} is torn or mistyped: copy it whole from the report")
        _, letter, plan, answers, fingerprint = parts
        try:
            order: Order = next(order for order in ORDERS if order[0] == letter)
            seed, *faults = _unpack_json(plan) if plan else [0]
            if not isinstance(seed, int):
                raise ValueError("the seed is not a number")
            last = faults.pop() if faults and isinstance(faults[-1], list) else []
            begin = last if isinstance(last, list) else []
            schedule = Schedule.of(_unpack(answers))
            return Recipe(schedule, order, tuple(map(str, faults)), seed, fingerprint, Start(*begin))
        except (TypeError, ValueError, StopIteration, binascii.Error, zlib.error) as error:
            raise BadToken(f"token {_short(text)!r} cannot be read ({error}): explore again") from error


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _to_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _pack_json(value: list[object]) -> str:
    return _to_text(json.dumps(value, separators=(",", ":")).encode())


def _unpack_json(text: str) -> list[object]:
    value = json.loads(_to_bytes(text))
    if not isinstance(value, list):
        raise ValueError("the plan is not a list")
    return value


def _pack(answers: Iterable[int]) -> str:
    """Writes (how many zeros are skipped, the answer) pairs as base-128 numbers."""
    data = bytearray()
    skipped = 0
    for answer in answers:
        if answer == 0:
            skipped += 1
            continue
        for number in (skipped, answer):
            while number >= 128:
                data.append(128 | (number & 127))
                number >>= 7
            data.append(number)
        skipped = 0
    return _to_text(bytes(data))


def _unpack(text: str) -> list[int]:
    numbers: list[int] = []
    number = shift = 0
    for byte in _to_bytes(text):
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(number)
            number = shift = 0
    if shift or len(numbers) % 2:
        raise ValueError("the answers end in the middle")
    answers: list[int] = []
    for skipped, answer in zip(numbers[::2], numbers[1::2], strict=True):
        answers.extend([0] * skipped)
        answers.append(answer)
    return answers
