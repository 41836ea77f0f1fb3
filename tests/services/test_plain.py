"""Requests that are read without h11 are answered byte for byte as with it, and what is in doubt is left to h11."""

from typing import Any

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import interlace
from interlace import fault, reply
from interlace.services.http import conversation
from interlace.services.http.conversation import HttpConversation
from interlace.services.http.plain import read_plain
from interlace.services.order import Moment
from interlace.sim.network.service import After, Break

ANSWERS: list[Any] = [
    reply.text("héllo"),
    reply.json({"a": [1]}, 201, headers={"X-Own": "1"}),
    reply.status(204),
    reply.status(304),
    reply.status(299),
    reply.redirect("/there"),
    reply.content(b""),
    reply.text("x", headers={"Connection": "close"}),
    reply.text("x", headers={"Content-Length": "1"}),
    reply.stream([b"one", b"two"]),
    reply.text("late", latency="1s"),
    reply.reply_of(fault.reset()),
    reply.reply_of(fault.partial().on("half")),
]


def now() -> Moment:
    return Moment(0, 0)


def moves_of(
    data: bytes, answer: Any, *, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Any], list[Any]]:
    """What a conversation does about some bytes, and what it was asked."""
    asked: list[Any] = []

    def answered(call: Any) -> Any:
        yield from ()
        asked.append((call.method, call.target, call.headers.pairs, call.body))
        return answer

    with monkeypatch.context() as patched:
        if not plain:
            patched.setattr(conversation, "read_plain", lambda data, now: None)
        moves = []
        for move in HttpConversation(now, answered).receive(data):
            moves.append(move)
            if isinstance(move, Break):  # it is not asked to go on then
                break
    shown: list[Any] = []
    for move in moves:
        if isinstance(move, bytes) and shown and isinstance(shown[-1], bytes):
            shown[-1] += move
        else:
            shown.append(move.delays if isinstance(move, After) else move)
    return shown, asked


HEADS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /x?y=1 HTTP/1.1\r\nhost:a\r\nX-Empty:\r\nX-Two: b\t c \r\nConnection: Keep-Alive\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"DELETE /x HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
]
DOUBTFUL = [
    b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"nonsense\r\n\r\n",
]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("data", [*HEADS, *DOUBTFUL])
def test_the_same_with_and_without(data: bytes, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with_it = moves_of(data, answer, plain=True, monkeypatch=monkeypatch)
    assert with_it == moves_of(data, answer, plain=False, monkeypatch=monkeypatch)


@pytest.mark.parametrize("data", HEADS[:6])
def test_what_is_plain(data: bytes) -> None:
    assert read_plain(data, now) is not None


@pytest.mark.parametrize("data", [HEADS[6], *DOUBTFUL])
def test_what_is_left_to_h11(data: bytes) -> None:
    assert read_plain(data, now) is None


WORDS = [
    b"GET ",
    b"POST ",
    b"/",
    b"a",
    b" HTTP/1.1",
    b"\r\n",
    b"\n",
    b"Host: a",
    b"X",
    b":",
    b" ",
    b"\t",
    b"\x01",
]
WORDS += [
    b"\xe9",
    b"Content-Length: 1",
    b"Content-Length:",
    b"0",
    b"1",
    b",",
    b"Connection: close",
    b"HTTP/1.0",
]
PIECES = st.lists(st.sampled_from(WORDS), max_size=14)


@settings(max_examples=400, deadline=None)
@given(PIECES)
@example(
    [b"GET ", b"/", b" HTTP/1.1", b"\r\n", b"Host: a", b" ", b"\r\n", b"X", b":", b"\t", b"\r\n", b"\r\n"]
)
def test_what_is_read_is_what_h11_reads(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    if b"\r\n\r\n" not in data:
        data = b"GET /" + data.replace(b"\r\n", b"") + b" HTTP/1.1\r\nHost: a\r\nX:" + data[:5] + b"\r\n\r\n"
    call = read_plain(data, now)
    if call is None:
        return
    http = h11.Connection(h11.SERVER)
    http.receive_data(data)
    request = http.next_event()
    assert isinstance(request, h11.Request)
    assert (call.method.encode(), call.target.encode()) == (request.method, request.target)
    pairs = [(name.encode(), value.encode()) for name, value in call.headers.pairs]
    assert pairs == list(request.headers.raw_items())
    body = b""
    while not isinstance(event := http.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data)
        body += event.data
    assert body == call.body
    assert http.trailing_data == (b"", False)


def test_many_spaces_take_no_time() -> None:
    value = b" \t" * 4000 + b"\x7f"
    assert read_plain(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + value + b"\r\n\r\n", now) is None


def test_plain_and_others_take_turns_on_one_connection() -> None:
    async def program(world: interlace.World) -> None:
        import asyncio

        api = world.http("http://api")
        api.get("/plain").text("PLAIN")
        api.get("/stream").stream([b"a", b"b"])
        api.post("/echo").reply(lambda call: call.body)
        reader, writer = await asyncio.open_connection("api", 80)
        end = b" HTTP/1.1\r\nHost: a\r\n"
        said = [
            (b"GET /plain" + end + b"\r\n", b"PLAIN"),
            (b"GET /stream" + end + b"\r\n", b"1\r\nb\r\n0\r\n\r\n"),
            (b"GET /plain" + end + b"\r\n", b"PLAIN"),
            (b"POST /echo" + end + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
            (b"POST /echo" + end + b"Content-Length: 2\r\n\r\nde", b"de"),
        ]
        for request, told in said:
            writer.write(request)
            assert (await reader.readuntil(told)).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.write(b"".join(request for request, _ in said))
        for _, told in said:
            assert (await reader.readuntil(told)).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()

    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
