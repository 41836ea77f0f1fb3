"""How the tapes of a test are used, as the command line says."""

from __future__ import annotations

import shlex

import pytest

from interlace.errors import UsageError
from interlace.plugin.options import OPTIONS
from interlace.sim.taping import Taping

_OWNERS = pytest.StashKey[dict[str, str]]()
_RECORDED = pytest.StashKey[set[str]]()


def taping_of(item: pytest.Item) -> Taping:
    """Returns how the tapes of a test are used; each is recorded by one test of a session only."""
    stash = item.config.stash
    owners, recorded = stash.setdefault(_OWNERS, {}), stash.setdefault(_RECORDED, set())

    def claim(path: str) -> bool:
        owner = owners.setdefault(path, item.nodeid)
        if owner != item.nodeid:
            raise UsageError(
                f"{owner} has recorded the tape {path} in this session, and {item.nodeid} would write over it: give each "
                "test a tape of its own, named after it"
            )
        return path not in recorded  # a search may come back to the plain run

    command = f"pytest --tapes=record {shlex.quote(item.nodeid)}"
    return Taping(stash[OPTIONS].tapes, command, claim, recorded.add)
