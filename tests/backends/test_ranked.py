"""Objects that libraries walk in sets: the order repeats, whatever their addresses are."""

import json
import subprocess
import sys

import anyio
import pytest
from anyio._backends import _asyncio

import interlace

SCOPES = 12

IMPORTED_WITHIN = """
import json
import interlace


async def main():
    import anyio
    from anyio._backends import _asyncio

    with anyio.CancelScope() as scope:
        hashes = [hash(_asyncio.CancelScope()) for _ in range(3)]
    told.append([hashes, type(scope).__mro__[1].__name__, _asyncio.__loader__.__class__.__name__])


told = []
for _ in range(2):
    assert interlace.run(main).error is None
print(json.dumps(told))
"""


async def cancel_many() -> None:
    """Cancels many scopes within a scope at once: each task has one of its own."""
    order: list[int] = []

    async def wait(number: int) -> None:
        with anyio.CancelScope():
            try:
                await anyio.sleep(number + 1)
            finally:
                order.append(number)

    async with anyio.create_task_group() as group:
        for number in range(SCOPES):
            group.start_soon(wait, number)
        await anyio.sleep(0.5)
        group.cancel_scope.cancel()
    assert sorted(order) == list(range(SCOPES))
    seen.append(order)


seen: list[list[int]] = []


def test_scopes_are_cancelled_in_an_order_that_repeats() -> None:
    seen.clear()
    kept, hashes = [], set()
    for number in range(20):
        kept += [
            [_asyncio.CancelScope() for _ in range(number % 5)]
        ]  # so that addresses are others each time
        del kept[: number % 3]
        outcome = interlace.run(cancel_many)
        assert outcome.error is None
        hashes.add(outcome.trace_hash)
    assert len(hashes) == 1
    assert all(order == seen[0] for order in seen)


def test_nothing_changes_outside_of_a_run() -> None:
    interlace.run(cancel_many)
    scope = _asyncio.CancelScope(deadline=5, shield=True)
    assert type(scope) is _asyncio.CancelScope
    assert (scope.deadline, scope.shield) == (5, True)
    assert scope.__hash__.__objclass__ is object  # type: ignore[attr-defined]
    assert not any(type(finder).__module__.startswith("interlace") for finder in sys.meta_path)


def test_a_scope_of_a_run_is_one_of_anyio() -> None:
    async def main() -> None:
        scope = _asyncio.CancelScope(shield=True)
        assert isinstance(scope, _asyncio.CancelScope)
        assert type(scope).__name__ == "CancelScope"
        assert scope.shield
        assert len({scope, scope, _asyncio.CancelScope()}) == 2

        class Own(_asyncio.CancelScope):
            pass

        assert isinstance(Own(), Own)
        with pytest.raises(ValueError, match="NaN"):
            _asyncio.CancelScope(deadline=float("nan"))

    outcome = interlace.run(main)
    assert outcome.error is None, outcome.error


def test_a_library_may_be_imported_within_a_run() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED_WITHIN], capture_output=True, text=True, timeout=60, check=True
    )
    first, second = json.loads(done.stdout)
    assert first == second
    (hashes, base, loader) = first
    assert hashes == sorted(hashes)
    assert max(hashes) < 100
    assert (base, loader) == ("CancelScope", "SourceFileLoader")
