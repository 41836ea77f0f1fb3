"""Schedules and their tokens."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlace.errors import BadToken
from interlace.model.choice import ORDERS
from interlace.model.schedule import Recipe, Schedule

answers = st.lists(st.integers(0, 300), max_size=60)
recipes = st.builds(
    Recipe,
    schedule=answers.map(Schedule.of),
    order=st.sampled_from(ORDERS),
    faults=st.lists(st.sampled_from(["cancel", "cancel:worker-ü", "slow"]), max_size=2).map(tuple),
    seed=st.integers(0, 2**40),
    fingerprint=st.text("0123456789abcdef", max_size=8),
)


@given(recipes)
def test_token_carries_the_recipe(recipe: Recipe) -> None:
    assert Recipe.parse(recipe.token) == recipe


@given(recipes)
def test_token_survives_a_shell_and_an_url(recipe: Recipe) -> None:
    assert set(recipe.token) <= set(string.ascii_letters + string.digits + "-_.")


@given(recipes, st.data())
def test_a_mistyped_token_is_refused(recipe: Recipe, data: st.DataObject) -> None:
    token = recipe.token
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(
        st.sampled_from(string.ascii_letters + string.digits).filter(lambda new: new != token[at])
    )
    with pytest.raises(BadToken):
        Recipe.parse(token[:at] + letter + token[at + 1 :])


@given(recipes, st.data())
def test_a_torn_token_is_refused(recipe: Recipe, data: st.DataObject) -> None:
    token = recipe.token
    with pytest.raises(BadToken):
        Recipe.parse(token[: data.draw(st.integers(0, len(token) - 1))])


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "not a replay token"),
        ("hello", "not a replay token"),
        ("i9.r....00000000", "of version i9, this interlace reads i1"),
        ("i1.r....00000000", "torn or mistyped"),
        ("x" * 500, "not a replay token"),
    ],
)
def test_what_is_said_of_a_bad_token(token: str, words: str) -> None:
    with pytest.raises(BadToken, match=words) as caught:
        Recipe.parse(token)
    assert len(str(caught.value)) < 250


def test_trailing_zeros_mean_nothing() -> None:
    assert Schedule.of([0, 2, 0, 0]) == Schedule.of([0, 2])
    assert Schedule.of([0, 0]) == Schedule()
    assert Schedule.of([0, 2, 0]).deviations == 1


@given(answers, answers)
def test_order_is_shortlex(left: list[int], right: list[int]) -> None:
    one, two = Schedule.of(left), Schedule.of(right)
    if len(one) != len(two):
        assert (one < two) == (len(one) < len(two))
    else:
        assert (one < two) == (one.answers < two.answers)


def test_the_token_of_a_long_run_with_few_deviations_is_short() -> None:
    assert len(Recipe(Schedule.of([0] * 5000 + [3])).token) < 40
