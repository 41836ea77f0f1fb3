"""What was asked for on the command line, in the ini file and in the environment, read and checked.

Knows how to word a mistake. Does not know how a test is run, and imports nothing that is slow, since
it is loaded in every pytest session of a machine that has interlace installed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from interlace.errors import UsageError
from interlace.plugin.compat import is_written
from interlace.plugin.declare import SCOPES
from interlace.plugin.neighbours import OTHERS, has_asyncio_plugin, is_installed

if TYPE_CHECKING:
    from interlace.model.choice import Order
    from interlace.model.schedule import Recipe
    from interlace.model.start import Start

SCHEDULES = 200
"""How many schedules an exploration runs where nobody says otherwise."""

MODES = ("auto", "strict")
WORLDS = ("stock", "simulated")
BACKGROUND = ("error", "warn", "note", "ignore")
TAPES = ("replay", "record", "new")
FACTORY = "_asyncio_loop_factory"
"""The name under which a test is parametrized with loop factories."""
TAKE_OVER = "INTERLACE_TAKE_OVER"
"""The environment variable for the ini option `interlace_take_over`."""


class Settings(NamedTuple):
    """How one test is to be searched.

    Args:
        schedules: how many schedules to run at most; None: one plain run.
        order: which orders of steps are allowed.
        faults: what to inject.
        seed: what every random answer is drawn from.
        replay: the one schedule to run instead of all that; None: none.
        start: when and where its virtual time begins; None: as the ini file says.
    """

    schedules: int | None = None
    order: Order = "realistic"
    faults: tuple[str, ...] = ()
    seed: int = 0
    replay: Recipe | None = None
    start: Start | None = None


class Options(NamedTuple):
    """What the command line, the ini file and the environment asked for; None where they do not say.

    Args:
        mode: "auto" or "strict", see the ini option `interlace_mode`.
        explore: whether every async test is to be explored.
        schedules: the N of `--explore=N`.
        order: `--explore-order`.
        faults: `--explore-faults`.
        seed: `--explore-seed`.
        replay: `--replay`, read.
        simulated: whether tests are simulated that ask for nothing.
        limits: what `interlace_max_steps` and `interlace_max_time` say.
        start: when and where the virtual time of a test begins that does not say; None: as it always does.
        timeout: seconds that a test or a fixture may take; 0: any number.
        background: what an exception in the background leads to: "error", "warn", "note" or "ignore"; "": not
            said, see `interlace.plugin.watch`.
        asyncio: whether interlace stands in for pytest-asyncio.
        anyio: whether interlace stands in for the plugin of anyio.
        anyio_auto: whether every async test is one for anyio.
        fixture_scope: the scope of the loop of fixtures that do not say; None: their own scope.
        test_scope: the scope of the loop of tests that do not say; None: "function", or wider where
            their fixtures need it.
        marks: whether async tests get the marker `asyncio`, as pytest-asyncio does in its mode `auto`.
        debug: whether loops are in debug mode; None: as asyncio has it.
        overlap: how many tests may overlap; 0: none unless marked.
        tapes: how tapes are used, see `World.tape`.
    """

    mode: str = "auto"
    explore: bool = False
    schedules: int | None = None
    order: Order | None = None
    faults: tuple[str, ...] | None = None
    seed: int | None = None
    replay: Recipe | None = None
    simulated: bool = False
    limits: Mapping[str, Any] = MappingProxyType({})
    start: Start | None = None
    timeout: float = 0
    background: str = ""
    asyncio: bool = False
    anyio: bool = False
    anyio_auto: bool = False
    fixture_scope: str | None = None
    test_scope: str | None = None
    marks: bool = False
    debug: bool | None = None
    overlap: int = 0
    tapes: str = "replay"

    @property
    def takes_all(self) -> bool:
        """Whether async tests are run by interlace that were written for another plugin."""
        return self.explore or self.replay is not None

    def over(self, marked: Settings) -> Settings:
        """Returns the settings of a test that is marked with these; the command line has the last word."""
        if self.replay is not None:
            recipe = self.replay
            return Settings(None, recipe.order, recipe.faults, recipe.seed, recipe, recipe.start)
        if marked.start is None and self.start is not None:
            marked = marked._replace(start=self.start)
        if self.explore and marked.schedules is None:
            marked = marked._replace(schedules=SCHEDULES)
        if marked.schedules is None:
            return marked
        return Settings(
            marked.schedules if self.schedules is None else self.schedules,
            marked.order if self.order is None else self.order,
            marked.faults if self.faults is None else self.faults,
            marked.seed if self.seed is None else self.seed,
            start=marked.start,
        )


OPTIONS = pytest.StashKey[Options]()


def add_options(parser: pytest.Parser) -> None:
    """Declares the options and the ini options."""
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
        help="faults to inject while exploring: cancel, slow, crash, net, and others; separated by commas, repeatable",
    )
    group.addoption("--explore-seed", metavar="SEED", help="what random answers are drawn from (default 0)")
    group.addoption(
        "--replay", metavar="TOKEN", help="run the one schedule of this token, or of the token in this file"
    )
    group.addoption(
        "--overlap",
        metavar="N",
        help="let up to N async tests on the stock loop overlap that share nothing but their module",
    )
    group.addoption(
        "--tapes", metavar="MODE", help="tapes of real peers: replay, record, or new (no tape yet)"
    )
    parser.addini("interlace_tapes", "what --tapes says; replay unless given")
    parser.addini(
        "interlace_mode",
        "auto: run async tests without a marker, unless another plugin does; "
        "strict: only those that are marked or use the world fixture",
    )
    parser.addini("interlace_world", "stock, or simulated: where async tests run that ask for nothing")
    parser.addini(
        "interlace_timeout", "seconds that an async test or fixture may take: virtual ones in a world"
    )
    parser.addini("interlace_max_steps", "steps that a run in a world may take (1000000); 0: any number")
    parser.addini(
        "interlace_max_time", "virtual seconds that a run in a world may take (ten years); 0: any number"
    )
    parser.addini("interlace_now", "the date and time at the beginning of a simulated test, with its offset")
    parser.addini("interlace_tz", "the local time zone of simulated tests, as in Europe/Berlin")
    parser.addini(
        "interlace_background", "what an exception in the background leads to: error, warn, note, ignore"
    )
    parser.addini(
        "interlace_take_over",
        f"installed plugins whose tests interlace runs in their place: {', '.join(OTHERS)}",
        type="args",
    )


def add_asyncio_options(parser: pytest.Parser) -> None:
    """Declares the options of pytest-asyncio, which is not here to do it."""
    group = parser.getgroup("interlace")
    group.addoption("--asyncio-mode", dest="asyncio_mode", metavar="MODE", help="auto or strict")
    group.addoption(
        "--asyncio-debug", dest="asyncio_debug", action="store_true", help="event loops in debug mode"
    )
    parser.addini("asyncio_mode", "auto or strict; interlace_mode comes first")
    parser.addini("asyncio_debug", "event loops in debug mode", type="bool", default=False)
    parser.addini("asyncio_default_fixture_loop_scope", "the scope of the loop of fixtures that do not say")
    parser.addini("asyncio_default_test_loop_scope", "the scope of the loop of tests that do not say")


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


def wants_to_take_over(config: pytest.Config) -> tuple[str, ...]:
    """Returns the plugins in whose place interlace is to run tests.

    Raises:
        pytest.UsageError: a name that is none of them.
    """
    words = [*config.getini("interlace_take_over"), *os.environ.get(TAKE_OVER, "").replace(",", " ").split()]
    for word in words:
        if word not in OTHERS:
            raise pytest.UsageError(
                f"interlace_take_over names {word!r}: interlace can take over {', '.join(OTHERS)}"
            )
    return tuple(words)


def read_options(config: pytest.Config) -> Options:
    """Returns what was asked for.

    Raises:
        pytest.UsageError: an option that cannot work.
    """
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
    overlap = config.getoption("overlap")
    options = Options(
        mode=_one_of(config, "interlace_mode", MODES, ""),
        explore=explore is not None,
        schedules=_number("--explore", explore) if explore else None,
        order=order,
        faults=faults,
        seed=None if seed is None else _number("--explore-seed", seed),
        limits=_limits(config),
        start=_start(config),
        simulated=_one_of(config, "interlace_world", WORLDS, "stock") == "simulated",
        timeout=_seconds(config, "interlace_timeout"),
        background=_one_of(config, "interlace_background", BACKGROUND, ""),
        overlap=0 if overlap is None else _number("--overlap", overlap),
        tapes=_one_of(config, "interlace_tapes", TAPES, "replay", config.getoption("tapes")),
    )
    options = _read_anyio(config, _read_asyncio(config, options))
    try:
        if (options.schedules, order, faults) != (None, None, None):
            check_settings(options.over(Settings(SCHEDULES)))
        if token is None:
            return options
        from interlace.plugin.tokens import read_token

        return options._replace(replay=read_token(config, token))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def _limits(config: pytest.Config) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for name, number in (("max_steps", int), ("max_time", float)):
        if text := config.getini(f"interlace_{name}"):
            try:
                limits[name] = number(text)
            except ValueError:
                limits[name] = -1
            if not 0 <= limits[name] < 1e11:
                raise pytest.UsageError(
                    f"interlace_{name} is {text!r}: give a number from 0 up; 0: any number"
                )
    return limits


def _start(config: pytest.Config) -> Start | None:
    now, tz = config.getini("interlace_now") or None, config.getini("interlace_tz") or None
    if now is None and tz is None:
        return None
    from interlace.model.start import Start

    try:
        return Start.parse(now, tz)
    except UsageError as error:
        raise pytest.UsageError(f"interlace_now, interlace_tz: {error}") from None


def _read_asyncio(config: pytest.Config, options: Options) -> Options:
    """Adds the options of pytest-asyncio, where interlace stands in for it."""
    stands_in = not has_asyncio_plugin(config.pluginmanager)
    mode = options.mode
    if not stands_in:
        return options._replace(mode=mode or "auto", asyncio=False)
    given = config.getoption("asyncio_mode", None)
    # Where pytest-asyncio is taken over, its default is no word of the user's: tests run as if it were uninstalled.
    if not given and is_written(config, "asyncio_mode"):
        given = _ini(config, "asyncio_mode")
    if given and given not in MODES:
        raise pytest.UsageError(f"{given!r} is not a valid asyncio_mode. Valid modes: {', '.join(MODES)}.")
    scopes: dict[str, str | None] = {}
    for kind, extra in (("fixture", ("fixture-scope",)), ("test", ())):
        name = f"asyncio_default_{kind}_loop_scope"
        scope = _ini(config, name) or None
        if scope is not None and scope not in (*SCOPES, *extra):
            raise pytest.UsageError(
                f"{scope!r} is not a valid {name}. Valid scopes are: {', '.join(SCOPES)}."
            )
        scopes[f"{kind}_scope"] = None if scope == "fixture-scope" else scope
    debug = config.getoption("asyncio_debug", False) or _ini(config, "asyncio_debug")
    fields: dict[str, Any] = scopes
    return options._replace(
        mode=mode or given or "auto",
        asyncio=True,
        marks=given == "auto",
        debug=True if debug else None,
        **fields,
    )


def _read_anyio(config: pytest.Config, options: Options) -> Options:
    """Adds the options of anyio's plugin, where interlace stands in for it."""
    if "anyio" not in wants_to_take_over(config) or not is_installed("anyio"):
        return options
    mode = config.getoption("anyio_mode", None) or _ini(config, "anyio_mode")
    return options._replace(anyio=True, anyio_auto=mode == "auto")


