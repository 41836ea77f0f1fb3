"""Other plugins that run async tests: whether they are there, and what it takes to stand in for one.

Imported in every pytest session, so it imports nothing that is slow.
"""

from __future__ import annotations

import importlib.util
import sys

import pytest

OTHERS = ("asyncio", "anyio")
"""Plugins that interlace can stand in for, by the name under which pytest knows them."""


def has_asyncio_plugin(plugins: pytest.PytestPluginManager) -> bool:
    """Tells whether the plugin of the real pytest-asyncio is loaded, or will be."""
    loaded = plugins.get_plugin("asyncio")
    if loaded is not None:
        return getattr(loaded, "__name__", "").startswith("pytest_asyncio.")
    return not plugins.is_blocked("asyncio") and is_installed("pytest_asyncio")


def has_anyio_plugin(plugins: pytest.PytestPluginManager) -> bool:
    """Tells whether the plugin of anyio is loaded."""
    return plugins.has_plugin("anyio")


def is_installed(name: str) -> bool:
    """Tells whether a package can be imported that is not an alias of ours."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        return getattr(loaded, "__name__", "") == name
    return importlib.util.find_spec(name) is not None


def offer_alias() -> None:
    """Makes `import pytest_asyncio` work where that is not installed."""
    if not is_installed("pytest_asyncio"):
        from interlace.plugin import pytest_asyncio

        sys.modules.setdefault("pytest_asyncio", pytest_asyncio)
        sys.modules.setdefault("pytest_asyncio.plugin", pytest_asyncio)


def take_over(config: pytest.Config, names: tuple[str, ...]) -> None:
    """Unregisters the plugins in whose place interlace is to run tests."""
    for name in names:
        plugin = config.pluginmanager.get_plugin(name)
        if plugin is not None and not getattr(plugin, "__name__", "").startswith("interlace."):
            config.pluginmanager.unregister(plugin)
            config.pluginmanager.set_blocked(name)
