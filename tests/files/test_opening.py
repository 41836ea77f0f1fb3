"""`open` while a test speaks of files: whatever it is given, it does what it does elsewhere."""

import io
import itertools
import os
import warnings
from pathlib import Path

import pytest

import interlace

MODES = [
    *(
        "r",
        "w",
        "a",
        "x",
        "r+",
        "w+",
        "a+",
        "x+",
        "rb",
        "wb",
        "ab",
        "xb",
        "rb+",
        "w+b",
        "a+b",
        "xb+",
        "rt",
        "+tw",
    ),
    *("", "q", "rw", "rr", "bt", "b", "+", "rU", "r++"),
]
OPTIONS = [
    {}, {"buffering": 0}, {"buffering": 1}, {"buffering": 2}, {"buffering": 100_000}, {"buffering": "1"},
    {"encoding": "latin-1"}, {"encoding": "no such"}, {"errors": "replace"}, {"newline": "\r\n"}, {"newline": "x"},
    {"closefd": False}, {"opener": lambda name, flags: os.open(name, flags, 0o600)},
]  # fmt: skip


def told(path: object, mode: str, options: dict[str, object], text: str) -> list[object]:
    """What comes of opening a file, and of using it in every way, in words."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            file = open(path, mode, **options)  # type: ignore[call-overload]  # noqa: SIM115
    except Exception as error:
        return [type(error).__name__, str(error), getattr(error, "filename", None)]
    said: list[object] = [str(one.message) for one in caught]
    with file:
        raw = getattr(getattr(file, "buffer", file), "raw", file)
        said += [
            type(file).__name__,
            type(raw).__name__,
            raw.mode,
            file.name,
            file.mode,
            file.readable(),
            file.writable(),
        ]
        said += [getattr(file, name, None) for name in ("encoding", "errors", "newlines", "line_buffering")]
        said.append(repr(file))
        given = text if isinstance(file, io.TextIOBase) else text.encode("latin-1")
        for act in (
            lambda: file.write(given),
            lambda: file.writelines([given, given]),
            lambda: file.seek(0),
            lambda: file.read(2),
            lambda: file.readline(),
            lambda: list(file),
            lambda: file.readinto(bytearray(3)),
            lambda: file.truncate(4),
            lambda: file.tell(),
            lambda: file.seek(1),
            lambda: file.read(),
            lambda: file.flush(),
            lambda: file.isatty(),
        ):
            try:
                said.append(act())
            except Exception as error:
                said.append([type(error).__name__, str(error)])
    try:
        file.write(given)
    except Exception as error:
        said.append([type(error).__name__, str(error)])
    return [*said, file.closed, repr(raw)]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "none")
def test_it_does_the_same(tmp_path: Path, options: dict[str, object]) -> None:
    path = tmp_path / "file"

    def all_told() -> list[object]:
        found: list[object] = []
        for mode, exists in itertools.product(MODES, (True, False)):
            path.unlink(missing_ok=True)
            if exists:
                path.write_bytes(b"one\r\ntwo\nthree")
            names = (str(path), path, os.fsencode(path))
            found += [[mode, exists, *told(name, mode, options, "h\xe9llo\n")] for name in names]
            found.append(path.read_bytes() if path.exists() else None)
        return found + [
            told(name, "r", options, "") for name in ("", "a\0b", None, 1.5, tmp_path, 10_000, -1)
        ]

    async def main(world: interlace.World) -> list[object]:
        world.files.fail(tmp_path, "EDOM", on="rename")
        world.files.tear(tmp_path)
        return all_told()

    outcome = interlace.run(main)
    assert outcome.error is None
    for got, wanted in zip(outcome.value, all_told(), strict=True):
        if isinstance(got, list):
            assert list(map(str, got)) == list(map(str, wanted))
        assert got == wanted


@pytest.mark.parametrize(
    "call",
    [
        lambda path: os.write(), lambda path: os.write(1.5, b""), lambda path: os.write(fd=1, data=b""),
        lambda path: os.write(99_999, b""), lambda path: os.read(99_999, 1), lambda path: os.read(0, "x"),
        lambda path: os.open(path, "r"), lambda path: os.open(path / "none", os.O_RDONLY), lambda path: os.fsync("x"),
        lambda path: os.fsync(99_999), lambda path: os.rename(path), lambda path: os.rename(path / "none", path / "b"),
        lambda path: os.replace(path / "none", 3), lambda path: os.unlink(path / "none"), lambda path: os.remove(3),
        lambda path: os.truncate(path / "none", 1), lambda path: os.pwrite(99_999, b"", 0), lambda path: os.pread(1),
        lambda path: os.sendfile(99_999, 99_998, 0, 1), lambda path: os.fsync(99_999, 2),
    ],
)  # fmt: skip
def test_errors_of_calls_are_the_same(tmp_path: Path, call) -> None:
    def told() -> object:
        try:
            return call(tmp_path)
        except Exception as error:
            return type(error), getattr(error, "errno", None), getattr(error, "filename", None)

    async def main(world: interlace.World) -> object:
        world.files.tear(tmp_path)
        (tmp_path / "open").write_text("")
        os.close(os.open(tmp_path / "open", os.O_RDONLY))
        return told()

    assert interlace.run(main).value == told()