def check_settings(settings: Settings) -> None:
    """Raises UsageError for settings that cannot work."""
    from interlace.engine.plan import Plan

    schedules = SCHEDULES if settings.schedules is None else settings.schedules
    Plan(schedules, settings.order, settings.faults, settings.seed)


def check_seconds(value: object, what: str) -> float:
    """Returns a number of seconds above 0.

    Raises:
        UsageError: it is not one.
    """
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        seconds = 0
    if isinstance(value, bool) or not 0 < seconds < 1e9:
        raise UsageError(f"{what} is {value!r}: give a number of seconds above 0")
    return seconds


def _ini(config: pytest.Config, name: str) -> Any:
    """Returns the value of an ini option of another plugin; None if that has not declared it, or is too old to."""
    try:
        return config.getini(name)
    except ValueError:
        return None


def _one_of(
    config: pytest.Config, name: str, words: tuple[str, ...], default: str, given: str | None = None
) -> str:
    word: str = config.getini(name) or default if given is None else given
    if (word and word not in words) or given == "":
        what = f"--{name.removeprefix('interlace_')}" if given is not None else name
        raise pytest.UsageError(f"{what} is {word!r}: use one of {', '.join(words)}")
    return word


def _seconds(config: pytest.Config, name: str) -> float:
    text = config.getini(name)
    try:
        return check_seconds(text, name) if text else 0
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def _number(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(f"{option}={text} is not a whole number") from None
