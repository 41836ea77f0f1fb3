"""Hosts and the links between them, as a test scripts them: what takes how long, who is cut off, what a crash leaves."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import interlace
from interlace.errors import HostCrashed, UsageError


def value(main: Any) -> Any:
    outcome = interlace.run(main)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background, outcome.background
    return outcome.value


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends back each line."""
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve() -> None:
    """A program that answers at port 7."""
    async with await asyncio.start_server(echo, "0.0.0.0", 7) as server:
        await server.serve_forever()


async def shop_with(world: interlace.World, program: Any = serve) -> interlace.World:
    """Starts a program on `shop` and waits until it listens."""
    shop = world.host("shop")
    shop.start(program)
    await shop.listens(7)
    return world


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes = b"x\n") -> bytes:
    writer.write(line)
    return await reader.readline()


class Watch:
    """Tells how many virtual seconds a block has taken."""

    def __init__(self, world: interlace.World) -> None:
        self.world = world
        self.seconds = 0.0

    def __enter__(self) -> Watch:
        self.begun = self.world.clock.elapsed
        return self

    def __exit__(self, *exc: object) -> None:
        self.seconds = round(self.world.clock.elapsed - self.begun, 6)


# -- latency and bandwidth -----------------------------------------------------------------------------


def test_a_packet_takes_what_its_link_takes() -> None:
    async def main(world: interlace.World) -> Any:
        await shop_with(world)
        world.net.link("local", "shop", latency="30ms")
        world.net.link("shop", "local", latency=0.05, one_way=True)
        with Watch(world) as connecting:
            reader, writer = await asyncio.open_connection("shop", 7)
        with Watch(world) as asking:
            await ask(reader, writer)
        writer.close()
        return connecting.seconds, asking.seconds

    assert value(main) == (0.08, 0.08)


def test_hosts_that_were_not_told_of_are_as_quick_as_before() -> None:
    async def main(world: interlace.World) -> float:
        await shop_with(world)
        world.net.link("local", "elsewhere", latency="1s")
        reader, writer = await asyncio.open_connection("shop", 7)
        await ask(reader, writer)
        writer.close()
        return world.clock.elapsed

    assert value(main) == 0


def test_a_refusal_takes_both_ways() -> None:
    async def main(world: interlace.World) -> float:
        world.host("shop")
        world.net.link("local", "shop", latency="30ms")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("shop", 7)
        return round(world.clock.elapsed, 6)

    assert value(main) == 0.06


@pytest.mark.parametrize("bandwidth", [500_000, "500kB/s", "4Mbit/s"])
def test_a_narrow_link_lets_so_many_bytes_through_in_a_second(bandwidth: Any) -> None:
    async def main(world: interlace.World) -> Any:
        async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            data = await reader.read(-1)
            sizes.append((len(data), round(world.clock.elapsed, 3)))
            writer.close()

        sizes: list[tuple[int, float]] = []
        with world.host("shop").here():
            server = await asyncio.start_server(sink, "shop", 7)
        world.net.link("local", "shop", bandwidth=bandwidth)

        async def send() -> float:
            _, writer = await asyncio.open_connection("shop", 7)
            writer.write(bytes(1_000_000))
            await writer.drain()
            drained = world.clock.elapsed
            writer.close()
            await writer.wait_closed()
            return drained

        drained = await asyncio.gather(send(), send())
        while len(sizes) < 2:
            await asyncio.sleep(1)
        server.close()
        return sizes, [1 < at < 4 for at in drained]

    sizes, in_between = value(main)
    assert [size for size, _ in sizes] == [1_000_000, 1_000_000]
    assert sizes[-1][1] == 4  # two megabytes, both through the same link
    assert in_between == [True, True]  # whoever writes is held back meanwhile


def test_what_one_link_lets_through_does_not_hold_up_another() -> None:
    async def main(world: interlace.World) -> Any:
        await shop_with(world)
        world.net.link("local", "bank", bandwidth="1kB/s")
        with Watch(world) as watch:
            reader, writer = await asyncio.open_connection("shop", 7)
            await ask(reader, writer, b"x" * 50_000 + b"\n")
            writer.close()
        return watch.seconds

    assert value(main) == 0


# -- partitions ----------------------------------------------------------------------------------------


def test_a_connection_outlives_a_partition_and_what_was_sent_arrives_at_the_next_try() -> None:
    async def main(world: interlace.World) -> Any:
        await shop_with(world)
        reader, writer = await asyncio.open_connection("shop", 7)
        world.net.partition("local", "shop")
        asking = asyncio.create_task(ask(reader, writer))
        await asyncio.sleep(10)
        assert not asking.done()
        world.net.heal()
        answer = await asking
        writer.close()
        return answer, round(world.clock.elapsed, 3)

    # sent again after 0.2, 0.6, 1.4, 3, 6.2 and 12.6 s
    assert value(main) == (b"x\n", 12.6)


