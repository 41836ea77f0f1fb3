"""Checks of the configuration: options that cannot work, and plugins that stand in each other's way."""

from __future__ import annotations

from collections.abc import Iterator

from interlace.cli.doctor.examined import SCOPES, Change, Examined, Place
from interlace.cli.doctor.facts import Spot
from interlace.cli.doctor.installed import OLDEST_PYTEST, interlace_is_off


def _pytest_itself(examined: Examined) -> Iterator[Change]:
    version = examined.installed.pytest
    oldest = ".".join(map(str, OLDEST_PYTEST))
    if not version:
        title = "pytest is not installed in the Python that runs interlace"
        yield Change("no-pytest", title, setting=("the shell", "python -m pip install pytest"))
    elif examined.installed.pytest_version < OLDEST_PYTEST:
        title = f"pytest is {version}; interlace needs {oldest} or newer"
        yield Change("old-pytest", title, setting=("the shell", f"python -m pip install 'pytest>={oldest}'"))


def _switched_off(examined: Examined) -> Iterator[Change]:
    if "no:interlace" in examined.settings.options("-p"):
        title = "pytest is told not to load interlace: take `-p no:interlace` out"
        yield Change("interlace-off", title, _option_place(examined, "addopts"))
    elif interlace_is_off(examined.settings):
        title = "PYTEST_DISABLE_PLUGIN_AUTOLOAD keeps pytest from loading interlace: name it"
        yield Change("interlace-off", title, setting=("the shell", "pytest -p interlace.plugin"))


def _modes(examined: Examined) -> Iterator[Change]:
    settings = examined.settings
    word = settings.text("asyncio_mode", "--asyncio-mode")
    if word == "legacy":
        title = "asyncio_mode = legacy is gone since pytest-asyncio 0.23; auto is what it was closest to"
        yield _option_change(examined, "legacy-mode", title, "asyncio_mode", "auto")
    elif word not in (None, "auto", "strict"):
        title = f"asyncio_mode is {word!r}: it can be auto or strict"
        yield _option_change(examined, "bad-option", title, "asyncio_mode", "auto")
    for name, words in {
        "interlace_mode": ("auto", "strict"),
        "interlace_world": ("stock", "simulated"),
        "interlace_background": ("error", "warn", "note", "ignore"),
        "asyncio_default_test_loop_scope": SCOPES,
        "asyncio_default_fixture_loop_scope": (*SCOPES, "fixture-scope"),
    }.items():
        value = settings.text(name)
        if value and value not in words:
            title = f"{name} is {value!r}: it can be {', '.join(words)}"
            yield _option_change(examined, "bad-option", title, name, words[0])
    strangers = [word for word in settings.take_over if word not in ("asyncio", "anyio")]
    if strangers:
        title = f"interlace_take_over names {strangers[0]!r}: interlace can take over asyncio and anyio"
        yield _option_change(examined, "bad-option", title, "interlace_take_over", "asyncio anyio")


def _option_change(examined: Examined, code: str, title: str, name: str, value: str) -> Change:
    settings = examined.settings
    line = settings.spell(name, value)
    return Change(code, title, _option_place(examined, name), (settings.where, line))


def _option_place(examined: Examined, name: str) -> tuple[Place, ...]:
    section, line = examined.settings.section, examined.settings.line(name)
    return (Place(Spot(section.file, line), name),) if section is not None and line is not None else ()


def _two_autos(examined: Examined) -> Iterator[Change]:
    rules = examined.rules
    marked = sorted({mark for case in examined.cases for mark in case.seen.marks & {"anyio", "trio"}})
    if (
        marked
        and rules.asyncio
        and rules.asyncio_mode == "auto"
        and "asyncio" not in examined.settings.take_over
    ):
        title = (
            f"tests marked {' and '.join(marked)}, and pytest-asyncio in auto mode takes them as well: let it take "
            "marked ones only"
        )
        yield _option_change(examined, "two-runners", title, "asyncio_mode", "strict")


def _policies(examined: Examined) -> Iterator[Change]:
    found = [one for one in examined.fixtures if one.name == "event_loop_policy"]
    if found:
        title = (
            "policies of event loops are deprecated since Python 3.14: a hook names loop factories instead"
        )
        setting = "conftest.py", 'def pytest_asyncio_loop_factories(config, item): return {"mine": MyLoop}'
        places = tuple(Place(one.function.spot, one.name) for one in found)
        yield Change("loop-policy", title, places, setting, must=False)


def _named_plugin(examined: Examined) -> Iterator[Change]:
    """What would break on the day when pytest-asyncio is uninstalled."""
    required = examined.settings.text("required_plugins") or ""
    if "pytest-asyncio" in required:
        title = "required_plugins names pytest-asyncio: take it out before you uninstall that"
        yield Change("required-plugin", title, _option_place(examined, "required_plugins"), must=False)


SETTINGS = (_pytest_itself, _switched_off, _modes, _two_autos, _policies, _named_plugin)
