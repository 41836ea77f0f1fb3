"""What was asked for: command line options, ini options and markers, read and checked.

Knows how to word a mistake. Does not know how a test is run, and imports nothing that is slow, since
it is loaded in every pytest session of a machine that has interlace installed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from interlace.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from interlace.model.choice import Order
    from interlace.model.schedule import Recipe

SCHEDULES = 200
"""How many schedules an exploration runs where nobody says otherwise."""

MODES = ("auto", "strict")

MARKERS = (
    "interlace: run this async test once, in a simulated world",
    "explore(schedules=200, order='realistic', faults=(), seed=0): run this async test under many schedules",
)

_ARGUMENTS = ("schedules", "order", "faults", "seed")


@dataclass(frozen=True)
class Settings:
    """How one test is to be run.

    Args:
        schedules: how many schedules to run at most; None: one plain run.
        order: which orders of steps are allowed.
        faults: what to inject.
        seed: what every random answer is drawn from.
        replay: the one schedule to run instead of all that; None: none.
    """

    schedules: int | None = None
    order: Order = "realistic"
    faults: tuple[str, ...] = ()
    seed: int = 0
    replay: Recipe | None = None


@dataclass(frozen=True)
class Options:
    """What the command line and the ini file asked for; None where they do not say.

    Args:
        mode: "auto" or "strict", see the ini option `interlace_mode`.
        explore: whether every async test is to be explored.
        schedules: the N of `--explore=N`.
        order: `--explore-order`.
        faults: `--explore-faults`.
        seed: `--explore-seed`.
        replay: `--replay`, read.
    """

    mode: str = "auto"
    explore: bool = False
    schedules: int | None = None
    order: Order | None = None
    faults: tuple[str, ...] | None = None
    seed: int | None = None
    replay: Recipe | None = None

    @property
    def takes_all(self) -> bool:
        """Whether async tests are run by interlace that were written for another plugin."""
        return self.explore or self.replay is not None

    def over(self, marked: Settings) -> Settings:
        """Returns the settings of a test that is marked with these; the command line has the last word."""
        if self.replay is not None:
            recipe = self.replay
            return Settings(None, recipe.order, recipe.faults, recipe.seed, recipe)
        if self.explore and marked.schedules is None:
            marked = replace(marked, schedules=SCHEDULES)
        if marked.schedules is None:
            return marked
        return Settings(
            marked.schedules if self.schedules is None else self.schedules,
            marked.order if self.order is None else self.order,
            marked.faults if self.faults is None else self.faults,
            marked.seed if self.seed is None else self.seed,
        )


OPTIONS = pytest.StashKey[Options]()


def add_options(parser: pytest.Parser) -> None:
    """Declares the options and the ini option."""
    group = parser.getgroup("interlace", "simulated async tests (interlace)")
    group.addoption(
        "--explore",
        nargs="?",
        const="",
        metavar="N",
        help=f"run every async test under N schedules (default {SCHEDULES}) and make what fails small",
    )
    group.addoption(
        "--explore-order", metavar="ORDER", help="which orders to explore: realistic, batch or any"
    )
    group.addoption(
        "--explore-faults",
        action="append",
        metavar="FAULTS",
        help="faults to inject while exploring: cancel, cancel:TASK, slow; separated by commas, repeatable",
    )
    group.addoption("--explore-seed", metavar="SEED", help="what random answers are drawn from (default 0)")
    group.addoption(
        "--replay", metavar="TOKEN", help="run the one schedule of this token, or of the token in this file"
    )
    parser.addini(
        "interlace_mode",
        "auto: run async tests without a marker in a simulated world, unless another plugin does; "
        "strict: only those that are marked or use the world fixture",
        default="auto",
    )


def split_explore(args: list[str]) -> bool:
    """Keeps `--explore tests/` from taking the path for a number, in place; returns whether it had to."""
    end = args.index("--") if "--" in args else len(args)
    found = False
    for number, argument in enumerate(args[:end]):
        following = args[number + 1] if number + 1 < end else "-"
        if argument == "--explore" and not following.startswith("-") and not following.isdigit():
            args[number] = "--explore="
            found = True
    return found


def read_options(config: pytest.Config) -> Options:
    """Returns what was asked for.

    Raises:
        pytest.UsageError: an option that cannot work.
    """
    mode = config.getini("interlace_mode")
    if mode not in MODES:
        raise pytest.UsageError(f"interlace_mode is {mode!r}: use one of {', '.join(MODES)}")
    explore, token = config.getoption("explore"), config.getoption("replay")
    if explore is not None and token is not None:
        raise pytest.UsageError("--replay runs one schedule and --explore many: give one of them")
    order, seed = config.getoption("explore_order"), config.getoption("explore_seed")
    words: list[str] | None = config.getoption("explore_faults")
    faults = (
        None
        if words is None
        else tuple(part.strip() for word in words for part in word.split(",") if part.strip())
    )
    options = Options(
        mode=mode,
        explore=explore is not None,
        schedules=_number("--explore", explore) if explore else None,
        order=order,
        faults=faults,
        seed=None if seed is None else _number("--explore-seed", seed),
    )
    try:
        if (options.schedules, order, faults) != (None, None, None):
            _check(options.over(Settings(SCHEDULES)))
        return options if token is None else replace(options, replay=_read_token(config, token))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def marked_settings(item: pytest.Item) -> Settings | None:
    """Returns what the markers of a test ask for; None if it has neither `interlace` nor `explore`.

    Raises:
        UsageError: a marker that cannot work.
    """
    mark = item.get_closest_marker("explore")
    if mark is None:
        mark = item.get_closest_marker("interlace")
        if mark is None:
            return None
        if mark.args or mark.kwargs:
            raise UsageError(
                "@pytest.mark.interlace takes no arguments: to run many schedules, use @pytest.mark.explore"
            )
        return Settings()
    if mark.args:
        raise UsageError(f"@pytest.mark.explore takes named arguments only: write schedules={mark.args[0]!r}")
    unknown = [name for name in mark.kwargs if name not in _ARGUMENTS]
    if unknown:
        raise UsageError(
            f"@pytest.mark.explore has no argument {unknown[0]!r}: it takes {', '.join(_ARGUMENTS)}"
        )
    given: dict[str, Any] = {"schedules": SCHEDULES, **mark.kwargs}
    faults = given.get("faults", ())
    if isinstance(faults, str):
        faults = (faults,)
    if not isinstance(faults, Iterable):
        raise UsageError(f"faults is {faults!r}: give a tuple of names, such as ('cancel',)")
    settings = Settings(**{**given, "faults": tuple(faults)})
    if settings.schedules is None:
        raise UsageError("schedules is None: give a whole number of runs, at least 1")
    _check(settings)
    return settings


def check_markers(item: pytest.Item) -> None:
    """Checks the markers of a test while it is collected.

    Raises:
        UsageError: a marker that cannot work, or one on a test that is not async.
    """
    try:
        marked = marked_settings(item)
        own = [mark.name for mark in item.own_markers if mark.name in ("interlace", "explore")]
        if marked is not None and own and not is_async(item):
            raise UsageError(
                f"@pytest.mark.{own[-1]} is for a test that is defined with 'async def' and has no yield"
            )
    except UsageError as error:
        path, line, _ = item.reportinfo()
        raise UsageError(f"{path}:{(line or 0) + 1}: in {item.name}: {error}") from None


def is_async(item: pytest.Item) -> bool:
    """Tells whether a test is an async test function."""
    # What has nofuncargs is a method of a unittest.TestCase, which runs itself.
    return (
        isinstance(item, pytest.Function)
        and not getattr(item, "nofuncargs", False)
        and inspect.iscoroutinefunction(item.obj)
    )


def _check(settings: Settings) -> None:
    from interlace.engine.plan import Plan

    schedules = SCHEDULES if settings.schedules is None else settings.schedules
    Plan(schedules, settings.order, settings.faults, settings.seed)


def _number(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(f"{option}={text} is not a whole number") from None


def _read_token(config: pytest.Config, text: str) -> Recipe:
    """Reads the token, or the token in the file of that name, relative to here or to the rootdir."""
    from interlace.model.schedule import Recipe

    for directory in (config.invocation_params.dir, config.rootpath):
        file = directory / text
        if _is_file(file):
            try:
                return Recipe.parse(file.read_text(encoding="ascii"))
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"the token file {text} cannot be read ({error}): explore again") from None
    return Recipe.parse(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # too long for a name: a token
        return False