def test_tcp_gives_up_after_a_quarter_of_an_hour() -> None:
    async def main(world: interlace.World) -> Any:
        await shop_with(world)
        reader, writer = await asyncio.open_connection("shop", 7)
        world.net.partition("local", "shop")
        with Watch(world) as watch, pytest.raises(TimeoutError) as caught:
            await ask(reader, writer)
        writer.close()
        return caught.value.errno, 900 < watch.seconds < 940

    assert value(main) == (errno.ETIMEDOUT, True)


def test_connecting_gives_up_after_two_minutes() -> None:
    async def main(world: interlace.World) -> Any:
        await shop_with(world)
        world.net.partition("shop")
        with Watch(world) as watch, pytest.raises(TimeoutError) as caught:
            await asyncio.open_connection("shop", 7)
        return caught.value.errno, watch.seconds

    assert value(main) == (errno.ETIMEDOUT, 127)


def test_connecting_goes_on_after_a_partition() -> None:
    async def main(world: interlace.World) -> Any:
        await shop_with(world)
        world.net.partition("local", "shop")
        connecting = asyncio.create_task(asyncio.open_connection("shop", 7))
        await asyncio.sleep(2)
        world.net.heal("local", "shop")
        reader, writer = await connecting
        answer = await ask(reader, writer)
        writer.close()
        return answer, round(world.clock.elapsed, 3)

    assert value(main) == (b"x\n", 3)


def test_one_way_what_the_other_sends_still_arrives() -> None:
    async def main(world: interlace.World) -> Any:
        heard: list[bytes] = []

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                heard.append(line)
                writer.write(line)
            writer.close()

        with world.host("shop").here():
            server = await asyncio.start_server(hear, "shop", 7)
        reader, writer = await asyncio.open_connection("shop", 7)
        world.net.partition("shop", "local", one_way=True)
        asking = asyncio.create_task(ask(reader, writer))
        await asyncio.sleep(5)
        seen = list(heard), asking.done()
        world.net.heal("shop")
        answer = await asking
        writer.close()
        server.close()
        return seen, answer

    assert value(main) == (([b"x\n"], False), b"x\n")


def test_a_host_that_is_cut_off_from_everyone_still_hears_itself() -> None:
    async def main(world: interlace.World) -> Any:
        shop = (await shop_with(world)).host("shop")
        world.net.partition("shop")

        async def at_home() -> bytes:
            reader, writer = await asyncio.open_connection("localhost", 7)
            answer = await ask(reader, writer)
            writer.close()
            return answer

        return await shop.run(at_home)

    assert value(main) == b"x\n"


def test_a_second_partition_keeps_what_waits_to_be_sent_again() -> None:
    async def main(world: interlace.World) -> Any:
        await shop_with(world)
        reader, writer = await asyncio.open_connection("shop", 7)
        world.net.partition("local", "shop")
        asking = asyncio.create_task(ask(reader, writer))
        await asyncio.sleep(1)
        world.net.heal()  # it is sent again at 1.4 s
        await asyncio.sleep(0.2)
        world.net.partition("local", "shop")
        await asyncio.sleep(1)
        was_cut_off = not asking.done()
        world.net.heal()
        await asking
        writer.close()
        return was_cut_off, round(world.clock.elapsed, 3)

    assert value(main) == (True, 3)


def test_heal_ends_what_it_names() -> None:
    async def main(world: interlace.World) -> Any:
        for name in ("a", "b", "c"):
            world.host(name)

        async def reaches(source: str, target: str) -> bool:
            async def dial() -> bool:
                try:
                    async with asyncio.timeout(20):
                        await asyncio.open_connection(target, 7)
                except ConnectionRefusedError:
                    return True
                except TimeoutError:
                    return False
                return True

            return bool(await world.host(source).run(dial))

        async def pairs() -> str:
            names = ("ab", "ac", "bc")
            return " ".join([pair for pair in names if await reaches(pair[0], pair[1])])

        seen = []
        world.net.partition("a", "b", "c")
        seen.append(await pairs())
        world.net.heal("a", "B.")
        seen.append(await pairs())
        world.net.heal("c")
        seen.append(await pairs())
        return seen

    assert value(main) == ["", "ab", "ab ac bc"]


