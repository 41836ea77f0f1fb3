"""How the tapes of a test are used, as the command line says."""

from __future__ import annotations

import shlex

import pytest

from interlace.errors import UsageError
from interlace.plugin.options import OPTIONS
from interlace.sim.taping import Taping

_OWNERS = pytest.StashKey[dict[str, str]]()


def taping_of(item: pytest.Item) -> Taping:
    """Returns how the tapes of a test are used; each is recorded by one test of a session only."""
    owners = item.config.stash.setdefault(_OWNERS, {})

    def claim(path: str) -> None:
        owner = owners.setdefault(path, item.nodeid)
        if owner != item.nodeid:
            raise UsageError(
                f"{owner} has recorded the tape {path} in this session, and {item.nodeid} would write over it: give each "
                "test a tape of its own, named after it"
            )

    command = f"pytest --tapes=record {shlex.quote(item.nodeid)}"
    return Taping(item.config.stash[OPTIONS].tapes, command, claim)
