"""The search: which schedules to run, in which order, and what to say in the end.

The order of work: the plain run; the fault sweep that was asked for; every schedule, where there
are few; then reversals of the plain run and samplers in turns. Under `realistic` one in `Plan.WIDE`
of them looks under `any`: what that finds is a failure only if durations are found that make stock
asyncio do the same, else it is told as latent.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from operator import itemgetter
from typing import Literal

from interlace.engine.classify import find_durations
from interlace.engine.control import Control
from interlace.engine.exhaust import beyond, size_of
from interlace.engine.explain import constraints
from interlace.engine.plan import Plan
from interlace.engine.run import Runner
from interlace.engine.shrink import Shrinker
from interlace.errors import Diverged, Runaway
from interlace.model.choice import Order, Strategy
from interlace.model.deviation import Deviation, alternatives
from interlace.model.outcome import Outcome, Signature, innermost
from interlace.model.verdict import Failure, Findings, Label, Verdict
from interlace.sim.faults import Faults
from interlace.strategies.portfolio import samplers, seeds, steps_of
from interlace.strategies.replay import Named, Replay
from interlace.strategies.reversal import pair_reversals, single_reversals

Progress = Callable[[int, int], None]


class Search:
    """One search over the schedules of one program.

    Args:
        runner: runs the program.
        plan: what may be spent.
        progress: called with (runs so far, runs at most) after each run; None: nobody watches.
    """

    def __init__(self, runner: Runner, plan: Plan, progress: Progress | None = None) -> None:
        self._runner = runner
        self._plan = plan
        self._progress = progress
        self._runs = 0
        self._failures: dict[Signature, Failure] = {}
        self._latent: dict[Signature, Failure] = {}
        self._control = Control(runner)
        self._spins = False

    def run(self, known: tuple[Strategy, ...] = ()) -> Findings:
        """Runs the search to its end.

        Args:
            known: schedules to try first, such as stored failures.
        """
        plain = self._attempt(None)
        for strategy in known:
            if not self._done:
                self._attempt(strategy)
        left_out = self._sweep(plain)
        faults_left_out = self._sweep_faults(plain)
        exhausted = 0
        reversed_all = False
        if not self._done:
            exhausted = self._exhaust(plain)
        if not self._done:
            reversed_all = self._look(plain, only_wide=bool(exhausted))
        verdict = self._judge(exhausted, reversed_all, left_out, faults_left_out)
        failures, latent = tuple(self._failures.values()), tuple(self._latent.values())
        return Findings(verdict, self._runs, failures, latent, plain, tuple(self._control.needed))

    # -- the parts of the search -----------------------------------------------------------------

    @property
    def _done(self) -> bool:
        return self._runs >= self._plan.schedules or (self._plan.stop_on_failure and bool(self._failures))

    @property
    def _left(self) -> int:
        return self._plan.schedules - self._runs

    def _sweep(self, plain: Outcome) -> str:
        """Cancels at every await of the plain run, one per run; returns what did not fit.

        A task that the user named is cancelled before it begins as well; see control.py for the others.
        """
        blind = Faults.parse(self._plan.faults).blind
        sites: list[tuple[Deviation, ...]] = [
            (options[0],)
            for options in alternatives(plain.points, plain.asking_steps)
            if options.kind == "cancel" and not (blind and options[0].keeps_from_beginning)
        ]
        sites = _new_places_first(sites)
        for number, site in enumerate(sites):
            if self._done:
                if self._failures:
                    return ""
                return f"{len(sites) - number} of {len(sites)} places for a cancellation were not tried"
            self._attempt(Named(site))
        return ""

    def _sweep_faults(self, plain: Outcome) -> str:
        """Has one fault happen at each place of the plain run, one per run, in up to half of the runs.

        What is left of that half is for what may happen after it besides: what a crash leaves on a disk, first, and
        a second fault, where a run may have two. The rest is for faults that come together with other orders.
        Returns what did not fit.
        """
        columns = [
            options for options in alternatives(plain.points, plain.asking_steps) if options.kind == "fault"
        ]
        longest = max(map(len, columns), default=0)
        sites = _new_places_first(
            [(column[row],) for row in range(longest) for column in columns if row < len(column)]
        )
        spare = self._left // 2
        left: list[tuple[Deviation, ...]] = []
        later: list[tuple[Deviation, ...]] = []
        for number, site in enumerate(sites):
            if self._done or number >= spare:
                return f"{len(sites) - number} of {len(sites)} single faults of the plain run were not tried"
            outcome = self._attempt(Named(site))
            for second, moment in _after(site[0], outcome):
                (left if moment else later).append((*site, second))
        for pair in (_new_places_first(left) + _new_places_first(later))[: spare - len(sites)]:
            if self._done:
                break
            self._attempt(Named(pair))
        return ""

    def _exhaust(self, plain: Outcome) -> int:
        """Runs every schedule if there are few; returns how many there are, 0 if they were not all run.

        In the beginning every other run is a sample: what takes many deviations is found sooner so. What
        was sampled is not run again.
        """
        size = size_of(plain)
        if size is None or size > self._left + 1:
            return 0
        spare = min(Plan.EARLY, self._left + 1 - size)
        turns = samplers(self._plan.order, len(plain.points), steps_of(plain))
        numbers = seeds(self._plan.seed)
        sampled: dict[tuple[int, ...], Outcome] = {}
        waiting = deque(beyond(plain, 0))
        count = 1
        while waiting:
            if spare and not self._done:
                spare -= 1
                outcome = self._attempt(next(turns), seed=next(numbers))
                sampled[outcome.schedule.answers] = outcome
            if self._done:
                return 0
            schedule = waiting.popleft()
            try:
                outcome = sampled.get(schedule) or self._attempt(Replay(schedule))
            except Diverged:  # then it is not deterministic, and its schedules cannot be listed
                return 0
            count += 1
            waiting.extend(beyond(outcome, len(schedule)))
        return count

    def _look(self, plain: Outcome, *, only_wide: bool) -> bool:
        """Spends the rest of the budget in turns; tells whether all single reversals were among them.

        The reversals of the plain run, single ones first, then pairs, are the best at small programs
        with one order that matters; the samplers are the better the more there are. Neither waits for
        the other. Under `realistic` one turn in `Plan.WIDE` looks wider.
        """
        order = self._plan.order
        horizon = len(plain.points)
        steps = steps_of(plain)
        ordinary = samplers(order, horizon, steps)
        wide = samplers("any", max(horizon, len(plain.trace)), steps)
        singles = single_reversals(plain)
        reversals = chain(((single,) for single in singles), pair_reversals(plain))
        numbers = seeds(self._plan.seed)
        turns = self._left // Plan.WIDE if only_wide else self._left
        for turn in range(turns):
            if self._done:
                break
            seed = next(numbers)
            if only_wide or (order == "realistic" and turn % Plan.WIDE == Plan.WIDE - 1):
                if order != "realistic":
                    break
                if len(self._latent) < Plan.LATENT and not self._spins:
                    self._attempt(next(wide), order="any", seed=seed)
                    continue
            elif turn % Plan.REVERSAL == 0 and (wanted := next(reversals, None)) is not None:
                self._attempt(Named(wanted))
                continue
            self._attempt(next(ordinary), seed=seed)
        return not only_wide and next(singles, None) is None

    # -- what to make of an outcome --------------------------------------------------------------

    def _attempt(self, strategy: Strategy | None, *, order: Order | None = None, seed: int = 0) -> Outcome:
        """Runs one schedule and deals with its failure."""
        outcome = self._runner.run(strategy, order=order, seed=seed)
        self._runs += 1
        if self._progress is not None:
            self._progress(self._runs, self._plan.schedules)
        signature = outcome.signature
        if (
            outcome.error is not None
            and signature is not None
            and signature not in self._failures
            and not self._control.explains(outcome, signature)
        ):
            beyond = outcome.recipe.order != self._plan.order
            if beyond and isinstance(innermost(outcome.error), Runaway):
                # The program goes round until something comes. An order that is not fair to who is to bring it can
                # starve it: that says nothing about the program, and each such run takes seconds.
                self._spins = True
            elif not (beyond and signature in self._latent):
                self._keep(outcome, signature, beyond=beyond)
        return outcome

    def _keep(self, first: Outcome, signature: Signature, *, beyond: bool) -> None:
        """Shrinks, labels and words a failure that was not seen before."""
        shrunk = Shrinker(self._runner, first, Plan.SHRINK).shrink()
        replays = shrunk.replays
        smallest, twin = shrunk.smallest, shrunk.twin
        label: Label = "real" if smallest.schedule.deviations else "plain"
        if smallest.recipe.order != "realistic" and smallest.schedule.deviations:
            found, tries = find_durations(self._runner, smallest, Plan.CLASSIFY)
            replays += tries
            if found is None:
                label = "latent"
            else:
                shrunk = Shrinker(self._runner, found, Plan.SHRINK).shrink()
                replays += shrunk.replays
                smallest, twin = shrunk.smallest, shrunk.twin
        told = self._runner.replay(smallest, detail=True)
        note = ""
        if told.signature != smallest.signature or told.trace_hash != smallest.trace_hash:
            note = (
                "the same schedule did not lead to the same failure again: the program depends on something "
                "outside of the simulation (a real clock, a real thread, an unseeded random number)"
            )
            told = replace(smallest, passages=told.passages)
        twin = self._runner.replay(twin, detail=True) if twin is not None else None
        failure = Failure(first, told, twin, label, constraints(told), self._runs, replays, note)
        if beyond and label == "latent":
            self._latent[signature] = failure
        else:
            self._latent.pop(signature, None)
            self._failures[signature] = failure

    def _judge(self, exhausted: int, reversed_all: bool, left_out: str, faults_left_out: str) -> Verdict:
        status: Literal["passed", "failed"] = "failed" if self._failures else "passed"
        if left_out:
            return Verdict(status, "truncated", self._runs, left_out)
        if exhausted:
            return Verdict(status, "exhausted", exhausted)
        if faults_left_out and not self._failures:
            return Verdict(status, "sampled", self._runs, faults_left_out)
        if reversed_all and not self._failures:
            return Verdict(
                status, "sampled", self._runs, "every single reversal of the plain run is among them"
            )
        return Verdict(status, "sampled", self._runs)


def _after(site: Deviation, outcome: Outcome) -> Iterator[tuple[Deviation, bool]]:
    """Yields the faults that were asked for after another one, and whether that was in the same moment."""
    columns = alternatives(outcome.points, outcome.asking_steps)
    place = next((number for number, column in enumerate(columns) if column[0].key == site.key), len(columns))
    for column in columns[place + 1 :]:
        if column.kind == "fault":
            for option in column:
                yield option, option.step == columns[place][0].step


def _new_places_first(sites: Iterable[tuple[Deviation, ...]]) -> list[tuple[Deviation, ...]]:
    """Sorts sites so that each place in the code is visited once before any is visited again."""
    visits: Counter[tuple[str, ...]] = Counter()
    turns: list[tuple[int, tuple[Deviation, ...]]] = []
    for site in sites:
        place = tuple(f"{one.subject.rpartition(' ')[0]} {one.option}" for one in site)
        turns.append((visits[place], site))
        visits[place] += 1
    return [site for _, site in sorted(turns, key=itemgetter(0))]
