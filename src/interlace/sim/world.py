"""The world of one run: the one door through which everything that varies must pass.

Knows time, choices, what is in flight and the network. Knows no event loop, prints nothing and
decides nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from interlace.model.choice import ChoicePoint, Kind, Late, Order, Points, Strategy, show_ns
from interlace.model.source import last_user_place, show_place
from interlace.model.start import Start
from interlace.model.trace import Passage, Trace
from interlace.sim.clock import MILLISECOND, Clock
from interlace.sim.faults import Faults
from interlace.sim.flight import DELAYS, SLOW_DELAYS, Flight
from interlace.sim.network import Network
from interlace.sim.taping import Taping

if TYPE_CHECKING:
    from interlace.sim.files import Files

NEVER = 1 << 63
"""A virtual time in ns that does not come."""

STALL_BOUND = 50 * MILLISECOND
"""How long the loop may be held up by a step or by the machine, in ns."""

GENEROUS = 100 * MILLISECOND
"""A timeout longer than this is meant never to fire in a happy run: delays leave half of it alone."""

_TAPING = Taping()


class World:
    """Everything outside the program in one run.

    Args:
        strategy: answers the questions; None asks nothing and gives the boring answer everywhere.
        order: which orders of steps are allowed.
        faults: which faults may be injected.
        seed: the seed of random values.
        detail: whether `passages` are recorded.
        start: when and where the virtual time begins.

    Attributes:
        asks: whether this world asks at all.
        clock: virtual time.
        network: the simulated network.
        flight: operations that have not completed.
        outside: the real services that take part, known to the backend; None if there are none.
        complaints: what fakes have found wrong with the test, in that order; the first one fails the run.
        reviews: asked when the program has ended well, for what fails the run nevertheless.
        remarks: what a run is to be told with its failure, a line each: it fails no run by itself.
        endings: what is run to its end when the program has ended well, while its loop still runs.
        undoing: undoes what was changed for the run, the last one first, when it is over.
        files: what the test says about real files; None: nothing.
        taping: how tapes are used where the test does not say.
        step: the number of the step that is running; -1 before the first.
        trace: what happened so far.
        plain: the questions so far of a run in which the boring answer is given to each; else None.
        horizon: set by the backend; returns the virtual time in ns that explored delays must not
            reach because an armed, generous timeout stands there; None if there is none.
        limit: the virtual time in ns at which the backend stops the program; `NEVER` unless it has a timeout.
        spent: how much explored delays and stalls have added up to, in ns.
        elapsed: virtual seconds that the run took; known once it is closed.
        diverged: what was wrong with the first answer that was none; "" while all were.
        injected: a line for every fault that was injected.
        cancelled: whether one of them was a cancellation.
        faults_left: how many faults of the kinds `net` and `crash` may still happen.
        closed: whether the outcome is taken.
        passages: where not None, the backend appends the user's lines that each step ran.
    """

    def __init__(
        self,
        strategy: Strategy | None = None,
        *,
        order: Order = "realistic",
        faults: Faults | None = None,
        seed: int = 0,
        detail: bool = False,
        start: Start | None = None,
    ) -> None:
        self._strategy = strategy
        self.asks = strategy is not None
        self.order = order
        self.faults = faults or Faults()
        self.seed = seed
        self.clock = Clock(start)
        self.step = -1
        self.iteration = 0
        self.events: list[tuple[int, str, str, int]] = []
        self.trace = Trace(self.events)
        self.plain: list[Late] | None = [] if getattr(strategy, "is_plain", False) else None
        self._points: list[ChoicePoint] = []
        self._answers: list[int] = []
        self._asking_steps: list[int] = []
        self.horizon: Callable[[], int | None] = lambda: None
        self.limit = NEVER
        self.spent = 0
        self.diverged = ""
        self.injected: list[str] = []
        self.cancelled = False
        self.faults_left = self.faults.at_most
        self.elapsed = 0.0
        self.passages: list[Passage] | None = [] if detail else None
        self.flight = Flight(self)
        self.network = Network(self)
        self.outside: Any = None
        self.complaints: list[BaseException] = []
        self.reviews: list[Callable[[], BaseException | None]] = []
        self.remarks: list[str] = []
        self.endings: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.undoing: list[Callable[[], None]] = []
        self.files: Files | None = None
        self.taping = _TAPING
        self.closed = False

    @property
    def points(self) -> Sequence[ChoicePoint]:
        """The questions asked so far."""
        return tuple(self._points) if self.plain is None else Points(self.plain)

    @property
    def answers(self) -> tuple[int, ...]:
        """The answers to them."""
        return tuple(self._answers) if self.plain is None else (0,) * len(self.plain)

    @property
    def asking_steps(self) -> tuple[int, ...]:
        """The numbers of the steps that asked them."""
        return tuple(self._asking_steps) if self.plain is None else tuple(late[4] for late in self.plain)

    def choose(self, kind: Kind, subject: str, options: tuple[str, ...]) -> int:
        """Asks one question and returns the index of the answer.

        A single option is not a choice: it is not asked and leaves no mark in the schedule.

        An answer that is no option here counts as 0, and is noted in `diverged`.
        """
        if len(options) == 1 or self._strategy is None:
            return 0
        if self.plain is not None:
            self.plain.append((kind, subject, tuple, options, self.step))
            return 0
        point = ChoicePoint(len(self._points), kind, subject, options)
        answer = self._strategy.choose(point)
        if not 0 <= answer < len(options):
            # Not raised here: the program under test might catch it.
            self.diverged = self.diverged or (
                f"answer {answer} to question {point.step} ({kind} of {subject}) is not one of its "
                f"{len(options)} options: the program changed since the schedule was recorded, or it is "
                "not deterministic; explore again"
            )
            answer = 0
        self._points.append(point)
        self._answers.append(answer)
        self._asking_steps.append(self.step)
        return answer

    def choose_late(
        self, kind: Kind, subject: str, wording: Callable[[Any], tuple[str, ...]], about: Any
    ) -> int:
        """Asks a question that the plain run words only if somebody looks at it; else as `choose`.

        Timers ask so often that the wording takes as long as all the rest.

        Args:
            kind: what is asked.
            subject: what it is about.
            wording: words the options, at least two, given what they are about.
            about: that; nothing that changes.
        """
        if not self.asks:
            return 0
        if self.plain is None:
            return self.choose(kind, subject, wording(about))
        self.plain.append((kind, subject, wording, about, self.step))
        return 0

    def delay(self, what: str, delays: Sequence[int] = DELAYS) -> int:
        """Asks how long an operation takes that starts now, in nanoseconds.

        Besides the lengths given, within them, those are offered that end together with what is in flight
        already: a bug that needs two completions in one poll is out of reach of any fixed menu.

        Delays that would use up an armed generous timeout are not offered: a correct program must
        not fail because nobody declared the network fast. The fault `slow` lifts that.
        """
        if self._strategy is None:
            return delays[0]
        if len(delays) > 1 and len(self.flight):
            delays = self._with_meetings(delays)
        if self.faults.slow:
            delays = (*delays, *SLOW_DELAYS)
        else:
            horizon = self.horizon()
            if horizon is not None:
                room = horizon - self.clock.ns
                delays = [delays[0], *(delay for delay in delays[1:] if delay < room)]
        names = _delay_names(tuple(delays))
        delay = delays[self.choose("delay", what, names)]
        if delay > delays[0]:
            self.spent += delay - delays[0]
        return delay

    def _with_meetings(self, delays: Sequence[int]) -> Sequence[int]:
        """Adds to a menu of delays those that end when something in flight does."""
        now, shortest, longest = self.clock.ns, min(delays), max(delays)
        meetings = {time - now for time in self.flight.next_times if shortest < time - now < longest} - set(
            delays
        )
        return [delays[0], *sorted([*delays[1:], *meetings])] if meetings else delays

    def close(self) -> None:
        """Ends the run: from now on nothing is asked and nothing is recorded."""
        self._strategy = None
        self.asks = False
        self.closed = True
        if self.events is self.trace.events:
            self.events = []
            self.elapsed = self.clock.elapsed

    def fault(self, subject: str, options: tuple[str, ...], sentences: tuple[str, ...]) -> int:
        """Asks whether a fault happens, and notes the one that does; returns the index of the answer.

        Args:
            subject: the name of what it would happen to, stable from run to run.
            options: what may happen; the first is that nothing does.
            sentences: for each of them what must hold for it, as a sentence.
        """
        answer = self.choose("fault", subject, options)
        if answer:
            self.tell(sentences[answer])
        return answer

    def review(self, error: BaseException | None) -> BaseException | None:
        """Returns what a run fails with, given what its program has raised: fakes may know better.

        A fault that was injected may keep a program from what its fakes expect of it.
        """
        found = self._reviewed(error)
        if found is not None:
            for remark in self.remarks:
                found.add_note(f"interlace: {remark}")
            self.remarks.clear()
        return found

    def _reviewed(self, error: BaseException | None) -> BaseException | None:
        if self.complaints:
            found = self.complaints[0]
            self.complaints.clear()
            if error is not None and not _comes_of(error, found):
                found.__context__ = error
                if found.__traceback__ is None:
                    found.__traceback__ = error.__traceback__
            return found
        if error is None and not self.injected:
            return next(filter(None, (review() for review in self.reviews)), None)
        return error

    def remark(self, who: str, error: BaseException, when: str) -> None:
        """Notes an error that fails no run by itself, for the case that something does."""
        if not self.closed:
            place = last_user_place(error.__traceback__)
            at = f" at {show_place(place)} in {place.function}" if place is not None else ""
            self.remarks.append(f"{who} raised {type(error).__name__}: {error}{at} {when}")

    def tell(self, line: str) -> None:
        """Notes that a fault was injected."""
        self.injected.append(line)


def _comes_of(error: BaseException, found: BaseException) -> bool:
    """Tells whether one error is another one, or what a program has made of it."""
    seen: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is found:
            return True
        if one is None or any(one is other for other in seen):
            continue
        seen.append(one)
        left += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
    return False


@lru_cache(maxsize=1024)
def _delay_names(delays: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(map(show_ns, delays))
