"""Tapes as they are written down: whatever was said can be read back, and what is torn is told with its line."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import interlace
from interlace.errors import TornTape, UsageError
from interlace.services.tapes.tape import Said, Talk, Tape
from interlace.services.tapes.text import read, write

pytestmark = pytest.mark.filterwarnings(
    # runs that fail leave their connections open
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

DATA = st.one_of(
    st.binary(min_size=1),
    st.text(min_size=1).map(str.encode),
    st.text("ab \n\r\t\\<>~\u2028\u00a0\x7f", min_size=1).map(str.encode),
)
DELAYS = st.integers(0, 10**8).map(lambda step: step * 100_000)
HEAD = b"GET / HTTP/1.1\nHost: a"


def plain(tape: Tape) -> list[Any]:
    """What is on a tape, but for where."""
    return [(talk.kind, talk.is_whole, [one[:3] for one in talk.said]) for talk in tape.talks]


@st.composite
def tapes(draw: Any) -> Tape:
    talks = []
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            body, delay = draw(DATA), draw(DELAYS)
            said = [Said(False, HEAD + b"\n\n" + body), Said(True, b"HTTP/1.1 200 OK", delay)]
            said += [Said(True, data, draw(DELAYS)) for data in draw(st.lists(DATA, max_size=2))]
            is_whole = draw(st.booleans())
            kept = said if is_whole else said[: draw(st.integers(1, len(said)))]
            talks.append(Talk("exchange", tuple(kept), is_whole=is_whole))
        else:
            sides: list[Said] = []
            for data in draw(st.lists(DATA, max_size=4)):
                # What one side says at once is one.
                by_peer = draw(st.booleans()) if sides and not sides[-1].by_peer else True
                by_peer = not sides[-1].by_peer if sides and not by_peer else by_peer
                sides.append(Said(by_peer, data, draw(DELAYS) if by_peer else 0))
            if draw(st.booleans()):
                sides.append(Said(True, b"", draw(DELAYS)))
            if sides:
                talks.append(Talk("connection", tuple(sides)))
    return Tape("http://x", tuple(talks), "29 November 2026")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tapes())
def test_what_is_written_can_be_read(tape: Tape) -> None:
    text = write(tape)
    assert plain(read(text, "x.tape")) == plain(tape)
    assert plain(read(text.replace("\n", "\r\n"), "x.tape")) == plain(tape)  # as git checks it out
    assert write(read(text, "x.tape")) == text
    assert all(line == line.rstrip() and line.isprintable() for line in text.split("\n"))


GOOD = """interlace tape 1
peer http://api.internal
recorded 29 November 2026

exchange
> GET /n HTTP/1.1
after 20ms
< HTTP/1.1 200 OK
< Content-Length: 1
<
<~ MQ==

end
"""


def test_it_is_good() -> None:
    assert plain(read(GOOD, "x.tape")) == [
        (
            "exchange",
            True,
            [
                (False, b"GET /n HTTP/1.1", 0),
                (True, b"HTTP/1.1 200 OK\nContent-Length: 1\n1", 20_000_000),
            ],
        )
    ]


@pytest.mark.parametrize("line", range(1, 13))
def test_a_tape_that_ends_too_early_is_torn(line: int) -> None:
    torn = "\n".join(GOOD.split("\n")[:line])
    with pytest.raises(TornTape) as raised:
        read(torn, "x.tape")
    assert raised.value.line <= line
    assert "record it again: pytest --tapes=record" in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("interlace tape 1", "interlace tape 2", 1, "it is of version 2, and this is version 1"),
        ("interlace tape 1", "HTTP/1.1 200 OK", 1, "stands where 'interlace tape 1' should"),
        (
            "peer http://api.internal",
            "from somewhere",
            2,
            "stands where 'peer https://api.example.com' should",
        ),
        ("exchange", "exchanges", 5, "is no beginning of an exchange or a connection"),
        ("> GET", "GET", 6, "'GET /n HTTP/1.1' does not belong here"),
        ("after 20ms\n", "", 7, "no line before tells after how long"),
        ("after 20ms", "after 20", 7, "'after 20' does not belong here"),
        ("after 20ms", "after -20ms", 7, "'after -20ms' does not belong here"),
        ("> GET /n HTTP/1.1\n", "", 5, "an exchange is a request and what the peer has answered"),
        ("MQ==", "MQ=", 11, "the base64 that ends here cannot be read"),
        ("200 OK", "200 \\q", 8, r"\\q is no escape"),
        ("200 OK", "200 \\ud800", 8, r"\\ud800 is no escape"),
        ("<~ MQ==", "<<<<<<< HEAD", 11, "'<<<<<<< HEAD', of a merge that was not resolved, does not belong"),
        ("exchange", "=======", 5, "of a merge that was not resolved, is no beginning"),
        ("<~ MQ==", "unfinished\nclosed", 12, "'closed' comes after the end of an exchange"),
        ("after 20ms", "unfinished", 8, "comes after the end of an exchange"),
        ("end\n", "end\nexchange\n", 14, "something comes after the end"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(TornTape, match=f"tape x.tape, line {line}: ") as raised:
        read(GOOD.replace(old, new, 1), "x.tape")
    assert said.replace("\\\\", "\\") in str(raised.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD.encode().replace(b"200 OK", b"200 \xff"), "line 8: this is no UTF-8"),
        (b"", "line 1: '' stands where 'interlace tape 1' should"),
        (
            GOOD.encode().replace(b"exchange", b"connection"),
            "line 5: here begins a connection, and a tape of HTTP",
        ),
    ],
)
def test_a_torn_tape_fails_the_run(data: bytes, said: str, tape: Path) -> None:
    tape.write_bytes(data)

    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape)

    error = interlace.run(main).error
    assert isinstance(error, TornTape)
    assert f"tape {tape}, {said}" in str(error)


def test_a_tape_of_another_peer_is_told(tape: Path) -> None:
    tape.write_text(GOOD)

    async def main(world: interlace.World) -> None:
        world.tape("http://billing", tape)

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    assert re.search(
        "x.tape is a tape of http://api.internal, and the test asks it for http://billing", str(error)
    )
