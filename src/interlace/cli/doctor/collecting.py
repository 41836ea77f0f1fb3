"""Which files of a suite pytest would collect, and the reading of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from importlib.util import decode_source
from pathlib import Path

from interlace.cli.doctor.facts import Fixture, Module, Test
from interlace.cli.doctor.reading import Patterns, Source
from interlace.cli.doctor.settings import Settings
from interlace.cli.target import Wrong

_NOT_ENTERED = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")


class Suite:
    """The files of a suite, each read once.

    Args:
        start: the directory or the file that was named.
        settings: the configuration.
    """

    def __init__(self, start: Path, settings: Settings) -> None:
        self._settings = settings
        self._sources: dict[Path, Source | None] = {}
        self._errors: dict[Path, tuple[str, int]] = {}
        self._texts: dict[Path, str] = {}
        self._known: dict[tuple[Path, str], dict[str, list[Fixture]]] = {}
        self._found: dict[tuple[Path, str, int], Path | None] = {}
        patterns = Patterns(
            settings.words("python_classes", ("Test",)), settings.words("python_functions", ("test",))
        )
        files = list(dict.fromkeys(self._files(start)))
        self.modules = tuple(self._module(file, patterns) for file in files)
        self.conftests = tuple(self._module(file, patterns) for file in self._conftests(start, files))

    def fixtures(self, module: Module, test: Test) -> dict[str, list[Fixture]]:
        """Returns the fixtures that a test can ask for by name, each with those that it overrides, nearest last."""
        holder = test.function.name.rpartition(".")[0]
        key = module.file, holder if any(one.holder == holder for one in module.fixtures) else ""
        if key not in self._known:
            found: dict[str, list[Fixture]] = {}
            for one in (*self._above(module), module):
                for fixture in one.fixtures:
                    if not fixture.holder or fixture.holder == key[1]:
                        found.setdefault(fixture.name, []).append(fixture)
            self._known[key] = found
        return self._known[key]

    def marks_all(self, module: Module) -> frozenset[str]:
        """Returns the markers that hooks above a file may put on its tests."""
        return frozenset().union(*(one.marks_all for one in self._above(module)))

    def _above(self, module: Module) -> list[Module]:
        """Returns the files conftest.py that count for a file, the nearest last."""
        return [one for one in self.conftests if one.file.parent in module.file.parents]

    @property
    def all_modules(self) -> tuple[Module, ...]:
        """The test files, and the files conftest.py."""
        return (*self.conftests, *self.modules)

    # -- files -----------------------------------------------------------------------------------

    def _files(self, start: Path) -> Iterator[Path]:
        if start.is_file():
            yield start
            return
        named = [start]
        if start == self._settings.root and (paths := self._settings.words("testpaths")):
            # Where none of them is there, pytest looks in the whole rootdir.
            named = [one for path in paths for one in sorted(start.glob(path))] or named
        wanted = self._settings.words("python_files", ("test_*.py", "*_test.py"))
        for path in named:
            if path.is_file():
                yield path
                continue
            for file in self._walk(path):
                if any(_fits(file, pattern) for pattern in wanted):
                    yield file

    def _walk(self, directory: Path) -> Iterator[Path]:
        never = self._settings.words("norecursedirs", _NOT_ENTERED)
        ignored = [self._settings.root / path for path in self._settings.options("--ignore")]
        globs = self._settings.options("--ignore-glob")
        for base, directories, files in os.walk(directory):
            here = Path(base)
            directories[:] = sorted(
                name
                for name in directories
                if name != "__pycache__"
                and not any(_fits(here / name, pattern) for pattern in never)
                and not (here / name / "pyvenv.cfg").is_file()
                and here / name not in ignored
            )
            for name in sorted(files):
                file = here / name
                if (
                    name.endswith(".py")
                    and file not in ignored
                    and not any(fnmatch(str(file), one) for one in globs)
                ):
                    yield file

    def _conftests(self, start: Path, files: Iterable[Path]) -> list[Path]:
        root = self._settings.root
        directories = {start if start.is_dir() else start.parent}
        for file in files:
            directories |= {one for one in file.parents if one == root or root in one.parents}
        return [file for one in sorted(directories) if (file := one / "conftest.py").is_file()]

    # -- reading ---------------------------------------------------------------------------------

    def _module(self, file: Path, patterns: Patterns) -> Module:
        source = self._source(file)
        if source is not None:
            return source.read(patterns)
        error, line = self._errors[file]
        return Module(file, error=error, error_line=line)

    def _source(self, file: Path) -> Source | None:
        if file not in self._sources:
            self._sources[file] = None  # for files that import each other
            try:
                text = decode_source(file.read_bytes())
                self._sources[file] = Source(file, text, lambda *what: self._imported(file, *what))
            except SyntaxError as error:
                self._errors[file] = f"{type(error).__name__}: {error.msg}", error.lineno or 0
            except (OSError, ValueError, RecursionError) as error:
                self._errors[file] = f"{type(error).__name__}: {error}", 0
        return self._sources[file]

    def _imported(self, file: Path, name: str, dots: int, word: str) -> Source | None:
        """Returns the file of the suite that is imported under a name, if a word is in it."""
        key = file.parent, name, dots
        if key not in self._found:
            self._found[key] = self._look_for(file.parent, name, dots)
        found = self._found[key]
        if found is None or found == file or word not in self._text(found):
            return None
        return self._source(found)

    def _text(self, file: Path) -> str:
        if file not in self._texts:
            try:
                self._texts[file] = decode_source(file.read_bytes())
            except (OSError, ValueError, SyntaxError):
                self._texts[file] = ""
        return self._texts[file]

    def _look_for(self, directory: Path, name: str, dots: int) -> Path | None:
        root = self._settings.root
        above = [directory, *directory.parents]
        if dots:
            bases = above[dots - 1 : dots]
        else:
            bases = [*(one for one in above if one == root or root in one.parents), root / "src"]
        for base in bases:
            path = base.joinpath(*name.split(".")) if name else base
            for candidate in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
                if candidate.is_file():
                    return candidate
        return None


def _fits(path: Path, pattern: str) -> bool:
    """Tells whether a path fits a pattern: its name, or all of it where the pattern has a slash."""
    if os.sep in pattern:
        return fnmatch(str(path), f"*{os.sep}{pattern}")
    return fnmatch(path.name, pattern)


def start_of(path: str) -> Path:
    """Returns the directory or the file that was named on the command line.

    Raises:
        UsageError: there is no such thing, or it is not a file of Python.
    """
    start = Path(os.path.abspath(path))
    if not start.exists():
        raise Wrong(f"there is no file or directory {path!r}", "interlace doctor tests")
    if start.is_file() and start.suffix != ".py":
        raise Wrong(
            f"{path!r} is not a Python file: name a test file, or the directory of a suite",
            "interlace doctor",
        )
    return start
