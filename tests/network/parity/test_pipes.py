"""Pipes between tasks: what their transports and protocols see, here and on the stock loop."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from parity import Programs, Stage, Talker, check_same, ticks, word

import interlace
from interlace.errors import NotSimulated

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="asyncio's selector loop has no pipes on Windows"
)

program = Programs()


class Reads(Talker):
    def __init__(self, stage: Stage) -> None:
        super().__init__(stage, "reader")


class Writes(Talker):
    def __init__(self, stage: Stage) -> None:
        super().__init__(stage, "writer")


async def both_ends(stage: Stage) -> tuple[Any, Any]:
    """Connects both ends of a pipe."""
    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    reader, _ = await loop.connect_read_pipe(lambda: Reads(stage), os.fdopen(read, "rb", 0))
    writer, _ = await loop.connect_write_pipe(lambda: Writes(stage), os.fdopen(write, "wb", 0))
    return reader, writer


@program
async def bytes_and_the_end(stage: Stage) -> None:
    reader, writer = await both_ends(stage)
    writer.write(b"one")
    await stage.until("reader data_received")
    writer.writelines([b"two", b"three"])
    await stage.until("reader data_received", 2)
    stage.log(f"{writer.can_write_eof()} {writer.is_closing()} {writer.get_write_buffer_size()}")
    writer.write_eof()
    await stage.until("reader connection_lost")
    await stage.until("writer connection_lost")
    stage.log(f"{reader.is_closing()} {writer.is_closing()}")


@program
async def the_reader_goes(stage: Stage) -> None:
    reader, writer = await both_ends(stage)
    reader.close()
    await stage.until("reader connection_lost")
    await stage.until("writer connection_lost")
    writer.write(b"x")
    stage.log(f"{writer.is_closing()}")


@program
async def more_than_fits(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    writer, _ = await loop.connect_write_pipe(lambda: Writes(stage), os.fdopen(write, "wb", 0))
    writer.write(bytes(1_000_000))
    stage.log(f"waiting {writer.get_write_buffer_size() > 0}")
    stream = asyncio.StreamReader()
    reader, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read, "rb", 0)
    )
    stage.log(f"{len(await stream.readexactly(1_000_000))}")
    await stage.until("writer resume_writing")
    writer.close()
    stage.log(f"{await stream.read()!r}")
    await stage.until("writer connection_lost")
    reader.close()
    await ticks(3)


@program
async def written_without_a_transport(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    reader, _ = await loop.connect_read_pipe(lambda: Reads(stage), os.fdopen(read, "rb", 0))
    os.write(write, b"from a step")
    await stage.until("reader data_received")
    await asyncio.to_thread(os.write, write, b"from a thread")
    await stage.until("reader data_received", 2)
    loop.call_later(0.01, os.write, write, b"later")
    await stage.until("reader data_received", 3)
    reader.pause_reading()
    os.write(write, b"unheard")
    await ticks(5)
    stage.log("resume")
    reader.resume_reading()
    await stage.until("reader data_received", 4)
    os.close(write)
    await stage.until("reader connection_lost")


@program
async def aborted(stage: Stage) -> None:
    _, writer = await both_ends(stage)
    writer.write(b"x")
    writer.abort()
    await stage.until("writer connection_lost")
    await stage.until("reader connection_lost")


@program
async def streams_over_two_pipes(stage: Stage) -> None:
    loop = asyncio.get_running_loop()

    async def end(read: int, write: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        stream = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read, "rb", 0))
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(), os.fdopen(write, "wb", 0)
        )
        return stream, asyncio.StreamWriter(transport, protocol, stream, loop)

    (to_child, from_parent), (to_parent, from_child) = os.pipe(), os.pipe()
    parent, child = await end(to_parent, from_parent), await end(to_child, from_child)

    async def shout() -> None:
        while line := await child[0].readline():
            stage.log(f"child {line!r}")
            child[1].write(line.upper())
        child[1].close()

    task = asyncio.create_task(shout())
    for line in (b"a\n", b"b\n"):
        parent[1].write(line)
        stage.log(f"parent {await parent[0].readline()!r}")
    parent[1].close()
    stage.log(f"parent {await parent[0].read()!r}")
    await task
    await ticks(3)


@program
async def watched_by_the_program_itself(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    os.set_blocking(read, False)

    def readable(word: str) -> None:
        stage.log(f"{word} {os.read(read, 4)!r}")

    loop.add_reader(read, readable, "first")
    os.write(write, b"abcdef")
    await stage.until("first", 2)
    loop.add_reader(read, readable, "second")
    os.write(write, b"gh")
    await stage.until("second")
    stage.log(f"{loop.remove_reader(read)} {loop.remove_reader(read)}")
    os.write(write, b"ij")
    await ticks(3)
    written = asyncio.Event()
    loop.add_writer(write, written.set)
    await written.wait()
    stage.log(f"{loop.remove_writer(write)} {loop.remove_writer(write)}")
    os.close(read)
    os.close(write)


@program
async def what_is_no_pipe(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    try:
        await loop.connect_read_pipe(lambda: 1 / 0, os.fdopen(read, "rb", 0))  # type: ignore[arg-type,return-value]
    except ZeroDivisionError as error:
        stage.log(word(error))
    os.close(write)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", program)
def test_pipes(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)


def test_the_same_run_in_every_schedule_and_on_replay() -> None:
    async def main(world: interlace.World) -> None:
        loop = asyncio.get_running_loop()
        read, write = os.pipe()
        stream = asyncio.StreamReader()
        reader, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read, "rb", 0)
        )

        async def say(line: bytes) -> None:
            await world.latency("1ms..50ms")
            os.write(write, line)

        await asyncio.gather(say(b"a\n"), say(b"b\n"))
        assert {await stream.readline(), await stream.readline()} == {b"a\n", b"b\n"}
        os.close(write)
        assert await stream.read() == b""
        reader.close()

    assert interlace.explore(main, schedules=50).failure is None
    for seed in range(5):
        outcome = interlace.run(main, seed=seed)
        assert interlace.replay(main, outcome.token).trace_hash == outcome.trace_hash


def test_a_pipe_that_nobody_writes_to_is_a_deadlock() -> None:
    async def main() -> None:
        read, write = os.pipe()
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read, "rb", 0)
        )
        try:
            await stream.read()
        finally:
            transport.close()
            os.close(write)

    assert isinstance(interlace.run(main).error, interlace.Deadlock)


def test_what_leads_out_of_the_process_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        lonely, other = os.pipe()
        os.close(other)
        with (
            open(tmp_path / "file", "wb") as file,
            os.fdopen(lonely, "rb", 0) as pipe,
            open("/dev/null", "rb") as device,
        ):
            for call in (
                loop.connect_write_pipe(asyncio.BaseProtocol, file),
                loop.connect_read_pipe(asyncio.Protocol, pipe),
                loop.connect_read_pipe(asyncio.Protocol, device),
            ):
                with pytest.raises(
                    NotSimulated, match=r"test_pipes.py:\d+\. Only os.pipe\(\) with both ends"
                ):
                    await call

    outcome = interlace.run(main)
    assert outcome.error is None, outcome.error
