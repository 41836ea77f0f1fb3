"""Sockets that are polled: add_reader and add_writer, select, poll, selectors, here and on the stock loop."""

from __future__ import annotations

import asyncio
import os
import select
import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from parity import Programs, Stage, check_same, connected, ticks, word

program = Programs()

pytestmark = pytest.mark.skipif(not hasattr(select, "poll"), reason="there is no poll() here")

KNOWN = select.POLLIN | select.POLLOUT | select.POLLHUP | select.POLLERR | select.POLLNVAL


@contextmanager
def made() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.setblocking(False)
        yield sock


@contextmanager
def listening(stage: Stage) -> Iterator[socket.socket]:
    with made() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        stage.ports[sock.getsockname()[1]] = "PORT"
        yield sock


async def joined(listener: socket.socket, client: socket.socket) -> socket.socket:
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, listener.getsockname())
    return (await loop.sock_accept(listener))[0]


def polled(stage: Stage, what: str, *socks: Any, events: int = KNOWN) -> None:
    """Logs what select and poll say of sockets."""
    poll = select.poll()
    for sock in socks:
        poll.register(sock, events)
    numbers = {sock.fileno(): number for number, sock in enumerate(socks)}
    found = sorted((numbers[fd], event & KNOWN) for fd, event in poll.poll(0))
    reads, writes, _ = select.select(socks, socks, [], 0)
    stage.log(f"{what}: {found} {[socks.index(one) for one in reads]} {[socks.index(one) for one in writes]}")


# -- select and poll -------------------------------------------------------------------------------


@program
async def through_all_its_states(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        polled(stage, "fresh", listener, client)
        client.connect_ex(listener.getsockname())
        await asyncio.sleep(0.02)
        polled(stage, "connected", listener, client)
        server, _ = listener.accept()
        polled(stage, "accepted", listener, client, server)
        await loop.sock_sendall(client, b"hello")
        await asyncio.sleep(0.02)
        polled(stage, "something to read", server, client)
        server.recv(2)
        polled(stage, "still something", server)
        server.recv(100)
        polled(stage, "nothing", server)
        client.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0.02)
        polled(stage, "the end", server, client)
        server.close()
        await asyncio.sleep(0.02)
        polled(stage, "both ends", client)


@program
async def of_a_connection_that_fails(stage: Stage) -> None:
    with made() as free, made() as client, listening(stage) as listener, made() as other:
        free.bind(("127.0.0.1", 0))
        client.connect_ex(free.getsockname())
        await asyncio.sleep(0.02)
        polled(stage, "refused", client)
        client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        polled(stage, "told", client)
        server = await joined(listener, other)
        other.send(b"unread")
        await asyncio.sleep(0.02)
        server.close()
        await asyncio.sleep(0.02)
        polled(stage, "reset", other)


@program
async def only_what_was_asked_for(stage: Stage) -> None:
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        for events in (select.POLLIN, select.POLLOUT, 0):
            polled(stage, f"{events}", client, events=events)
        poll = select.poll()
        poll.register(client.fileno(), select.POLLIN)
        stage.log(f"{poll.poll(0)}")
        poll.modify(client, select.POLLOUT)
        stage.log(f"{[event for _, event in poll.poll(0)]}")
        poll.unregister(client)
        stage.log(f"{poll.poll(0)}")
        with stage.errors("unknown"):
            poll.modify(client, select.POLLIN)
        for bad in (-1, "x", object()):
            try:
                poll.register(bad)
            except (TypeError, ValueError) as error:
                stage.log(type(error).__name__)
        server.close()


@program
async def together_with_what_is_real(stage: Stage) -> None:
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        reading, writing = os.pipe()
        for say in (lambda: None, lambda: os.write(writing, b"x"), lambda: client.send(b"x")):
            say()
            await asyncio.sleep(0.02)
            names = {reading: "pipe", server.fileno(): "socket"}
            reads, writes, _ = select.select([reading, server], [], [], 0)
            stage.log(f"{[names[one if one == reading else one.fileno()] for one in reads]} {writes}")
            poll = select.poll()
            poll.register(reading, select.POLLIN)
            poll.register(server, select.POLLIN)
            stage.log(f"{sorted((names[fd], event) for fd, event in poll.poll(0))}")
        os.close(reading)
        os.close(writing)
        server.close()


@program
async def the_socket_of_a_transport(stage: Stage) -> None:
    pair = await connected(stage)
    sock = pair.client.transport.get_extra_info("socket")
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    stage.log(f"{poll.poll(0)} {select.select([sock], [], [], 0)[0]}")
    pair.client.transport.pause_reading()
    pair.accepted.transport.write(b"hello")
    await asyncio.sleep(0.02)
    stage.log(f"{[event for _, event in poll.poll(0)]} {len(select.select([sock], [], [], 0)[0])}")
    for method in ("add_reader", "add_writer"):
        try:
            getattr(asyncio.get_running_loop(), method)(sock.fileno(), print)
        except RuntimeError as error:
            stage.log(f"{'is used by' in str(error)}")
    pair.client.transport.resume_reading()
    await stage.until("client data_received")
    stage.log(f"{poll.poll(0)}")
    pair.client.transport.close()
    await pair.end()
    stage.log(f"{sock.fileno()}")


# -- selectors -------------------------------------------------------------------------------------


