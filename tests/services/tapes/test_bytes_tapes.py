"""Connections of other protocols: recorded from a real server, and replayed however a schedule spreads them."""

import asyncio
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

import interlace
from interlace.errors import StaleTape

pytestmark = [
    pytest.mark.usefixtures("leftovers_collected"),
    pytest.mark.filterwarnings(
        # runs that fail leave their connections open
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
]


def result(outcome: interlace.Outcome) -> Any:
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome.value


async def open_shouter() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("shouter.internal", 7)
    assert await reader.readline() == b"welcome\n"
    return reader, writer


def tape_of(*connections: str) -> str:
    lines = ["interlace tape 1", "peer shouter.internal:7", "recorded 29 November 2026"]
    for said in connections:
        lines += ["", "connection", *said.strip().split("\n")]
    return "\n".join([*lines, "", "end", ""])


def test_what_was_recorded_is_replayed(peer: Any, tape: Path) -> None:
    async def main(world: interlace.World, record: bool = False) -> Any:
        world.tape("shouter.internal:7", tape, record, to=peer.shouter)
        reader, writer = await open_shouter()
        said = []
        for word in (b"tea\n", b"raw\n", b"tea\n"):
            writer.write(word)
            said.append(await reader.readline())
        writer.write(b"quit\n")
        said.append(await reader.read())  # until it closes
        writer.close()
        return said

    said = result(interlace.run(partial(main, record=True)))
    assert said == [b"TEA\n", bytes(range(200, 256)) + b"\n", b"TEA\n", b"bye\n"]
    asked = list(peer.lines)
    assert result(interlace.run(main)) == said
    explored = interlace.explore(main, schedules=30)
    assert explored.verdict.status == "passed", explored.report()
    assert peer.lines == asked
    text = re.sub(r"after [\d.]+ms", "after ...", tape.read_text())
    assert re.sub("recorded .*", "recorded", text) == tape_of(
        "after ...\n< welcome\n<\n> tea\n>\nafter ...\n< TEA\n<\n> raw\n>\nafter ...\n"
        "<~ yMnKy8zNzs/Q0dLT1NXW19jZ2tvc3d7f4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8K\n"
        "> tea\n>\nafter ...\n< TEA\n<\n> quit\n>\nafter ...\n< bye\n<\nafter ...\nclosed"
    ).replace("recorded 29 November 2026", "recorded")


TWO = (
    "after 10ms\n< welcome\n<\n> tea\n>\nafter 10ms\n< TEA\n<\n> milk\n>\nafter 10ms\n< MILK\n<",
    "after 10ms\n< welcome\n<\n> rum\n>\nafter 10ms\n< RUM\n<",
)


@pytest.mark.parametrize(
    "words", ["tea milk / rum", "rum / tea milk", "tea / rum milk", "rum milk tea / tea"]
)
def test_requests_find_their_answers_on_whatever_connection(words: str, tape: Path) -> None:
    tape.write_text(tape_of(*TWO))

    async def talk(line: str) -> None:
        reader, writer = await open_shouter()
        for word in line.split():
            writer.write(word.encode() + b"\n")
            assert await reader.readline() == word.upper().encode() + b"\n"
        writer.close()

    async def main(world: interlace.World) -> None:
        world.tape("shouter.internal:7", tape)
        await asyncio.gather(*map(talk, words.split("/")))

    explored = interlace.explore(main, schedules=20)
    assert explored.verdict.status == "passed", explored.report()


def test_several_requests_at_once_are_answered_in_their_order(tape: Path) -> None:
    tape.write_text(tape_of(*TWO))

    async def main(world: interlace.World) -> None:
        world.tape("shouter.internal:7", tape)
        reader, writer = await open_shouter()
        writer.write(b"tea\nmilk\nrum\n")
        assert [await reader.readline() for _ in range(3)] == [b"TEA\n", b"MILK\n", b"RUM\n"]
        writer.close()

    explored = interlace.explore(main, schedules=20)
    assert explored.verdict.status == "passed", explored.report()


def test_what_is_not_on_the_tape_is_told_at_once(tape: Path) -> None:
    tape.write_text(tape_of(*TWO))

    async def main(world: interlace.World) -> None:
        world.tape("shouter.internal:7", tape)
        reader, writer = await open_shouter()
        writer.write(b"team\n")
        await reader.readline()
        writer.close()

    error = interlace.run(main).error
    assert isinstance(error, StaleTape)
    assert r"b'team\n' is not on the tape" in str(error)
    assert f"--- {tape} line 9" in str(error)
    assert "\n-tea\n+team\n" in str(error)


def test_a_request_that_is_never_whole_is_told(tape: Path) -> None:
    tape.write_text(tape_of(*TWO))

    async def main(world: interlace.World) -> None:
        world.tape("shouter.internal:7", tape)
        reader, writer = await open_shouter()
        writer.write(b"tea")
        await reader.readline()

    error = interlace.run(main).error
    assert isinstance(error, StaleTape)
    assert "b'tea' is not on the tape" in str(error)


def test_a_client_that_gives_up_in_the_middle_is_told_what_was_missing(tape: Path) -> None:
    tape.write_text(tape_of(*TWO))

    async def main(world: interlace.World) -> None:
        world.tape("shouter.internal:7", tape)
        _, writer = await open_shouter()
        writer.write(b"te")
        writer.close()
        await asyncio.sleep(1)
        raise RuntimeError("given up")

    error = interlace.run(main).error
    assert isinstance(error, RuntimeError)
    assert "a connection has ended before a request was whole" in error.__notes__[0]


@pytest.mark.parametrize(
    "scrub", [[re.compile(r"pass (\w+)\n")], lambda _, data: re.sub(rb"pass \w+", b"pass scrubbed", data)]
)
def test_secrets_match_whatever_they_are(scrub: Any, peer: Any, tape: Path) -> None:
    async def main(world: interlace.World, record: bool = False, word: bytes = b"other") -> None:
        world.tape("shouter.internal:7", tape, record, to=peer.shouter, scrub=scrub)
        reader, writer = await open_shouter()
        writer.write(b"pass " + word + b"\n")
        await reader.readline()
        writer.write(b"tea\n")
        assert await reader.readline() == b"TEA\n"
        writer.close()

    result(interlace.run(partial(main, record=True, word=b"hush")))
    assert "hush" not in tape.read_text()
    assert "> pass scrubbed" in tape.read_text()
    explored = interlace.explore(main, schedules=30)
    assert explored.verdict.status == "passed", explored.report()


def test_what_a_peer_says_unasked_comes_when_it_came(tape: Path) -> None:
    tape.write_text(tape_of("after 10ms\n< one\n<\nafter 2000ms\n< two\n<\nafter 1000ms\nclosed"))

    async def main(world: interlace.World) -> Any:
        world.tape("shouter.internal:7", tape)
        reader, _ = await asyncio.open_connection("shouter.internal", 7)
        found = []
        while line := await reader.readline():
            found.append((line, round(world.clock.elapsed, 3)))
        return found

    found = result(interlace.run(main))
    assert found == [(b"one\n", 0.01), (b"two\n", 2.01)]


REDIS = """
> *2\\r
> $3\\r
> GET\\r
> $1\\r
> n\\r
>
after 20ms
< $1\\r
< 0\\r
<
> *3\\r
> $3\\r
> SET\\r
> $1\\r
> n\\r
> $1\\r
> 1\\r
>
after 20ms
< +OK\\r
<
"""


@pytest.mark.parametrize("locked", [False, True])
def test_redis_over_a_pool_of_connections(locked: bool, tape: Path) -> None:
    tape.write_text(tape_of(REDIS).replace("shouter.internal:7", "cache:6379"))

    async def main(world: interlace.World) -> None:
        world.tape("cache:6379", tape)
        stock = {"n": 0}
        lock = asyncio.Lock()
        options: Any = {"driver_info": None, "protocol": 2}
        client = redis.asyncio.Redis(host="cache", **options)

        async def add() -> None:
            n = stock["n"]
            await client.get("n")
            await client.set("n", 1)
            stock["n"] = n + 1

        async def one(number: int) -> None:
            await asyncio.sleep(number * 0.05)
            if locked:
                async with lock:
                    await add()
            else:
                await add()

        await asyncio.gather(one(0), one(1))
        assert stock["n"] == 2
        await client.aclose()

    explored = interlace.explore(main, schedules=60)
    assert explored.verdict.status == ("passed" if locked else "failed"), explored.report()
    if not locked:
        assert explored.failures
        assert isinstance(explored.failures[0].error, AssertionError)
