"""What the crash of a host leaves of real files: saves that are torn, and those that are not."""

import asyncio
import contextlib
import itertools
import json
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiofiles
import aiofiles.os
import pytest

import interlace

SEEDS = (0, 1, 2)

Save = Callable[[Path, object], Awaitable[None]]


# -- ways to save ----------------------------------------------------------------------------------


async def in_place(path: Path, data: object) -> None:
    path.write_text(json.dumps(data))


async def in_place_and_synced(path: Path, data: object) -> None:
    with path.open("w") as file:
        json.dump(data, file)
        file.flush()
        os.fsync(file.fileno())


async def renamed_without_sync(path: Path, data: object) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(data))
    os.replace(new, path)


async def synced_before_flush(path: Path, data: object) -> None:
    new = path.with_suffix(".new")
    with new.open("w") as file:
        json.dump(data, file)
        os.fsync(file.fileno())
    new.replace(path)


async def with_aiofiles_in_place(path: Path, data: object) -> None:
    async with aiofiles.open(path, "w") as file:
        await file.write(json.dumps(data))


def replace(path: Path, data: object) -> None:
    new = path.with_suffix(".new")
    with new.open("w") as file:
        json.dump(data, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


async def replaced(path: Path, data: object) -> None:
    replace(path, data)


async def replaced_in_a_thread(path: Path, data: object) -> None:
    await asyncio.to_thread(replace, path, data)


async def replaced_from_temporary(path: Path, data: object) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with open(descriptor, "w") as file:
        json.dump(data, file)
        file.flush()
        os.fsync(file)
    os.rename(name, path)


async def replaced_from_named_temporary(path: Path, data: object) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(data, file)
        file.flush()
        os.fdatasync(file.fileno())
    Path(file.name).replace(path)


async def replaced_with_descriptors(path: Path, data: object) -> None:
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.write(descriptor, json.dumps(data).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.rename(path)


async def replaced_with_aiofiles(path: Path, data: object) -> None:
    new = path.with_suffix(".new")
    async with aiofiles.open(new, "w") as file:
        await file.write(json.dumps(data))
        await file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
    await aiofiles.os.replace(new, path)


async def replaced_and_folder_synced(path: Path, data: object) -> None:
    replace(path, data)
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


BAD = (in_place, renamed_without_sync, synced_before_flush, with_aiofiles_in_place)
GOOD = (
    replaced, replaced_in_a_thread, replaced_from_temporary, replaced_from_named_temporary,
    replaced_with_descriptors, replaced_with_aiofiles,
)  # fmt: skip


def crashing(save: Save, folder: Path, *, by_hand: bool = True, keeps: bool = False):
    """A program on a host saves three states; the host crashes at the end, or anywhere on the way."""
    path = folder / "state.json"

    async def main(world: interlace.World) -> None:
        for one in folder.iterdir():
            one.unlink()
        path.write_text('{"version": 0}')
        world.files.tear(folder)
        host = world.host("app")
        saved = [0]

        def load() -> None:
            version = json.loads(path.read_text())["version"]
            assert version in (0, 1, 2, 3)
            if keeps:
                assert version >= saved[-1]

        async def program() -> None:
            load()
            for version in (1, 2, 3):
                await save(path, {"version": version, "more": "x" * version})
                saved.append(version)
                await asyncio.sleep(1)

        host.start(program)
        await asyncio.sleep(80)  # it is back by then
        if by_hand and host.is_up:
            host.crash()
        load()

    return main


@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "explored"])
@pytest.mark.parametrize("save", BAD, ids=lambda save: save.__name__)
def test_a_torn_file_is_found(tmp_path: Path, save: Save, by_hand: bool) -> None:
    main = crashing(save, tmp_path, by_hand=by_hand)
    result = interlace.explore(main, faults=[] if by_hand else ["crash"])
    assert result.failure is not None
    assert result.failure.type == "JSONDecodeError"
    assert result.failure.label == "real"
    assert any("on app, not synced, must be" in one for one in result.failure.constraints)


def test_a_write_in_place_is_torn_in_the_middle_of_a_slow_write(tmp_path: Path) -> None:
    """Each save is synced at its end, so only a crash while it takes its time tears it."""

    async def main(world: interlace.World) -> None:
        path = tmp_path / "state.json"
        path.write_text('{"version": 0}')
        world.files.tear(tmp_path)
        world.files.slow(tmp_path, "1ms..50ms", on="write")
        host = world.host("app")

        def save() -> None:
            with path.open("w") as file:
                file.write('{"version": 1}')
                file.flush()
                os.fsync(file)

        async def program() -> None:
            json.loads(path.read_text())
            await asyncio.to_thread(save)

        host.start(program)
        await asyncio.sleep(200)
        assert json.loads(path.read_text())["version"] in (0, 1)

    result = interlace.explore(main, faults=["crash:app"])
    assert result.failure is not None
    assert result.failure.type in ("JSONDecodeError", "ExceptionGroup")
    assert interlace.explore(main).verdict.status == "passed"


@pytest.mark.parametrize("save", GOOD, ids=lambda save: save.__name__)
def test_temporary_file_sync_and_replace_pass(tmp_path: Path, save: Save) -> None:
    thorough = save in (replaced, replaced_with_aiofiles)
    for seed in SEEDS if thorough else (0,):
        main = crashing(save, tmp_path)
        result = interlace.explore(main, schedules=120 if thorough else 60, seed=seed, faults=["crash"])
        assert result.verdict.status == "passed", result.report()


