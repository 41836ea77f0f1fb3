"""The disk of a host: what a crash leaves of what was written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import interlace
from interlace.errors import UsageError
from interlace.sim.disk import Disk


def after_a_crash(do: Callable[[Disk], None], answers: tuple[int, ...] = ()) -> Any:
    """Returns what is on a disk after a crash: the bytes of each file, by its name."""

    async def main(world: interlace.World) -> dict[str, bytes]:
        db = world.host("db")
        do(db.disk)
        db.crash()
        db.restart()
        return {name: db.disk.read(name) for name in db.disk.names}

    outcome = interlace.run(main, schedule=answers)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def questions(do: Callable[[Disk], None]) -> list[tuple[str, tuple[str, ...]]]:
    """Returns what is asked when the host crashes."""

    async def main(world: interlace.World) -> None:
        do(world.host("db").disk)
        world.host("db").crash()

    return [(point.subject, point.options) for point in interlace.run(main).points if point.kind == "fault"]


def synced(disk: Disk) -> None:
    disk.write("a", b"1")
    disk.append("a", b"2")
    disk.sync("a")


def never_synced(disk: Disk) -> None:
    disk.write("a", b"1234")


def appended(disk: Disk) -> None:
    synced(disk)
    disk.append("a", b"3456")


def overwritten(disk: Disk) -> None:
    synced(disk)
    disk.write("a", b"abcd")


def removed(disk: Disk) -> None:
    synced(disk)
    disk.remove("a")


def renamed(disk: Disk) -> None:
    synced(disk)
    disk.rename("a", "b")


def renamed_and_synced(disk: Disk) -> None:
    renamed(disk)
    disk.sync("b")


def replaced(disk: Disk) -> None:
    """Writes the new content beside the old and renames it, synced before: what one should do."""
    synced(disk)
    disk.write("new", b"34")
    disk.sync("new")
    disk.rename("new", "a")


def replaced_without_sync(disk: Disk) -> None:
    """The same without the sync: the old content and the new may both be gone (Pillai and others, OSDI 2014)."""
    synced(disk)
    disk.write("new", b"34")
    disk.rename("new", "a")


@pytest.mark.parametrize(
    ("do", "left"),
    [
        (synced, {"a": b"12"}),
        (never_synced, {}),
        (appended, {"a": b"12"}),
        (overwritten, {"a": b"12"}),
        (removed, {"a": b"12"}),
        (renamed, {"a": b"12"}),
        (renamed_and_synced, {"b": b"12"}),
        (replaced, {"a": b"12", "new": b"34"}),
        (replaced_without_sync, {"a": b"12"}),
    ],
)
def test_by_default_what_was_synced_is_there_and_nothing_else(
    do: Callable[[Disk], None], left: dict[str, bytes]
) -> None:
    assert after_a_crash(do) == left


@pytest.mark.parametrize(
    ("do", "answers", "left"),
    [
        (never_synced, (1, 0), {"a": b""}),  # the name is there, the bytes are not
        (never_synced, (1, 1), {"a": b"1234"}),
        (never_synced, (1, 2), {"a": b"12"}),
        (appended, (1,), {"a": b"123456"}),
        (appended, (2,), {"a": b"1234"}),
        (overwritten, (1,), {"a": b"abcd"}),
        (overwritten, (2,), {"a": b"ab"}),
        (removed, (1,), {}),
        (replaced, (1, 1), {"a": b"34"}),
        (replaced_without_sync, (1, 0), {"a": b""}),
        (replaced_without_sync, (1, 1), {"a": b"34"}),
    ],
)
def test_what_was_not_synced_may_be_there_in_whole_or_in_part(
    do: Callable[[Disk], None], answers: tuple[int, ...], left: dict[str, bytes]
) -> None:
    assert after_a_crash(do, answers) == left


def test_nothing_is_asked_about_what_was_synced() -> None:
    assert questions(synced) == []
    assert questions(renamed_and_synced) == []
    assert questions(appended) == [
        ("last write to a on db", ("is lost", "is kept", "is torn in half")),
    ]


def test_what_a_crash_has_left_is_safe_from_the_next() -> None:
    def twice(disk: Disk) -> None:
        appended(disk)
        disk.crash()

    assert after_a_crash(twice, (1,)) == {"a": b"123456"}


def test_a_sync_that_comes_after_the_rename_keeps_both() -> None:
    def do(disk: Disk) -> None:
        replaced(disk)
        disk.sync("a")

    assert after_a_crash(do) == {"a": b"34"}


def test_bad_input_is_refused() -> None:
    async def main(world: interlace.World) -> None:
        disk = world.host("db").disk
        for missing in (disk.read, disk.sync, disk.remove):
            with pytest.raises(FileNotFoundError, match="wal"):
                missing("wal")
        with pytest.raises(FileNotFoundError, match="wal"):
            disk.rename("wal", "old")
        with pytest.raises(UsageError, match="holds bytes, not 'x': encode it first"):
            disk.write("wal", "x")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="is 3: give text, such as 'wal.log'"):
            disk.write(3, b"x")  # type: ignore[arg-type]
        assert disk.names == ()

    outcome = interlace.run(main)
    assert outcome.error is None, outcome.error
