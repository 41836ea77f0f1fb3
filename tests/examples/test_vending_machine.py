"""The example keeps its promises: its test passes, exploration finds the bug, the fixed machine passes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import interlace

pytest.importorskip("aiohttp")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "vending_machine"
MODULES = {path.stem for path in EXAMPLE.glob("*.py")}


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(EXAMPLE)
    yield import_module("test_machine")
    for name in MODULES:
        sys.modules.pop(name, None)


def test_the_plain_test_passes_in_a_virtual_hour(story: ModuleType) -> None:
    outcome = interlace.run(story.test_the_last_chips)
    assert outcome.error is None
    assert outcome.elapsed == 3600.08


def test_exploration_finds_the_bug(story: ModuleType) -> None:
    failure = interlace.explore(story.test_the_last_chips).failure
    assert failure is not None
    assert (failure.type, failure.message, failure.label) == ("IndexError", "pop from empty list", "real")
    assert failure.runs_to_failure <= 60
    assert len(failure.deviations) == 1
    assert failure.twin is not None


@pytest.mark.parametrize("seed", range(1, 4))
def test_any_seed_finds_the_bug(story: ModuleType, seed: int) -> None:
    assert interlace.explore(story.test_the_last_chips, seed=seed).failure is not None


def test_the_fixed_machine_passes(story: ModuleType) -> None:
    result = interlace.explore(story.test_the_last_chips_from_the_fixed_machine, schedules=120)
    assert result.verdict.status == "passed"
    assert not result.latent


@pytest.mark.parametrize("kind", ["VendingMachine", "FixedMachine"])
def test_who_pays_too_little_gets_nothing(story: ModuleType, kind: str) -> None:
    async def poor() -> None:
        shelves = {"nuts": ["nuts"]}
        async with (
            story.TestServer(story.warehouse()) as server,
            getattr(story, kind)(server.make_url("/"), shelves) as machine,
        ):
            with pytest.raises(import_module("machine").NotEnough, match="nuts costs 3, not 1"):
                await machine.buy("nuts", coins=1)
            assert (machine.till, machine.shelves) == (0, {"nuts": ["nuts"]})

    assert interlace.run(poor).error is None


REPLAY = """
import sys, interlace, test_machine
outcome = interlace.replay(test_machine.test_the_last_chips, sys.argv[1])
print(type(outcome.error).__name__, outcome.trace_hash)
"""


def test_the_token_works_in_other_processes(story: ModuleType) -> None:
    failure = interlace.explore(story.test_the_last_chips).failure
    assert failure is not None
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", REPLAY, failure.token],
            cwd=EXAMPLE,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == ["IndexError", failure.smallest.trace_hash]
