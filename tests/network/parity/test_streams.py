"""`asyncio.streams`: what readers and writers give and raise, here and on the stock loop."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from parity import Programs, Stage, check_same, ticks, word

program = Programs()

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter

BIG = 8 * 1024 * 1024


async def dialogue(stage: Stage, server: Any, client: Any, **options: Any) -> None:
    """Runs a coroutine on either side of a connection."""
    over = asyncio.get_running_loop().create_future()

    async def handle(reader: Reader, writer: Writer) -> None:
        try:
            await server(reader, writer)
        finally:
            writer.close()
            if not over.done():
                over.set_result(None)

    listening, port = await stage.serve_streams(handle, **options)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    await client(reader, writer)
    writer.close()
    await over
    listening.close()
    await listening.wait_closed()


async def nothing(reader: Reader, writer: Writer) -> None:
    await reader.read()


def sends(*pieces: bytes) -> Any:
    async def send(reader: Reader, writer: Writer) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await ticks(3)

    return send


# -- reading -------------------------------------------------------------------------------------


@program
async def lines_until_the_end(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        async for line in reader:
            stage.log(f"{line!r}")
        stage.log(f"at the end {reader.at_eof()} {await reader.readline()!r}")

    await dialogue(stage, sends(b"one\ntw", b"o\nthr", b"ee\n\nno newline"), client)


@program
async def a_line_that_is_too_long(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        await stage.raises("within the limit", reader.readline())
        await stage.raises("found beyond", reader.readline())
        stage.log(f"goes on with {await reader.readline()!r}")
        await stage.raises("not found", reader.readline())
        stage.log(f"{await reader.read()!r}")

    await dialogue(stage, sends(b"short\n" + b"x" * 40 + b"\nafter\n", b"y" * 100), client, limit=16)


@program
async def a_separator_that_does_not_come(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        stage.log(f"{await reader.readuntil(b'--')!r}")
        try:
            await reader.readuntil(b"--")
        except asyncio.IncompleteReadError as error:
            stage.log(f"{error} partial {error.partial!r} expected {error.expected}")
        stage.log(f"{await reader.read()!r}")

    await dialogue(stage, sends(b"one-", b"-two", b"-three"), client)


@program
async def a_separator_beyond_the_limit(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        while not reader.at_eof():
            try:
                stage.log(f"{await reader.readuntil(b';')!r}")
            except asyncio.LimitOverrunError as error:
                stage.log(f"{error} consumed {error.consumed}")
                stage.log(f"{await reader.readexactly(error.consumed)!r}")
            except asyncio.IncompleteReadError as error:
                stage.log(word(error))

    await dialogue(stage, sends(b"0123456789abcdef;next;"), client, limit=8)


@program
async def bad_separators(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        await stage.raises("empty", reader.readuntil(b""))
        if sys.version_info >= (3, 13):
            await stage.raises("no separators", reader.readuntil(()))
            stage.log(f"{await reader.readuntil((b';', b'!'))!r}")

    await dialogue(stage, sends(b"one!two;"), client)


@program
async def exact_numbers_of_bytes(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        stage.log(f"{await reader.readexactly(0)!r} {await reader.readexactly(3)!r}")
        await stage.raises("below zero", reader.readexactly(-1))
        try:
            await reader.readexactly(10)
        except asyncio.IncompleteReadError as error:
            stage.log(f"{error} partial {error.partial!r}")
        await stage.raises("at the end", reader.readexactly(1))

    await dialogue(stage, sends(b"ab", b"cdef"), client)


@program
async def any_number_of_bytes(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        stage.log(f"{await reader.read(0)!r} {await reader.read(2)!r} {await reader.read(100)!r}")
        stage.log(f"{await reader.read(-1)!r} {await reader.read()!r} {await reader.read(5)!r}")

    await dialogue(stage, sends(b"abcdef", b"ghi", b"j"), client)


@program
async def two_who_read_at_once(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        first = asyncio.create_task(reader.readline())
        await ticks(1)
        await stage.raises("second", reader.read(1))
        await stage.raises("third", reader.readexactly(1))
        writer.write(b"go\n")
        stage.log(f"{await first!r}")

    async def server(reader: Reader, writer: Writer) -> None:
        writer.write(await reader.readline())

    await dialogue(stage, server, client)


@program
async def a_reading_that_is_cancelled_loses_nothing(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        task = asyncio.create_task(reader.readexactly(4))
        await ticks(2)
        task.cancel()
        stage.log(word((await asyncio.gather(task, return_exceptions=True))[0]))
        await stage.raises("in time", asyncio.wait_for(reader.readexactly(100), 0.01))
        writer.write(b"go\n")
        stage.log(f"{await reader.readexactly(4)!r}")

    async def server(reader: Reader, writer: Writer) -> None:
        writer.write(b"ab")
        await reader.readline()
        writer.write(b"cd")

    await dialogue(stage, server, client)


@program
async def reading_stops_at_twice_the_limit(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        transport = writer.transport
        while transport.is_reading():
            await ticks(1)
        stage.log("paused")
        stage.log(f"{len(await reader.readexactly(900))} {transport.is_reading()}")
        stage.log(f"{len(await reader.read())}")

    await dialogue(stage, sends(b"x" * 1000), client, limit=100)


@program
async def the_end_comes_with_the_last_bytes(stage: Stage) -> None:
    async def server(reader: Reader, writer: Writer) -> None:
        writer.write(b"last")
        writer.write_eof()
        stage.log(f"server gets {await reader.read()!r}")

    async def client(reader: Reader, writer: Writer) -> None:
        stage.log(f"{reader.at_eof()} {await reader.read(2)!r} {reader.at_eof()}")
        stage.log(f"{await reader.read()!r} {reader.at_eof()}")
        writer.write(b"answer")

    await dialogue(stage, server, client)


@program
async def reading_after_a_reset(stage: Stage) -> None:
    async def server(reader: Reader, writer: Writer) -> None:
        writer.transport.pause_reading()
        await stage.until("client has written")
        await ticks(2)
        writer.transport.abort()

    async def client(reader: Reader, writer: Writer) -> None:
        await stage.until("sent", 0)
        writer.write(b"never read")
        await ticks(3)
        stage.log("client has written")
        await stage.raises("waiting", reader.read())
        await stage.raises("later", reader.readline())
        stage.log(f"{word(reader.exception())}")
        await stage.raises("drain", writer.drain())
        await stage.raises("wait_closed", writer.wait_closed())

    await dialogue(stage, server, client)


@program
async def bytes_before_a_reset_can_be_read(stage: Stage) -> None:
    async def server(reader: Reader, writer: Writer) -> None:
        writer.write(b"before")
        writer.transport.pause_reading()
        await stage.until("client has")
        await ticks(2)
        writer.transport.abort()

    async def client(reader: Reader, writer: Writer) -> None:
        stage.log(f"{await reader.readexactly(2)!r}")
        writer.write(b"unread")
        stage.log("client has written")
        while reader.exception() is None:
            await ticks(1)
        await stage.raises("exactly", reader.readexactly(4))

    await dialogue(stage, server, client)


# -- writing -------------------------------------------------------------------------------------


@program
async def draining_while_nobody_reads(stage: Stage) -> None:
    async def server(reader: Reader, writer: Writer) -> None:
        writer.transport.pause_reading()
        await stage.until("blocked")
        writer.transport.resume_reading()
        total = 0
        while data := await reader.read(65536):
            total += len(data)
        stage.log(f"got {total}")

    async def client(reader: Reader, writer: Writer) -> None:
        writer.write(bytes(BIG))
        drains = [asyncio.create_task(writer.drain()) for _ in range(3)]
        for number, drain in enumerate(drains):
            drain.add_done_callback(lambda _, number=number: stage.log(f"drained {number}"))
        await ticks(5)
        stage.log(f"blocked {[drain.done() for drain in drains]}")
        await asyncio.gather(*drains)
        writer.write_eof()
        await stage.until("got")

    await dialogue(stage, server, client)


@program
async def a_drain_that_is_given_up(stage: Stage) -> None:
    async def server(reader: Reader, writer: Writer) -> None:
        writer.transport.pause_reading()
        await stage.until("given up")
        writer.transport.abort()

    async def client(reader: Reader, writer: Writer) -> None:
        writer.write(bytes(BIG))
        await stage.raises("in time", asyncio.wait_for(writer.drain(), 0.01))
        stage.log("given up")
        await stage.raises("drain", writer.drain())
        await stage.raises("wait_closed", writer.wait_closed())

    await dialogue(stage, server, client)


@program
async def draining_after_the_connection_is_lost(stage: Stage) -> None:
    async def server(reader: Reader, writer: Writer) -> None:
        writer.close()

    async def client(reader: Reader, writer: Writer) -> None:
        stage.log(f"{await reader.read()!r}")
        stage.log(f"closing {writer.is_closing()}")
        writer.close()
        await writer.wait_closed()
        await stage.raises("drain", writer.drain())
        writer.write(b"ignored")
        stage.log(f"closing {writer.is_closing()}")

    await dialogue(stage, server, client)


@program
async def halves_of_a_conversation(stage: Stage) -> None:
    async def server(reader: Reader, writer: Writer) -> None:
        stage.log(f"server got {await reader.read()!r}")
        for number in range(3):
            writer.write(b"%d\n" % number)
            await writer.drain()
            await ticks(2)

    async def client(reader: Reader, writer: Writer) -> None:
        stage.log(f"{writer.can_write_eof()}")
        writer.writelines(piece for piece in (b"a", b"b", b"", b"c"))
        writer.write_eof()
        with stage.errors("write"):
            writer.write(b"more")
        with stage.errors("writelines"):
            writer.writelines([b"more"])
        writer.write_eof()
        stage.log(f"{[line async for line in reader]}")

    await dialogue(stage, server, client)


@program
async def closing_twice_and_waiting_twice(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        writer.close()
        writer.close()
        await asyncio.gather(writer.wait_closed(), writer.wait_closed())
        stage.log(f"closing {writer.is_closing()} {await reader.read()!r}")

    await dialogue(stage, nothing, client)


@program
async def wrong_things_to_write(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        for wrong in ("text", 7, None, [b"list"]):
            with stage.errors(f"{wrong!r}"):
                writer.write(wrong)  # type: ignore[arg-type]
        with stage.errors("lines"):
            writer.writelines(["text"])  # type: ignore[list-item]

    await dialogue(stage, nothing, client)


@program
async def a_writer_knows_its_connection(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        known = writer.get_extra_info
        stage.log(f"{known('peername')} {known('sockname')[0]} {known('nothing')} {known('nothing', 5)}")
        stage.log(f"{known('ssl_object')} {known('sslcontext')} {known('cipher')} {known('compression')}")
        stage.log(f"{writer.transport.get_protocol() is not None} {writer.transport.is_reading()}")

    await dialogue(stage, nothing, client)


# -- handlers ------------------------------------------------------------------------------------


@program
async def a_handler_that_raises(stage: Stage) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        raise ZeroDivisionError("handler")

    server, port = await stage.serve_streams(handle)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stage.log(f"{await reader.read()!r}")
    writer.close()
    await writer.wait_closed()
    server.close()


@program
async def a_handler_that_is_cancelled(stage: Stage) -> None:
    tasks: list[Any] = []

    async def handle(reader: Reader, writer: Writer) -> None:
        tasks.append(asyncio.current_task())
        try:
            await reader.read()
        except asyncio.CancelledError:
            stage.log("cancelled")
            writer.close()
            raise

    server, port = await stage.serve_streams(handle)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while not tasks:
        await ticks(1)
    tasks[0].cancel()
    stage.log(f"{await reader.read()!r}")
    writer.close()
    server.close()


@program
async def a_handler_that_is_no_coroutine_function(stage: Stage) -> None:
    def handle(reader: Reader, writer: Writer) -> None:
        stage.log("called")
        writer.write(b"bye")
        writer.close()

    server, port = await stage.serve_streams(handle)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stage.log(f"{await reader.read()!r}")
    writer.close()
    server.close()


@program
async def a_chat_of_four(stage: Stage) -> None:
    writers: dict[str, Writer] = {}

    async def handle(reader: Reader, writer: Writer) -> None:
        name = (await reader.readline()).decode().strip()
        writers[name] = writer
        stage.log(f"{name} joins")
        async for line in reader:
            for other, out in writers.items():
                if other != name:
                    out.write(name.encode() + b": " + line)
        stage.log(f"{name} leaves")
        del writers[name]
        writer.close()

    server, port = await stage.serve_streams(handle)

    async def person(name: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{name}\n".encode())
        while len(writers) < 4:
            await ticks(1)
        writer.write(b"hello\n")
        for _ in range(3):
            stage.log(f"{name} hears {await reader.readline()!r}")
        await stage.until(f"{name} hears", 3)
        while sum(" hears " in line for line in stage.lines) < 12:
            await ticks(1)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*map(person, "abcd"))
    await stage.until("d leaves")
    server.close()
    await server.wait_closed()


@program
async def a_proxy_between_two(stage: Stage) -> None:
    async def upper(reader: Reader, writer: Writer) -> None:
        async for line in reader:
            writer.write(line.upper())
        writer.close()

    async def pump(reader: Reader, writer: Writer) -> None:
        while data := await reader.read(10):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    behind, port = await stage.serve_streams(upper)

    async def proxy(reader: Reader, writer: Writer) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer))
        stage.log("pumped")
        back.close()
        writer.close()

    front, at = await stage.serve_streams(proxy)
    reader, writer = await asyncio.open_connection("127.0.0.1", at)
    writer.write(b"a line that is longer than ten\nshort\n")
    writer.write_eof()
    stage.log(f"{await reader.read()!r}")
    writer.close()
    await stage.until("pumped")
    for server in (front, behind):
        server.close()
        await server.wait_closed()


@program
async def requests_on_one_connection(stage: Stage) -> None:
    async def server(reader: Reader, writer: Writer) -> None:
        while size := await reader.read(1):
            body = await reader.readexactly(size[0])
            writer.write(bytes([len(body)]) + body[::-1])
            await writer.drain()

    async def client(reader: Reader, writer: Writer) -> None:
        for body in (b"abc", b"", b"x" * 200):
            writer.write(bytes([len(body)]) + body)
            await writer.drain()
        for _ in range(3):
            size = (await reader.readexactly(1))[0]
            stage.log(f"{size} {await reader.readexactly(size)!r}")
        writer.write_eof()
        stage.log(f"{await reader.read()!r}")

    await dialogue(stage, server, client)


@program
async def connecting_within_a_time(stage: Stage) -> None:
    async def client(reader: Reader, writer: Writer) -> None:
        try:
            async with asyncio.timeout(0.01):
                await reader.readline()
        except TimeoutError as error:
            stage.log(word(error))
        writer.write(b"x\n")
        async with asyncio.timeout(10):
            stage.log(f"{await reader.readline()!r}")

    async def server(reader: Reader, writer: Writer) -> None:
        writer.write(await reader.readline())

    await dialogue(stage, server, client)


@program
async def streams_fed_by_hand(stage: Stage) -> None:
    reader = asyncio.StreamReader(limit=10)
    reader.feed_data(b"one\ntwo")
    stage.log(f"{await reader.readline()!r}")
    reader.feed_eof()
    stage.log(f"{await reader.readline()!r} {reader.at_eof()}")
    reader = asyncio.StreamReader()
    task = asyncio.create_task(reader.read(3))
    await ticks(1)
    reader.set_exception(ConnectionResetError(104, "reset"))
    stage.log(word((await asyncio.gather(task, return_exceptions=True))[0]))
    with stage.errors("limit"):
        asyncio.StreamReader(limit=0)


@program
async def many_clients_at_once(stage: Stage) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        number = await reader.readline()
        stage.log(f"serves {number!r}")
        writer.write(number)
        writer.close()

    server, port = await stage.serve_streams(handle)

    async def ask(number: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"%d\n" % number)
        answer = await reader.read()
        writer.close()
        return answer

    stage.log(f"{await asyncio.gather(*map(ask, range(25)))}")
    server.close()
    await server.wait_closed()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", program)
def test_streams(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
