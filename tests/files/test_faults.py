"""Faults of real files: slow ones, failing ones, those that are explored; and files that nobody speaks of."""

import asyncio
import contextlib
import errno
import io
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import aiofiles
import pytest

import interlace
from interlace.errors import BlockingCallWarning, UsageError

SEEDS = (0, 1, 2)


def passed(main, schedules=200):
    for seed in SEEDS:
        result = interlace.explore(main, schedules=schedules, seed=seed)
        assert result.verdict.status == "passed", result.report()


def found(main, **settings):
    result = interlace.explore(main, **settings)
    assert result.failure is not None, "not found"
    return result.failure


early_open, early_write = open, os.write


def value(main, **settings):
    outcome = interlace.run(main, **settings)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


# -- failing ---------------------------------------------------------------------------------------


def test_a_full_disk_takes_what_fits(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.files.fail(tmp_path / "*.log", after=10)
        (tmp_path / "a.log").write_text("four")
        with pytest.raises(OSError, match="No space left on device") as caught:
            (tmp_path / "b.log").write_text("ten or more")
        assert caught.value.errno == errno.ENOSPC
        assert (tmp_path / "b.log").read_text() == "ten or"
        (tmp_path / "c.txt").write_text("any number of bytes")
        world.files.heal(tmp_path / "*.log")
        (tmp_path / "b.log").write_text("ten or more")

    value(main)


def test_an_error_happens_so_often(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"there")

    async def main(world: interlace.World) -> list[str]:
        world.files.fail(path, "EIO", times=2)
        told = []
        for _ in range(3):
            try:
                told.append(path.read_text())
            except OSError as error:
                told.append(errno.errorcode[error.errno])
        return told

    assert value(main) == ["EIO", "EIO", "there"]


@pytest.mark.parametrize(
    ("error", "on", "act"),
    [
        ("EACCES", None, lambda path: path.read_text()),
        ("EMFILE", None, lambda path: os.open(path, os.O_RDONLY)),
        ("EIO", "rename", lambda path: path.rename(path.with_name("b"))),
        ("EIO", "rename", lambda path: os.replace(path, path.with_name("b"))),
        ("EIO", ["open", "read"], lambda path: path.open("rb")),
        ("EXDEV", None, lambda path: os.rename(os.fsencode(path), os.fsencode(path.with_name("b")))),
    ],
)
def test_the_error_names_the_file_where_the_real_one_does(tmp_path: Path, error, on, act) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"there")

    async def main(world: interlace.World) -> None:
        world.files.fail(tmp_path, error, on=on)
        with pytest.raises(OSError, match=os.strerror(getattr(errno, error))) as caught:
            act(path)
        assert caught.value.errno == getattr(errno, error)
        assert str(caught.value.filename).startswith(str(tmp_path))

    value(main)
    assert path.read_bytes() == b"there"


@pytest.mark.parametrize("call", [os.fsync, os.fdatasync])
def test_a_sync_fails(tmp_path: Path, call) -> None:
    async def main(world: interlace.World) -> None:
        world.files.fail(tmp_path, "EIO", on="sync")
        with open(tmp_path / "a", "wb") as file:
            for what in (file, file.fileno()):
                with pytest.raises(OSError, match="Input/output"):
                    call(what)

    value(main)


def test_descriptors_are_known_however_they_came(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.files.fail(tmp_path, after=3)
        descriptor = os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT)
        assert os.write(descriptor, b"12345") == 3
        with pytest.raises(OSError, match="No space"):
            os.pwrite(descriptor, memoryview(b"12"), 7)
        with open(descriptor, "r+b", buffering=0) as file, pytest.raises(OSError, match="No space"):
            file.write(b"1")
        with pytest.raises(OSError, match="No space"), tempfile.NamedTemporaryFile(dir=tmp_path) as file:
            file.write(b"1")
            file.flush()
        world.files.heal()
        assert (tmp_path / "a").read_bytes() == b"123"

    value(main)


def test_what_the_kernel_would_copy_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100))

    async def main(world: interlace.World) -> None:
        world.files.fail(tmp_path / "b", after=60)
        with pytest.raises(OSError, match="No space"):
            shutil.copyfile(tmp_path / "a", tmp_path / "b")
        shutil.copyfile(tmp_path / "a", tmp_path / "c")

    value(main)
    assert [(tmp_path / name).stat().st_size for name in "bc"] == [60, 100]