def test_reset_breaks_the_connections_between_two_hosts() -> None:
    async def main(world: interlace.World) -> Any:
        await shop_with(world)
        reader, writer = await asyncio.open_connection("shop", 7)
        assert await ask(reader, writer) == b"x\n"
        world.net.reset("shop", "local")
        with pytest.raises(ConnectionResetError):
            await ask(reader, writer)
        writer.close()
        reader, writer = await asyncio.open_connection("shop", 7)  # new ones work
        answer = await ask(reader, writer)
        writer.close()
        return answer

    assert value(main) == b"x\n"


# -- crashes -------------------------------------------------------------------------------------------


def test_nothing_of_what_ran_on_a_host_that_has_crashed_runs_on() -> None:
    ran: list[str] = []

    @contextlib.contextmanager
    def manager() -> Iterator[None]:
        try:
            yield
        finally:
            ran.append("manager")

    @contextlib.asynccontextmanager
    async def asynchronous() -> AsyncIterator[None]:
        try:
            yield
        finally:
            ran.append("asynchronous manager")

    async def generator() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ran.append("generator")

    async def deeper() -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(ran.append, "callback")
            stack.enter_context(manager())
            try:
                await asyncio.sleep(10)
                ran.append("timer")
            finally:
                ran.append("inner finally")

    async def program() -> None:
        asyncio.get_running_loop().call_later(10, ran.append, "call_later")
        try:
            with manager():
                async with asynchronous(), asyncio.TaskGroup() as group:
                    group.create_task(deeper())
                    group.create_task(asyncio.to_thread(time.sleep, 10))
                    async for _ in generator():
                        await deeper()
        except BaseException as error:
            ran.append(repr(error))
            raise
        finally:
            ran.append("finally")

    async def main(world: interlace.World) -> None:
        shop = world.host("shop")
        shop.start(program)
        await asyncio.sleep(1)
        shop.crash()
        await asyncio.sleep(100)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value(main)
        gc.collect()
    assert ran == []


def test_what_a_crash_leaves_open_is_not_complained_about() -> None:
    async def call() -> None:
        reader, writer = await asyncio.open_connection("shop", 7)
        while await ask(reader, writer):
            await asyncio.sleep(1)

    async def main(world: interlace.World) -> None:
        shop = (await shop_with(world)).host("shop")
        phone = world.host("phone")
        phone.start(call)
        await asyncio.sleep(3)
        shop.crash(silent=True)
        phone.crash()
        gc.collect()
        await asyncio.sleep(3)
        shop.restart()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value(main)
        gc.collect()


def test_a_crash_resets_connections_and_refuses_new_ones() -> None:
    async def main(world: interlace.World) -> Any:
        shop = (await shop_with(world)).host("shop")
        reader, writer = await asyncio.open_connection("shop", 7)
        await ask(reader, writer)
        shop.crash()
        with pytest.raises(ConnectionResetError):
            await reader.readline()
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("shop", 7)
        return world.clock.elapsed

    assert value(main) == 0


def test_a_silent_crash_tells_nobody() -> None:
    async def main(world: interlace.World) -> Any:
        shop = (await shop_with(world)).host("shop")
        reader, writer = await asyncio.open_connection("shop", 7)
        await ask(reader, writer)
        shop.crash(silent=True)
        with pytest.raises(TimeoutError) as waiting:
            async with asyncio.timeout(3600):
                await reader.readline()  # who only listens is never told
        with pytest.raises(TimeoutError) as connecting:
            await asyncio.open_connection("shop", 7)
        with Watch(world) as watch, pytest.raises(TimeoutError) as asking:
            await ask(reader, writer)
        writer.close()
        return waiting.value.errno, connecting.value.errno, asking.value.errno, watch.seconds > 900

    assert value(main) == (None, errno.ETIMEDOUT, errno.ETIMEDOUT, True)


def test_after_a_silent_crash_and_a_restart_old_connections_are_reset() -> None:
    async def main(world: interlace.World) -> Any:
        shop = (await shop_with(world)).host("shop")
        reader, writer = await asyncio.open_connection("shop", 7)
        await ask(reader, writer)
        shop.crash(silent=True)
        asking = asyncio.create_task(ask(reader, writer))
        await asyncio.sleep(10)
        shop.restart()
        with pytest.raises(ConnectionResetError):
            await asking
        writer.close()
        reader, writer = await asyncio.open_connection("shop", 7)
        answer = await ask(reader, writer)
        writer.close()
        return answer, round(world.clock.elapsed, 3)

    assert value(main) == (b"x\n", 12.6)


