"""One connection to a tape that is replayed: bytes in, what was recorded out, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from interlace.services.http.conversation import load_h11
from interlace.services.tapes.http import MOST_HEADERS, message
from interlace.services.tapes.player import BytesPlayer, Exchange, HttpPlayer, Player
from interlace.services.tapes.tape import Said
from interlace.sim.network.service import After, Break, Move, Outlet

_PATIENCE = 60_000_000_000
"""Virtual ns that the rest of a message may take to arrive."""


def _moves(player: Player, said: Iterable[Said]) -> Iterator[Move]:
    """Makes the moves that say again what was said."""
    for one in said:
        yield After(player.delays(one.delay), "answer")
        yield one.data or Break.CLOSE


class HttpReplay:
    """A connection of HTTP.

    Args:
        player: knows the answers.
    """

    def __init__(self, player: HttpPlayer) -> None:
        self._player = player
        self._h11 = load_h11()
        self._http: Any = None
        self._request: Any = None
        self._body = bytearray()
        self._is_mute = False
        self._anew(b"")

    def _anew(self, data: bytes) -> None:
        self._http = self._h11.Connection(self._h11.SERVER, max_incomplete_event_size=MOST_HEADERS)
        if data:
            self._http.receive_data(data)

    def receive(self, data: bytes) -> Iterator[Move]:
        """Takes what has arrived, and answers each request that is whole."""
        h11 = self._h11
        if not data or self._is_mute:
            return
        self._http.receive_data(data)
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._player.complain(self._player.stale(f"what is no HTTP/1.1 ({error})", ""))
                yield Break.RESET
                return
            if isinstance(event, h11.Request):
                self._request = event
                self._body.clear()
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                rest = self._http.trailing_data[0]
                must_close = self._http.their_state is h11.MUST_CLOSE
                self._anew(rest)
                if not (yield from self._answer()):
                    return
                if must_close:
                    yield Break.CLOSE
                    return
            else:
                if event is h11.NEED_DATA and self._http.they_are_waiting_for_100_continue:
                    go_on: bytes = self._http.send(
                        h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                    )
                    yield go_on
                return

    def _answer(self) -> Generator[Move, Any, bool]:
        """Makes the moves of an answer; returns whether it has come to its end."""
        request = self._request
        lines = [b"%s %s HTTP/1.1" % (request.method, _target(bytes(request.target)))]
        lines += [bytes(name) + b": " + bytes(value) for name, value in request.headers.raw_items()]
        try:
            found = self._player.answer(message(b"\n".join(lines), bytes(self._body)))
        except Exception as error:
            self._player.complain(error)
            reason = str(error).encode()
            yield (
                b"HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
                % (len(reason))
                + (b"" if request.method == b"HEAD" else reason)
            )
            return True
        self._is_mute = not found.is_whole
        answers: Iterable[Said] = found.answers
        if found.answers and found.answers[0].data:
            answers = framed(found.answers, request.method == b"HEAD", found.is_whole)
        yield from _moves(self._player, answers)
        return found.is_whole


def _target(target: bytes) -> bytes:
    """Returns a target as it is sent to its server, where it is written for a proxy."""
    if b"://" in target.partition(b"?")[0]:
        return b"/" + target.partition(b"://")[2].partition(b"/")[2]
    return target


def framed(said: tuple[Said, ...], bare: bool, is_whole: bool = True) -> Iterator[Said]:
    """Yields an answer of a tape as it goes over the wire (RFC 9112, section 6).

    Args:
        said: the answer.
        bare: whether it has no body whatever its head says, as after HEAD.
        is_whole: whether it comes to its end.
    """
    head, _, first = said[0].data.partition(b"\n\n")
    status, *headers = head.split(b"\n")
    bodies = [one for one in said[1:] if one.data]
    size = len(first) + sum(len(one.data) for one in bodies)
    code = status.split(b" ")[1:2]
    bare = bare or code in ([b"204"], [b"304"])
    names = {line.partition(b":")[0].strip().lower(): number for number, line in enumerate(headers)}
    chunked = b"transfer-encoding" in names and b"chunked" in headers[names[b"transfer-encoding"]].lower()
    if b"content-length" in names and not bare and is_whole:
        headers[names[b"content-length"]] = b"Content-Length: %d" % size
    start = b"\r\n".join([status, *headers]) + b"\r\n\r\n"
    closes = [one for one in said[1:] if not one.data]
    if bare:
        yield said[0]._replace(data=start)
    elif not chunked:
        yield said[0]._replace(data=start + first)
        yield from bodies
        if b"content-length" not in names and not closes and is_whole:
            closes = [said[0]._replace(data=b"", delay=0)]
    else:
        datas = [start + _chunk(first), *(_chunk(one.data) for one in bodies)]
        datas[-1] += b"0\r\n\r\n" if is_whole else b""
        for one, data in zip([said[0], *bodies], datas, strict=True):
            yield one._replace(data=data)
    yield from closes


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


class BytesReplay:
    """A connection of any protocol.

    Args:
        player: knows the answers.
    """

    def __init__(self, player: BytesPlayer) -> None:
        self._player = player
        self._outlet: Outlet | None = None
        self._data = b""
        self._last: Exchange | None = None
        self._forget: Callable[[], None] = lambda: None

    def begin(self, outlet: Outlet) -> None:
        """Says what the peer has said first."""
        self._outlet = outlet
        self._greet(list(self._player.greet()))

    def _greet(self, said: list[Said]) -> None:
        outlet = self._outlet
        if said and outlet is not None:
            first = said.pop(0)
            if not first.data:
                outlet.close()
                return
            outlet.send(first.data, self._player.delays(first.delay))
            if said:
                wait = first.delay if said[0].data else first.delay + said[0].delay
                outlet.later(wait, "greeting", lambda: self._greet(said))

    def receive(self, data: bytes) -> Iterator[Move]:
        """Takes what has arrived, and answers what is whole."""
        self._forget()
        self._data += data
        while self._data:
            try:
                found = self._player.match(self._data, self._last)
            except Exception as error:
                self._data = b""
                self._player.complain(error)
                yield Break.RESET
                return
            if found is None:
                if self._outlet is not None:
                    self._forget = self._outlet.later(_PATIENCE, "rest of a request", self._give_up)
                return
            self._data = self._data[found.size :]
            self._last = found.exchange
            yield from _moves(self._player, found.exchange.answers)

    def _give_up(self) -> None:
        if self._data:
            self._player.complain(self._player.error(self._data))
            self._data = b""
            if self._outlet is not None:
                self._outlet.close()

    def end(self) -> None:
        """Takes note that the connection is gone."""
        self._forget()
        if self._data:  # that need not be wrong: the program may have given up in the middle
            self._player.remark(
                f"a connection has ended before a request was whole. {self._player.error(self._data)}"
            )
            self._data = b""