@program
async def with_selectors(stage: Stage) -> None:
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        for cls in (selectors.DefaultSelector, selectors.PollSelector, selectors.SelectSelector):
            with cls() as selector:
                key = selector.register(server, selectors.EVENT_READ, "data")
                stage.log(f"{key.fileobj is server} {key.fd == server.fileno()} {key.events} {key.data}")
                stage.log(f"{selector.select(0)}")
                client.send(b"x")
                await asyncio.sleep(0.02)
                stage.log(f"{[(key.data, events) for key, events in selector.select(0)]}")
                selector.modify(server, selectors.EVENT_READ | selectors.EVENT_WRITE, "both")
                stage.log(f"{[(key.data, events) for key, events in selector.select(0)]}")
                server.recv(10)
                stage.log(f"{[(key.data, events) for key, events in selector.select(0)]}")
                with stage.errors("twice"):
                    try:
                        selector.register(server, selectors.EVENT_READ)
                    except KeyError as error:
                        stage.log(type(error).__name__)
                stage.log(
                    f"{selector.unregister(server).data} {selector.select(0)} {len(selector.get_map())}"
                )
        server.close()


# -- add_reader and add_writer ---------------------------------------------------------------------


@program
async def a_reader_is_called_as_long_as_there_is_something(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)

        def read(name: str) -> None:
            stage.log(f"{name} {server.recv(2)!r}")

        loop.add_reader(server, read, "reader")
        client.send(b"12345")
        await stage.until("reader b'5'")
        loop.add_reader(server.fileno(), read, "other")
        client.send(b"6")
        await stage.until("other")
        stage.log(f"{loop.remove_reader(server)} {loop.remove_reader(server)} {loop.remove_writer(server)}")
        client.send(b"7")
        await asyncio.sleep(0.02)
        stage.log(f"{server.recv(10)!r}")
        server.close()


@program
async def a_reader_that_hears_of_the_end(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)

        def read() -> None:
            data = server.recv(10)
            stage.log(f"{data!r}")
            if not data:
                loop.remove_reader(server)
                stage.log("end")

        loop.add_reader(server, read)
        client.send(b"last words")
        client.close()
        await stage.until("end")
        server.close()


@program
async def a_writer_waits_for_room(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        done = loop.create_future()

        def written() -> None:
            loop.remove_writer(client)
            done.set_result(None)

        loop.add_writer(client, written)
        await done
        done = loop.create_future()
        with stage.errors("full"):
            while True:
                client.send(bytes(1 << 20))
        loop.add_writer(client, written)
        await ticks(5)
        stage.log(f"{done.done()}")
        server.setblocking(False)
        loop.add_reader(server, lambda: server.recv(1 << 20))
        await done
        loop.remove_reader(server)
        stage.log("room")
        server.close()


@program
async def a_listener_is_read(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as one, made() as two:
        accepted: list[socket.socket] = []

        def accept() -> None:
            accepted.append(listener.accept()[0])
            stage.log(f"accepted {len(accepted)}")

        loop.add_reader(listener, accept)
        await asyncio.gather(*(loop.sock_connect(sock, listener.getsockname()) for sock in (one, two)))
        await stage.until("accepted 2")
        loop.remove_reader(listener)
        for sock in accepted:
            sock.close()


@program
async def a_future_that_is_told_once(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)

        async def readable(sock: socket.socket) -> None:
            future: asyncio.Future[None] = loop.create_future()
            loop.add_reader(sock, future.set_result, None)
            future.add_done_callback(lambda _: loop.remove_reader(sock))
            await future

        for number in range(3):
            client.send(b"%d" % number)
            await readable(server)
            await readable(server)  # it still is
            stage.log(f"{server.recv(10)!r}")
        server.close()


@program
async def connecting_by_hand(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as free, made() as client, made() as lost:
        free.bind(("127.0.0.1", 0))
        for sock, address in ((client, listener.getsockname()), (lost, free.getsockname())):
            sock.connect_ex(address)
            done: asyncio.Future[None] = loop.create_future()
            loop.add_writer(sock, done.set_result, None)
            done.add_done_callback(lambda _, sock=sock: loop.remove_writer(sock))
            await done
            stage.log(f"{sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)}")


@program
async def errors_in_callbacks_and_arguments(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)

        def fail() -> None:
            server.recv(10)
            raise ValueError("in a reader")

        loop.add_reader(server, fail)
        client.send(b"x")
        await stage.until("handler")
        loop.remove_reader(server)
        for bad in (-1, "x", object()):
            for method in (loop.add_reader, loop.add_writer):
                try:
                    method(bad, print)
                except (ValueError, TypeError) as error:
                    stage.log(f"{type(error).__name__} {str(error)[:20]}")
        number = server.fileno()
        loop.add_reader(server, fail)
        server.close()
        with stage.errors("closed"):
            try:
                loop.remove_reader(server)
            except ValueError as error:
                stage.log(word(error))
        loop.remove_reader(number)


@program
async def a_reader_in_its_context(stage: Stage) -> None:
    import contextvars

    loop = asyncio.get_running_loop()
    variable = contextvars.ContextVar("variable", default="outside")
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)

        def read() -> None:
            server.recv(10)
            stage.log(f"{variable.get()}")

        variable.set("set before")
        loop.add_reader(server, read)
        variable.set("set after")
        client.send(b"x")
        await stage.until("set")
        loop.remove_reader(server)
        server.close()


@pytest.mark.parametrize("name", program)
def test_parity(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
