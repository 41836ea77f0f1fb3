"""Strategies: pure, repeatable, and always within the options."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlace.model.choice import ChoicePoint, Strategy
from interlace.model.deviation import Deviation, alternatives, deviations
from interlace.model.outcome import Outcome
from interlace.model.schedule import Recipe
from interlace.model.trace import Trace
from interlace.strategies.pct import Priorities
from interlace.strategies.portfolio import samplers
from interlace.strategies.pos import PartialOrder
from interlace.strategies.replay import Named, Replay
from interlace.strategies.reversal import pair_reversals, parse_delay, single_reversals
from interlace.strategies.uniform import Paced, Uniform, Walk

MAKERS: list[Callable[[], Strategy]] = [Uniform, Walk, Paced, PartialOrder, Priorities, Replay]
KINDS = ("delay", "arrival", "cut", "stall", "tie", "cancel", "order")

questions = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from("abc"), st.integers(2, 6)), min_size=1, max_size=40
).map(
    lambda drawn: [
        ChoicePoint(step, kind, subject, tuple(f"{number} ms" for number in range(count)))  # type: ignore[arg-type]
        for step, (kind, subject, count) in enumerate(drawn)
    ]
)


@pytest.mark.parametrize("maker", MAKERS)
@given(points=questions, seed=st.integers(0, 2**32))
def test_answers_are_options_and_repeat(
    maker: Callable[[], Strategy], points: list[ChoicePoint], seed: int
) -> None:
    one, other = maker(), maker()
    one.start(seed)
    first = [one.choose(point) for point in points]
    assert all(0 <= answer < len(point.options) for answer, point in zip(first, points, strict=True))
    one.start(seed + 1)
    for point in points:
        one.choose(point)
    for strategy in (one, other):
        strategy.start(seed)
        assert [strategy.choose(point) for point in points] == first


@pytest.mark.parametrize("order", ["realistic", "any", "batch"])
def test_the_samplers_take_turns_for_ever(order: str) -> None:
    turns = samplers(order, 0)  # type: ignore[arg-type]
    assert len({type(next(turns)) for _ in range(12)}) > 1


def points_of(*questions: tuple[str, str, tuple[str, ...]]) -> list[ChoicePoint]:
    return [ChoicePoint(step, *question) for step, question in enumerate(questions)]  # type: ignore[arg-type]


def test_deviations_are_told_by_name_and_occurrence() -> None:
    points = points_of(("delay", "a", ("0", "1")), ("order", "x", ("x", "y")), ("delay", "a", ("0", "1")))
    assert deviations(points, [1, 0, 1], [0, 1, 2]) == (
        Deviation("delay", "a", 1, "1", "0", 0),
        Deviation("delay", "a", 2, "1", "0", 2),
    )


@given(questions, st.data())
def test_named_deviations_give_the_same_answers(points: list[ChoicePoint], data: st.DataObject) -> None:
    answers = [data.draw(st.integers(0, len(point.options) - 1)) for point in points]
    named = Named(deviations(points, answers, range(len(points))))
    for _ in range(2):
        named.start(0)
        assert [named.choose(point) for point in points] == answers


def test_a_name_survives_what_a_position_does_not() -> None:
    longer = points_of(("cut", "c", ("0", "1")), ("delay", "b", ("0", "5")), ("delay", "a", ("0", "1", "2")))
    shorter = points_of(("delay", "a", ("0", "1", "2")))
    named = Named(deviations(longer, [1, 0, 2], [0, 0, 0]))
    named.start(0)
    assert named.choose(shorter[0]) == 2


def test_an_option_that_is_not_offered_is_left_out() -> None:
    named = Named([Deviation("delay", "a", 1, "100 ms")])
    named.start(0)
    assert named.choose(points_of(("delay", "a", ("0 ns", "1 ms")))[0]) == 0


def plain(times: list[int], *questions: tuple[str, str, tuple[str, ...]]) -> Outcome:
    points = points_of(*questions)
    trace = Trace([(time, "main", "step", -1) for time in times])
    return Outcome(Recipe(), tuple(points), (0,) * len(points), (0,) * len(points), trace, None, None, 0.0)


DELAYS = ("0 ns", "100 µs", "1 ms", "3 ms", "10 ms", "30 ms", "60 ms", "100 ms")


def test_only_delays_that_reach_a_further_moment_are_tried() -> None:
    """Everything happens at 0 and at 20 ms: just behind the first, and just behind the second."""
    outcome = plain([0, 0, 20_000_000], ("delay", "a", DELAYS))
    assert [deviation.option for deviation in single_reversals(outcome)] == ["100 µs", "30 ms"]


def test_single_reversals_come_question_by_question() -> None:
    outcome = plain([0], ("order", "x", ("x", "y", "z")), ("order", "y", ("y", "z")))
    assert [(deviation.subject, deviation.option) for deviation in single_reversals(outcome)] == [
        ("x", "y"),
        ("y", "z"),
        ("x", "z"),
    ]


def test_pairs_never_answer_one_question_twice() -> None:
    outcome = plain([0], ("order", "x", ("x", "y", "z")), ("order", "y", ("y", "z")))
    pairs = list(pair_reversals(outcome))
    assert len(pairs) == 2
    assert all(one.key != other.key for one, other in pairs)


def test_reversals_leave_faults_alone() -> None:
    outcome = plain([0], ("cancel", "a", ("go on", "cancel")))
    assert not list(single_reversals(outcome))
    assert len(alternatives(outcome.points, outcome.asking_steps)) == 1


@pytest.mark.parametrize(
    ("name", "ns"), [("0 ns", 0), ("100 µs", 100_000), ("1.5 ms", 1_500_000), ("60 s", 60 * 10**9)]
)
def test_delays_read_back(name: str, ns: int) -> None:
    assert parse_delay(name) == ns


def test_priorities_run_one_actor_until_it_falls() -> None:
    strategy = Priorities(depth=1)
    strategy.start(3)
    point = points_of(("order", "a", ("a", "b", "c")))[0]
    assert len({strategy.choose(point) for _ in range(20)}) == 1


def test_partial_order_sampling_draws_anew_for_each_step() -> None:
    strategy = PartialOrder()
    strategy.start(3)
    point = points_of(("order", "a", ("a", "b", "c")))[0]
    assert {strategy.choose(point) for _ in range(60)} == {0, 1, 2}