def test_aiofiles_and_logging_and_names_bound_before(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.files.fail(tmp_path, "ENOSPC")
        with pytest.raises(OSError, match="No space"):
            async with aiofiles.open(tmp_path / "a", "w") as file:
                await file.write("hello")
        with pytest.raises(OSError, match="No space"), early_open(tmp_path / "b", "w") as other:
            other.write("hello")
        descriptor = os.open(tmp_path / "c", os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError, match="No space"):
            early_write(descriptor, b"hello")
        os.close(descriptor)
        handler = logging.FileHandler(tmp_path / "log")
        errors: list[object] = []
        handler.handleError = errors.append  # type: ignore[method-assign]
        handler.emit(logging.makeLogRecord({"msg": "hello"}))
        world.files.heal()
        handler.close()
        assert errors

    value(main)


# -- slow ------------------------------------------------------------------------------------------


def test_a_slow_file_in_a_thread_takes_virtual_time(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> list[float]:
        world.files.slow(tmp_path, "2s")
        times = []
        async with aiofiles.open(tmp_path / "a", "wb", buffering=0) as file:
            times.append(world.clock.elapsed)
            await file.write(b"x")
            times.append(world.clock.elapsed)
            await asyncio.to_thread(os.fsync, file.fileno())
            times.append(world.clock.elapsed)
        async with aiofiles.open(tmp_path / "a") as text:
            await text.read()
        return [*times, world.clock.elapsed]

    assert value(main) == [0, 2, 4, 6]


def test_others_go_on_meanwhile(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.files.slow(tmp_path / "slow", "1s")
        order: list[str] = []

        async def save(name: str) -> None:
            await asyncio.to_thread((tmp_path / name).write_text, name)
            order.append(name)

        await asyncio.gather(save("slow"), save("fast"))
        assert order == ["fast", "slow"]
        assert world.clock.elapsed == 1

    value(main)


def test_a_slow_file_in_a_step_holds_up_the_loop(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> float:
        world.files.slow(tmp_path, 0.25, on="write")
        (tmp_path / "a").write_text("hello")
        return world.clock.elapsed

    with pytest.warns(
        BlockingCallWarning, match=r"a write to a that takes 0.25 s holds up the loop.*aiofiles"
    ) as told:
        assert value(main) == 0.25
    assert told[0].filename == __file__


def test_what_is_said_last_holds(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> float:
        world.files.slow(tmp_path, "1s")
        world.files.slow(tmp_path / "a", 0)
        await asyncio.to_thread((tmp_path / "a").write_text, "hello")
        return world.clock.elapsed

    assert value(main) == 0


def overtaken(folder: Path, *, in_turn: bool):
    """Two tasks save one file; the later one is to win, and a slow file lets it be overtaken."""

    async def main(world: interlace.World) -> None:
        world.files.slow(folder, "1ms..200ms")
        turn = asyncio.Lock() if in_turn else contextlib.nullcontext()

        async def save(text: str) -> None:
            async with turn, aiofiles.open(folder / "state", "w") as file:
                await file.write(text)

        first = asyncio.create_task(save("old"))
        await asyncio.sleep(0.1)
        await save("new")
        await first
        assert (folder / "state").read_text() == "new"

    return main


@pytest.mark.filterwarnings("ignore::interlace.BlockingCallWarning")
def test_a_slow_file_lets_another_task_overtake(tmp_path: Path) -> None:
    failure = found(overtaken(tmp_path, in_turn=False))
    assert failure.type == "AssertionError"
    assert failure.label == "real"
    passed(overtaken(tmp_path, in_turn=True))


# -- explored --------------------------------------------------------------------------------------


def logged(folder: Path, *, swallows: bool):
    """Writes a line to a journal and answers that it is kept."""

    async def append(line: str) -> bool:
        try:
            async with aiofiles.open(folder / "journal", "a") as file:
                await file.write(line)
        except OSError:
            return swallows
        return True

    async def main(world: interlace.World) -> None:
        (folder / "journal").write_text("")
        with world.files.faults(folder / "journal", enospc=True):
            kept = [line for line in ("one\n", "two\n") if await append(line)]
        lines = (folder / "journal").read_text()
        assert all(line in lines for line in kept), (kept, lines)

    return main


def test_a_swallowed_enospc_is_found(tmp_path: Path) -> None:
    failure = found(logged(tmp_path, swallows=True))
    (told,) = failure.constraints
    assert told in (
        "write 1 of journal must fail with ENOSPC", "write 1 of journal must be cut in half with ENOSPC",
        "write 2 of journal must fail with ENOSPC", "write 2 of journal must be cut in half with ENOSPC",
        "open 1 of journal must fail with ENOSPC",
    )  # fmt: skip
    passed(logged(tmp_path, swallows=False))


def test_every_operation_may_fail_at_most_so_often(tmp_path: Path) -> None:
    met: set[str] = set()

    async def main(world: interlace.World) -> None:
        path = tmp_path / "a"
        path.write_text("there")
        errors = 0
        with world.files.faults(tmp_path, eio=True, at_most=2):
            for act in (path.read_text, lambda: path.rename(path), lambda: path.write_text("again")):
                try:
                    act()
                except OSError:
                    errors += 1
            try:
                with path.open("ab") as file:
                    os.fsync(file)
            except OSError:
                errors += 1
        path.write_text("there")
        injected = len(world._inner.injected)
        assert errors <= injected <= 2  # a buffer is written once more when it is closed
        assert bool(errors) == bool(injected)
        met.update(line.split(" ")[0] for line in world._inner.injected)

    result = interlace.explore(main, schedules=200)
    assert result.verdict.status == "passed", result.report()
    assert met == {"open", "read", "write", "sync", "rename"}


def test_a_full_disk_stays_full_for_who_writes(tmp_path: Path) -> None:
    """Else a buffer that is flushed again when it is closed would mend it."""

    async def main(world: interlace.World) -> None:
        failed = False
        with world.files.faults(tmp_path, enospc=True):
            try:
                with open(tmp_path / "a", "w") as file:
                    file.write("hello")
                    try:
                        file.flush()
                    except OSError:
                        failed = True
            except OSError:
                failed = True
        if failed:
            assert not (tmp_path / "a").exists() or (tmp_path / "a").read_text() in ("", "he")
        (tmp_path / "a").unlink(missing_ok=True)

    passed(main, 50)


def test_the_plain_run_has_no_explored_fault(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> None:
        with world.files.faults(tmp_path, enospc=True, eio=True, at_most=9):
            (tmp_path / "a").write_text("hello")
            assert (tmp_path / "a").read_text() == "hello"

    value(main)


# -- files that nobody speaks of --------------------------------------------------------------------


def test_nothing_is_replaced_outside(tmp_path: Path) -> None:
    from interlace.backends.files import CALLS

    async def quiet() -> None:
        assert not CALLS._watching
        (tmp_path / "a").write_text("hello")

    value(quiet)

    async def main(world: interlace.World) -> None:
        world.files.fail(tmp_path)
        assert CALLS._watching
        raise KeyError

    assert isinstance(interlace.run(main).error, KeyError)
    assert not CALLS._watching
    assert not CALLS._by_descriptor
    (tmp_path / "a").write_text("hello")
    with open(tmp_path / "a", "rb", buffering=0) as file:
        assert type(file) is io.FileIO


def test_other_files_and_threads_are_left_alone(tmp_path: Path) -> None:
    inner, other = tmp_path / "inner", tmp_path / "other"
    inner.mkdir()
    other.mkdir()
    go, gone = threading.Event(), threading.Event()

    def stranger() -> None:
        go.wait()
        (inner / "by stranger").write_text("hello")
        gone.set()

    thread = threading.Thread(target=stranger)
    thread.start()

    async def main(world: interlace.World) -> None:
        world.files.fail(inner)
        (other / "a").write_text("hello")
        go.set()
        gone.wait()
        with pytest.raises(OSError, match="No space"):
            (inner / "a").write_text("hello")

    value(main)
    thread.join()
    assert (inner / "by stranger").read_text() == "hello"


def test_nothing_is_explored_in_a_thread_of_its_own(tmp_path: Path) -> None:
    """Nobody knows when it asks; but what the test has ordered holds there too."""

    async def main(world: interlace.World) -> None:
        world.files.slow(tmp_path, "1s..9s")
        world.files.fail(tmp_path / "b")
        told: list[object] = []

        def work() -> None:
            (tmp_path / "a").write_text("hello")
            try:
                (tmp_path / "b").write_text("hello")
            except OSError as error:
                told.append(error.errno)

        with world.files.faults(tmp_path, eio=True):
            thread = threading.Thread(target=work)
            thread.start()
            while thread.is_alive():
                await asyncio.sleep(1)
        assert told == [errno.ENOSPC]
        assert 2 <= world.clock.elapsed <= 4

    for seed in range(5):
        outcome = interlace.run(main, seed=seed)
        assert outcome.error is None, outcome.error
        assert not any("of a" in point.subject or "of b" in point.subject for point in outcome.points)


def test_a_file_left_open_is_an_ordinary_one_afterwards(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> object:
        world.files.fail(tmp_path)
        return open(tmp_path / "a", "w")

    with value(main) as file:
        file.write("hello")
    assert (tmp_path / "a").read_text() == "hello"


def test_links_and_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)

    async def main(world: interlace.World) -> None:
        world.files.fail("link/*.json")
        for path in ("real/a.json", "link/a.json", str(tmp_path / "real" / "a.json"), b"real/a.json"):
            with pytest.raises(OSError, match="No space"), open(path, "w") as file:
                file.write("hello")
        Path("link/a.txt").write_text("hello")
        world.files.heal("link/*.json")
        world.files.fail("**/deep/[ab].json")
        Path("real/deep").mkdir()
        with pytest.raises(OSError, match="No space"):
            Path("real/deep/a.json").write_text("hello")
        Path("real/deep/c.json").write_text("hello")

    value(main)


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("say", "told"),
    [
        (lambda files, path: files.fail(path, "ENOPE"), "no error is called 'ENOPE'; give the name of an errno"),
        (lambda files, path: files.fail(path, 28), "no error is called 28"),
        (lambda files, path: files.fail(path, "errorcode"), "no error is called 'errorcode'"),
        (lambda files, path: files.fail(path, after=-1), "after is -1; give the number of bytes"),
        (lambda files, path: files.fail(path, after=True), "after is True"),
        (lambda files, path: files.fail(path, "EIO", after=1), "say on='write'"),
        (lambda files, path: files.fail(path, times=0), "times is 0; give a whole number from 1 up"),
        (lambda files, path: files.fail(path, on="flush"), "nothing that is done to a file is called 'flush'"),
        (lambda files, path: files.fail(path, on=[]), "on is \\[\\]"),
        (lambda files, path: files.fail(path, on=3), "on is 3"),
        (lambda files, path: files.slow(path, "-5ms"), "latency '-5ms' cannot be read"),
        (lambda files, path: files.slow(path, -1), "latency -1 is not a duration"),
        (lambda files, path: files.slow(path, "9ms..1ms"), "ends before it begins"),
        (lambda files, path: files.slow(path, on="seek"), "called 'seek'"),
        (lambda files, path: files.faults(path), "asks for no fault: add enospc=True, eio=True, or both"),
        (lambda files, path: files.faults(path, eio=True, at_most=0), "at_most is 0; give a whole number"),
        (lambda files, path: files.heal(path), "nothing is wrong with that.*nothing so far"),
        (lambda files, path: files.tear(b"data"), "give the path of a file or a folder"),
        (lambda files, path: files.tear(""), "give the path of a file or a folder"),
        (lambda files, path: files.slow(None), "files.slow\\(None\\): give the path"),
        (lambda files, path: files.fail("a\0b"), "give the path of a file or a folder"),
        (lambda files, path: files.fail(path / "no" / "way" / "*.json"), r"there is no folder .*/no/way'; make it first, or write '.*/\*\*/\*.json'"),
    ],
)  # fmt: skip
def test_bad_input(tmp_path: Path, say, told: str) -> None:
    async def main(world: interlace.World) -> None:
        say(world.files, tmp_path)

    with pytest.raises(UsageError, match=told):
        value(main)


def test_after_the_run_it_is_too_late(tmp_path: Path) -> None:
    from interlace.backends.files import CALLS

    worlds: list[interlace.World] = []

    async def closes(world: interlace.World) -> None:
        worlds.append(world)
        world.files.fail(tmp_path)
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.stop)
        await asyncio.sleep(1)

    async def keeps(world: interlace.World) -> None:
        worlds.append(world)

    for main in (closes, keeps):
        interlace.run(main)
        assert not CALLS._watching
        with pytest.raises(UsageError, match="the run of this world is over"):
            worlds[-1].files.fail(tmp_path)
        assert not CALLS._watching


# -- determinism -----------------------------------------------------------------------------------


PROGRAM = """
import asyncio, sys, tempfile, os
from pathlib import Path
import aiofiles
import interlace

folder = Path(tempfile.mkdtemp())

async def main(world):
    for path in folder.iterdir():
        path.unlink()
    world.files.slow(folder, "1ms..50ms", on=["open", "read", "write", "sync", "rename"])
    world.files.tear(folder)
    host = world.host("app")

    async def save(name):
        with world.files.faults(folder, enospc=True, eio=True):
            try:
                async with aiofiles.tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
                    await file.write(name * 10)
                await asyncio.to_thread(os.replace, file.name, folder / name)
            except OSError:
                pass

    async def both():
        await asyncio.gather(save("a"), save("b"))

    await host.run(both)
    host.crash()
    return sorted((path.name, path.read_text()) for path in folder.iterdir() if len(path.name) == 1)

for seed in range(12):
    outcome = interlace.run(main, seed=seed)
    assert outcome.error is None, outcome.error
    print(seed, outcome.value, outcome.trace_hash, outcome.token, outcome.injected)
"""


def test_the_same_in_another_process(tmp_path: Path) -> None:
    def told(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TMPDIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = told("0")
    assert len(set(first.splitlines())) == 12
    assert "ENOSPC" in first
    assert told("1") == first
