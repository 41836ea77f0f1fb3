"""Whether a test that fails in the plain simulated run fails on the stock loop too.

In the plain run everything is first in, first out, and nothing takes time. Whoever fails there fails
whatever the order, and so no order is blamed: either the failure is an ordinary one, and comes up on the
stock loop as well, or it is one of the simulation, and the test is not to be failed for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interlace.errors import TimedOut
from interlace.model.outcome import innermost, sign
from interlace.plugin.endings import ENDINGS

if TYPE_CHECKING:
    from interlace.plugin.runner import SimulatedStage

LIMIT = 5.0
"""Real seconds that the test may take on the stock loop: in virtual time it may well sleep for a day."""


def compare(stage: SimulatedStage, error: BaseException) -> str | None:
    """Runs a test once on the stock loop, and says in words how that compares with its failure in the plain run.

    Args:
        stage: the stage of the test, which is torn down.
        error: what the test has raised in the plain run.

    Returns:
        None if it passes there.

    Raises:
        BaseException: what has ended the test there, without it having failed: it was skipped, for one.
    """
    limit = min(LIMIT, stage.claim.timeout or LIMIT)
    real = stage.run_on_stock(limit)
    if real is None:
        return None
    leaf = innermost(real)
    if isinstance(leaf, ENDINGS):
        raise leaf
    if sign(real) == sign(error):
        return "it fails on the stock loop in the same way"
    if isinstance(leaf, TimedOut):
        return f"on the stock loop it had not ended after {limit:g} s, so the two cannot be compared"
    return f"on the stock loop it fails too, in another way ({in_a_line(real)})"


def in_a_line(error: BaseException) -> str:
    """Returns the type of an error and the first line of its message."""
    leaf = innermost(error)
    lines = str(leaf).splitlines()
    return f"{type(leaf).__qualname__}: {lines[0]}" if lines else type(leaf).__qualname__
