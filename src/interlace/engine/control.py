"""The control of an injected cancellation: does the test fail of it, or only for want of the task?

Who cancels a task blindly takes its work away as well, and a test that asserts the work then fails for a
reason that is no bug. So the same task is cancelled once more, before it begins. If the test fails in the
same way, the moment of the cancellation has nothing to do with it: the test cannot do without the task.
"""

from __future__ import annotations

from interlace.engine.run import Runner
from interlace.model.outcome import Outcome, Signature
from interlace.model.verdict import deviations_of
from interlace.sim.faults import Faults
from interlace.strategies.replay import Named

_CANCELLED = " must be cancelled "


class Control:
    """Tells which failures under cancellation only show that a task is needed.

    A task that the user named is one that the test says it can do without: nothing is left aside then.

    Args:
        runner: runs the program.

    Attributes:
        needed: the names of the tasks that turned out to be needed.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._blind = Faults.parse(runner.faults).blind
        self._without: dict[tuple[str, str], Outcome] = {}
        self.needed: dict[str, None] = {}

    def explains(self, outcome: Outcome, signature: Signature) -> bool:
        """Tells whether a run fails like this if the task that was cancelled in it never begins."""
        if not self._blind or not outcome.injected:
            return False
        order = outcome.recipe.order
        for deviation in deviations_of(outcome):
            if deviation.kind != "cancel":
                continue
            key = deviation.cancelled_task, order
            if key not in self._without:
                self._without[key] = self._runner.run(Named([deviation.never_begun]), order=order)
            without = self._without[key]
            told = next((line for line in without.injected if _CANCELLED in line), "")
            if told and without.signature == signature:
                self.needed[told.partition(_CANCELLED)[0]] = None
                return True
        return False