def test_what_was_on_its_way_when_its_sender_crashed_arrives() -> None:
    async def main(world: interlace.World) -> Any:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello\n")
            await asyncio.sleep(1000)

        shop = world.host("shop")
        world.net.link("local", "shop", latency="50ms")
        with shop.here():
            await asyncio.start_server(greet, "shop", 7)
        reader, _ = await asyncio.open_connection("shop", 7)
        await asyncio.sleep(0)
        shop.crash()
        line = await reader.readline()
        with pytest.raises(ConnectionResetError):
            await reader.readline()
        return line

    assert value(main) == b"hello\n"


def test_a_client_host_that_crashes_is_seen_by_the_server() -> None:
    async def main(world: interlace.World) -> Any:
        seen: list[str] = []

        async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append((await reader.readline()).decode())
            try:
                await reader.readline()
            except ConnectionResetError:
                seen.append("reset")
            writer.close()

        server = await asyncio.start_server(watch, "local", 7)

        async def call() -> None:
            _, writer = await asyncio.open_connection("local", 7)
            writer.write(b"hello\n")
            await asyncio.sleep(1000)

        phone = world.host("phone")
        phone.start(call)
        await asyncio.sleep(1)
        phone.crash()
        await asyncio.sleep(1)
        server.close()
        return seen

    assert value(main) == ["hello\n", "reset"]


def test_restart_starts_the_programs_anew() -> None:
    async def main(world: interlace.World) -> Any:
        begun: list[str] = []

        async def program(name: str) -> None:
            begun.append(name)
            await asyncio.Event().wait()

        shop = world.host("shop")
        shop.start(program, "a")
        shop.start(program, "b")
        await asyncio.sleep(0)
        shop.crash()
        assert not shop.is_up
        shop.restart()
        await asyncio.sleep(0)
        shop.restart()  # one that is up crashes first
        await asyncio.sleep(0)
        return begun

    assert value(main) == ["a", "b"] * 3


def test_whoever_awaits_a_program_is_told_of_the_crash() -> None:
    async def main(world: interlace.World) -> None:
        shop = world.host("shop")

        async def work() -> str:
            await asyncio.sleep(10)
            return "done"

        working = asyncio.ensure_future(shop.run(work))
        await asyncio.sleep(1)
        shop.crash()
        with pytest.raises(HostCrashed, match="host 'shop' has crashed while it ran work") as caught:
            await working
        assert isinstance(caught.value, ConnectionError)
        shop.restart()
        assert await shop.run(work) == "done"

    value(main)


def test_the_block_of_here_is_only_visiting_and_survives_but_its_tasks_do_not() -> None:
    async def main(world: interlace.World) -> Any:
        shop = world.host("shop")
        with shop.here():
            task = asyncio.create_task(asyncio.sleep(5))
            shop.crash()
            await asyncio.sleep(10)
        return task.done(), world.clock.elapsed

    assert value(main) == (False, 10)


def test_a_program_that_fails_is_told_of() -> None:
    async def main(world: interlace.World) -> None:
        async def program() -> None:
            raise ValueError("no stock")

        world.host("shop").start(program)
        await asyncio.sleep(1)

    (line,) = interlace.run(main).background
    assert line == "the program program on shop has failed: ValueError: no stock"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda world: world.host("shop").start("serve"), "'serve' is no program for host 'shop'"),
        (lambda world: world.host("shop").start(print), "give a function defined with 'async def'"),
        (lambda world: world.net.partition(), "cuts off nobody"),
        (lambda world: world.net.partition("shop", "bank"), "there is no host 'bank'"),
        (lambda world: world.net.reset("shop", "bank"), "there is no host 'bank'"),
        (lambda world: world.net.link("a", "b", latency="soon"), "latency 'soon' cannot be read"),
        (lambda world: world.net.link("a", "b", bandwidth="1 MiB"), "bandwidth is '1 MiB': give bytes"),
        (lambda world: world.net.link("a", "b", bandwidth=0), "bandwidth is 0: give bytes"),
        (lambda world: world.net.link("a", "b", loss=0.1), "loss is 0.1: give a whole number"),
        (lambda world: world.net.link("a", "b", duplicate=-1), "duplicate is -1: give a whole number"),
        (lambda world: [world.host("shop").crash() for _ in range(2)], "host 'shop' is down already"),
        (lambda world: (world.host("shop").crash(), world.host("shop").start(serve)), "is down: restart it"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write(spoil: Any, words: str) -> None:
    async def main(world: interlace.World) -> None:
        world.host("shop")
        with pytest.raises(UsageError, match=words):
            spoil(world)

    value(main)


def test_a_program_cannot_crash_its_own_host() -> None:
    async def main(world: interlace.World) -> None:
        shop = world.host("shop")

        async def program() -> None:
            shop.crash()

        with pytest.raises(UsageError, match="a program on host 'shop' crashes its own host"):
            await shop.run(program)
        assert shop.is_up

    value(main)
