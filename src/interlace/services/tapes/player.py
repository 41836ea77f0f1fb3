"""A tape while it is replayed: which of its answers belongs to what is asked.

What a program asks on which connection, and in which order, is what is explored. So each request is answered as it
was recorded, whatever came before it; equal requests are answered in the order in which they were recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

from interlace.errors import StaleTape
from interlace.services.tapes.requests import Request, difference, text_lines
from interlace.services.tapes.scrub import HIDDEN, Scrubber
from interlace.services.tapes.tape import Said, Tape
from interlace.sim.latency import parse_latency

REPEATABLE = ("GET", "HEAD", "OPTIONS", "TRACE")
"""Methods that change nothing (RFC 9110, section 9.2.1), so that the last answer holds for one more request."""


class Exchange:
    """Something that was asked, and what was said to it.

    Args:
        asked: what was asked.
        answers: what was said to it, in order.
        line: where it stands on the tape.
        connection: the number of the connection on which it was; of HTTP 0.
        place: its place there.
        is_whole: whether the answer came to its end.

    Attributes:
        is_used: whether it was replayed.
    """

    def __init__(
        self,
        asked: bytes,
        answers: tuple[Said, ...],
        line: int,
        connection: int = 0,
        place: int = 0,
        is_whole: bool = True,
    ) -> None:
        self.asked = asked
        self.answers = answers
        self.line = line
        self.connection = connection
        self.place = place
        self.is_whole = is_whole
        self.is_used = False


class Terms(NamedTuple):
    """How a tape is replayed.

    Args:
        file: its name.
        scrub: takes secrets out of what is asked.
        delays: how long each answer takes, in ns, the boring one first; None: about as long as it did.
        command: what is typed to record the tape again.
        complain: told what is wrong with the test.
        remark: told what may be of interest if the test fails.
    """

    file: str
    scrub: Scrubber
    delays: tuple[int, ...] | None
    command: str
    complain: Callable[[BaseException], None]
    remark: Callable[[str], None]


class Player:
    """What replays of all kinds have in common.

    Args:
        tape: what is replayed.
        terms: how.
    """

    def __init__(self, tape: Tape, terms: Terms) -> None:
        self.tape = tape
        self.file = terms.file
        self.scrub = terms.scrub
        self.complain = terms.complain
        self.remark = terms.remark
        self._delays = terms.delays
        self._command = terms.command

    def delays(self, observed: int) -> tuple[int, ...]:
        """Returns how long an answer may take that took so many nanoseconds when it was recorded."""
        return around(observed) if self._delays is None else self._delays

    def stale(self, asked: str, nearest: str) -> StaleTape:
        """Returns the error of a request that is not on the tape."""
        count = len(self.tape.talks)
        kind = self.tape.talks[0].kind if self.tape.talks else "exchange"
        what = f"{asked} is not on the tape {self.file} ({count} {kind}{'' if count == 1 else 's'} of {self.tape.peer})"
        return StaleTape(
            f"{what}{'. Nearest there:' if nearest else '.'}",
            nearest,
            f"If the program is right, record the tape again: {self._command}",
        )


def around(observed: int) -> tuple[int, ...]:
    """Returns lengths from half to double of what was observed, that first."""
    lengths = parse_latency((observed / 2e9, observed * 2 / 1e9))
    return (observed, *(length for length in lengths if length != observed))


class HttpPlayer(Player):
    """Replays requests of HTTP.

    Args:
        tape: what is replayed.
        terms: how.
        compared: the names of the headers that are compared as well.
        repeat: whether the last answer holds for each further request, whatever its method.
    """

    def __init__(
        self,
        tape: Tape,
        terms: Terms,
        compared: Iterable[str],
        repeat: bool,
    ) -> None:
        super().__init__(tape, terms)
        self._compared = tuple(dict.fromkeys(name.lower() for name in compared))
        self._repeat = repeat
        self._recorded = [
            (
                Request.read(talk.said[0].data, self._compared),
                Exchange(talk.said[0].data, talk.said[1:], talk.line, is_whole=talk.is_whole),
            )
            for talk in tape.talks
        ]

    def answer(self, message: bytes) -> Exchange:
        """Returns the exchange in which a request was answered.

        Raises:
            StaleTape: it is not on the tape, or more often than that it was asked.
            UsageError: the scrubbing of the test does not work.
        """
        asked = Request.read(self.scrub.message("request", message), self._compared)
        equal = [exchange for request, exchange in self._recorded if request == asked]
        for exchange in equal:
            if not exchange.is_used:
                exchange.is_used = True
                return exchange
        if equal and (self._repeat or asked.method in REPEATABLE):
            return equal[-1]
        if equal:
            raise self._too_often(asked, equal)
        raise self.stale(asked.shown, self._nearest(asked))

    def _too_often(self, asked: Request, equal: list[Exchange]) -> StaleTape:
        times = "once" if len(equal) == 1 else f"{len(equal)} times"
        return StaleTape(
            f"{asked.shown} is asked more often than it is on the tape {self.file}: there it is {times} "
            f"(line {', '.join(str(one.line) for one in equal)}), and {asked.method} may change what the peer answers",
            "",
            "If the last answer holds for each further request, say so: world.tape(..., repeat=True)",
        )

    def _nearest(self, asked: Request) -> str:
        if not self._recorded:
            return ""
        found, exchange = max(self._recorded, key=lambda one: one[0].likeness(asked))
        return difference(found.lines, asked.lines, f"{self.file} line {exchange.line}")


class Matched(NamedTuple):
    """What part of the bytes of a program belongs to what exchange.

    Args:
        size: how many bytes.
        exchange: that.
    """

    size: int
    exchange: Exchange


class BytesPlayer(Player):
    """Replays connections of any protocol.

    Args:
        tape: what is replayed.
        terms: how.
    """

    def __init__(self, tape: Tape, terms: Terms) -> None:
        super().__init__(tape, terms)
        self._greetings: list[tuple[Said, ...]] = []
        self._recorded: list[Exchange] = []
        for number, talk in enumerate(tape.talks):
            self._add(number, talk.said)
        self._open = 0
        self._hides = self.scrub.is_own or any(HIDDEN in one.asked for one in self._recorded)

    def _add(self, number: int, said: tuple[Said, ...]) -> None:
        starts = [place for place, one in enumerate(said) if not one.by_peer]
        self._greetings.append(said[: starts[0]] if starts else said)
        for place, (start, end) in enumerate(pairwise([*starts, len(said)])):
            asked = said[start]
            self._recorded.append(Exchange(asked.data, said[start + 1 : end], asked.line, number, place))

    def greet(self) -> tuple[Said, ...]:
        """Returns what the peer has said first on the next connection."""
        self._open += 1
        return self._greetings[min(self._open, len(self._greetings)) - 1] if self._greetings else ()

    def match(self, data: bytes, last: Exchange | None) -> Matched | None:
        """Returns what the bytes of a program begin with; None: that may be known when more has come.

        Args:
            data: what has come on a connection and was not matched yet.
            last: what was matched last there.

        Raises:
            StaleTape: whatever comes, it is not on the tape.
            UsageError: the scrubbing of the test does not work.
        """
        found = [
            Matched(size, exchange)
            for exchange in self._recorded
            if (size := self._size(data, exchange.asked))
        ]
        if found:
            most = max(one.size for one in found)
            found = [one for one in found if one.size == most]
            best = next((one for one in found if _follows(one.exchange, last)), None)
            best = best or next((one for one in found if not one.exchange.is_used), found[-1])
            best.exchange.is_used = True
            return best
        if any(one.asked.startswith(data) for one in self._recorded) or self._may_match(data):
            return None
        raise self.error(data)

    def error(self, data: bytes) -> StaleTape:
        """Returns the error of bytes that are not on the tape."""
        asked = self.scrub.raw("request", data)
        shown = repr(asked if len(asked) <= 60 else asked[:57] + b"...")
        if not self._recorded:
            return self.stale(shown, "")
        nearest = max(self._recorded, key=lambda one: _likeness(one.asked, asked))
        where = f"{self.file} line {nearest.line}"
        return self.stale(shown, difference(text_lines(nearest.asked), text_lines(asked), where))

    def _size(self, data: bytes, asked: bytes) -> int:
        """Returns how many bytes are what was recorded; 0: they do not begin with it."""
        if not self._hides:
            return len(asked) if data.startswith(asked) else 0
        seen = self.scrub.raw("request", data)
        if seen == asked:
            return len(data)
        if not seen.startswith(asked):
            return 0
        sizes = range(1, len(data))
        return next((size for size in sizes if self.scrub.raw("request", data[:size]) == asked), 0)

    def _may_match(self, data: bytes) -> bool:
        """Tells whether it may be what was recorded once more of it has come, and secrets are seen in it."""
        if self.scrub.is_own:
            return True
        heads = [one.asked.partition(HIDDEN)[0] for one in self._recorded if HIDDEN in one.asked]
        return any(head.startswith(data) or data.startswith(head) for head in heads)


def _follows(exchange: Exchange, last: Exchange | None) -> bool:
    """Tells whether it came next on the same connection, and was not replayed yet."""
    if exchange.is_used:
        return False
    place = (exchange.connection, exchange.place)
    return last is not None and place == (last.connection, last.place + 1)


def _likeness(recorded: bytes, asked: bytes) -> int:
    """Returns with how many equal bytes both begin."""
    size = min(len(recorded), len(asked))
    return next((at for at in range(size) if recorded[at] != asked[at]), size)