def test_a_save_is_durable_once_its_folder_is_synced(tmp_path: Path) -> None:
    result = interlace.explore(crashing(replaced, tmp_path, keeps=True))
    assert result.failure is not None
    assert result.failure.label == "plain"
    main = crashing(replaced_and_folder_synced, tmp_path, keeps=True)
    result = interlace.explore(main, schedules=100, faults=["crash"])
    assert result.verdict.status == "passed", result.report()


# -- what is torn ----------------------------------------------------------------------------------


def left_by(
    folder: Path, act: Callable[[], object], *, before: str | None = "before", **settings
) -> set[str | None]:
    """What may be in a file after code on a host has done something to it, and crashed."""
    path = folder / "a"
    found: set[str | None] = set()

    async def main(world: interlace.World) -> None:
        for one in folder.iterdir():
            one.unlink()
        if before is not None:
            path.write_text(before)
        world.files.tear(settings.get("pattern", folder))
        host = world.host("app")

        async def program() -> None:
            act()

        await host.run(program)
        host.crash()
        found.add(path.read_text() if path.exists() else None)

    for schedule in itertools.product(range(3), repeat=2):
        with contextlib.suppress(interlace.Diverged):  # there is no such answer
            outcome = interlace.run(main, schedule=schedule)
            assert outcome.error is None
    return found


def test_what_was_not_synced_is_lost_kept_or_torn(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert left_by(tmp_path, lambda: path.write_text("BEHIND")) == {"before", "BEHIND", "BEH"}
    assert left_by(tmp_path, lambda: path.write_text("12"), before=None) == {None, "", "1", "12"}
    assert left_by(tmp_path, path.unlink) == {"before", None}
    assert left_by(tmp_path, lambda: path.rename(tmp_path / "b")) == {"before", None}
    assert left_by(tmp_path, lambda: os.truncate(path, 2)) == {"before", "be"}
    assert left_by(tmp_path, path.read_text) == {"before"}


def test_what_was_synced_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def add() -> None:
        with path.open("a") as file:
            file.write(" and behind")
            file.flush()
            os.fsync(file)

    assert left_by(tmp_path, add) == {"before and behind"}


def test_a_file_that_is_not_meant_is_not_torn(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for pattern in (tmp_path / "b", tmp_path / "*.json"):
        assert left_by(tmp_path, lambda: path.write_text("behind"), pattern=pattern) == {"behind"}
    assert left_by(tmp_path, lambda: path.write_text("bEHIND"), pattern=path) == {"before", "bEHIND", "bEH"}


def test_a_rename_happens_or_not(tmp_path: Path) -> None:
    """Never is a file, synced before, found under neither name or under both."""
    old, new = tmp_path / "old", tmp_path / "new"
    found = set()

    async def main(world: interlace.World) -> None:
        for one in tmp_path.iterdir():
            one.unlink()
        old.write_text("old")
        new.write_text("new")
        world.files.tear(tmp_path)
        host = world.host("app")

        async def program() -> None:
            old.replace(new)

        await host.run(program)
        host.crash()
        found.add(tuple(one.read_text() if one.exists() else None for one in (old, new)))

    assert interlace.explore(main, schedules=40).verdict.status == "passed"
    assert found == {("old", "new"), (None, "old")}


def test_only_the_files_of_the_host_are_torn(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> None:
        path = tmp_path / "a"
        world.files.tear(tmp_path)
        one, other = world.host("one"), world.host("other")

        async def write(text: str) -> None:
            path.write_text(text)

        await one.run(write, "by one")
        await other.run(write, "by other")
        one.crash()
        assert path.read_text() == "by other"
        path.write_text("by the test")
        other.crash()
        assert path.read_text() == "by the test"

    for seed in SEEDS:
        assert interlace.explore(main, schedules=50, seed=seed).verdict.status == "passed"


def test_the_dead_do_not_write(tmp_path: Path) -> None:
    """Neither what was buffered, nor a `finally`, nor a thread that was still at work."""
    path = tmp_path / "a"

    async def main(world: interlace.World) -> None:
        path.write_text("before")
        world.files.tear(tmp_path)
        world.files.slow(tmp_path / "slow", "5s")
        host = world.host("app")

        def job() -> None:
            (tmp_path / "slow").write_text("slow")
            path.write_text("by a thread")

        async def program() -> None:
            with path.open("a") as file:
                file.write(" and behind")
                try:
                    await asyncio.to_thread(job)
                finally:
                    path.unlink()

        host.start(program)
        await asyncio.sleep(1)
        host.crash()
        assert path.read_text() == "before"
        await asyncio.sleep(60)
        assert path.read_text() == "before"

    outcome = interlace.run(main)
    assert outcome.error is None
    for thread in threading.enumerate():
        if thread.name.startswith("asyncio_"):
            thread.join(60)  # what a thread of the dead does after the run does not count as in time either
    assert path.read_text() == "before"
    assert not (tmp_path / "slow").exists() or (tmp_path / "slow").read_text() == ""


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> None:
        path = tmp_path / "count"
        path.unlink(missing_ok=True)
        world.files.tear(tmp_path)
        host = world.host("app")

        async def program() -> None:
            count = int(path.read_text()) if path.exists() else 0
            replace(path, count + 1)
            descriptor = os.open(tmp_path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
            await asyncio.sleep(3600)

        host.start(program)
        for count in (1, 2, 3):
            await asyncio.sleep(1)
            assert path.read_text() == str(count)
            host.crash()
            assert path.read_text() == str(count)
            await asyncio.sleep(1)
            host.restart()

    for seed in SEEDS:
        result = interlace.explore(main, schedules=30, seed=seed)
        assert result.verdict.status == "passed", result.report()
