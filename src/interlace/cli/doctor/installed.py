"""Which pytest plugins are installed in this interpreter, and which of them have to do with async tests."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions

from interlace.cli.doctor.settings import Settings

OLDEST_PYTEST = (8, 2)

_MEANING = {
    "pytest-asyncio": "runs async tests of asyncio; interlace can take them over",
    "anyio": "runs tests marked anyio; interlace can take them over",
    "pytest-trio": "runs tests on Trio; left to it",
    "pytest-twisted": "runs tests on Twisted's reactor; left to it",
    "pytest-tornasync": "runs async tests that nobody has claimed, on Tornado's loop; left to it",
    "pytest-tornado": "runs tests marked gen_test on Tornado's loop; left to it",
    "pytest-curio": "runs tests marked curio; left to it",
    "pytest-asyncio-cooperative": "runs tests marked asyncio_cooperative, overlapping; left to it",
    "pytest-aiohttp": "fixtures for aiohttp, on pytest-asyncio",
    "pytest-sanic": "fixtures for sanic, on the fixture loop",
    "pytest-timeout": "ends hanging tests; interlace_timeout tells where each task waits",
    "pytest-xdist": "spreads tests over processes",
    "pytest-randomly": "shuffles tests, seeds random numbers",
    "pytest-rerunfailures": "runs failed tests again",
    "pytest-cov": "measures coverage",
    "pytest-django": "fixtures for Django",
    "pytest-mock": "fixtures for mocks",
    "hypothesis": "runs a test with many examples",
}
"""What is worth saying of a plugin, by the name of its package. Others are not shown."""


@dataclass(frozen=True)
class Plugin:
    """A package that brings pytest plugins.

    Args:
        package: its name.
        version: its version.
        names: those that pytest knows its plugins by.
        meaning: what it is to async tests; "" if nothing is known.
        disabled: whether pytest is told not to load it.
    """

    package: str
    version: str
    names: tuple[str, ...]
    meaning: str
    disabled: bool = False


@dataclass(frozen=True)
class Installed:
    """What is installed.

    Args:
        pytest: its version; "" if it is missing.
        plugins: sorted by name.
        others: packages of other kinds that matter: their names in lower case.
    """

    pytest: str
    plugins: tuple[Plugin, ...]
    others: frozenset[str] = frozenset()

    def active(self, package: str) -> Plugin | None:
        """Returns a plugin that pytest will load; None if it will not."""
        found = (one for one in self.plugins if one.package == package and not one.disabled)
        return next(found, None)

    @property
    def pytest_version(self) -> tuple[int, ...]:
        """The version of pytest in numbers; that of the newest if it is missing."""
        return numbers(self.pytest) if self.pytest else (sys.maxsize,)


def find_packages() -> list[Distribution]:
    """Returns the packages of this interpreter; the first of a name is the one that is imported."""
    found: dict[str, Distribution] = {}
    for package in distributions():
        name = _normal(package.metadata["Name"] or "")
        if name:
            found.setdefault(name, package)
    return [found[name] for name in sorted(found)]


def read_packages(packages: Iterable[Distribution]) -> Installed:
    """Returns what these packages mean to pytest."""
    pytest, plugins, others = "", [], set()
    for package in packages:
        name = _normal(package.metadata["Name"])
        others.add(name)
        if name == "pytest":
            pytest = package.version
        entries = tuple(entry.name for entry in package.entry_points if entry.group == "pytest11")
        if entries and name not in ("pytest", "interlace"):
            plugins.append(Plugin(name, package.version, entries, _MEANING.get(name, "")))
    return Installed(pytest, tuple(plugins), frozenset(others))


def switch_off(installed: Installed, settings: Settings) -> Installed:
    """Returns the same with the plugins marked that the configuration keeps pytest from loading."""
    asked = settings.options("-p")
    blocked = {name[3:] for name in asked if name.startswith("no:")}
    only = bool(settings.environment.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"))
    wanted = {name for name in asked if not name.startswith("no:")}
    wanted |= set(settings.environment.get("PYTEST_PLUGINS", "").split(","))

    def is_off(plugin: Plugin) -> bool:
        if blocked & set(plugin.names):
            return True
        modules = {plugin.package.replace("-", "_")}
        return only and not (wanted & ({*plugin.names} | modules | {f"{one}.plugin" for one in modules}))

    plugins = tuple(
        Plugin(one.package, one.version, one.names, one.meaning, is_off(one)) for one in installed.plugins
    )
    return Installed(installed.pytest, plugins, installed.others)


def interlace_is_off(settings: Settings) -> bool:
    """Tells whether the configuration keeps pytest from loading interlace."""
    if "no:interlace" in settings.options("-p"):
        return True
    if not settings.environment.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        return False
    wanted = {*settings.options("-p"), *settings.environment.get("PYTEST_PLUGINS", "").split(",")}
    return not wanted & {"interlace", "interlace.plugin"}


def numbers(version: str) -> tuple[int, ...]:
    """Returns the leading numbers of a version."""
    return tuple(int(part) for part in re.match(r"[\d.]*", version)[0].split(".") if part)  # type: ignore[index]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
