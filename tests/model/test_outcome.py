"""What makes two failures the same failure."""

from __future__ import annotations

import pytest

from interlace.model.outcome import shape, sign


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("got 17 of 20", "got 3 of 20"),
        ("<Lock object at 0x7f00aa>", "<Lock object at 0x7fffbb>"),
        ("stuck: ['a', 'b']", "stuck: ['b']"),
        ("stuck: ['a', 'b']", "stuck: ['x', 'y', 'z']"),
        ("assert [1, ('t', 2), 3] == [1, 2]", "assert [('t', 2)] == [1, 2]"),
        ("waited 0.25 s", "waited 1e-3 s"),
    ],
)
def test_values_do_not_count(one: str, two: str) -> None:
    assert shape(one) == shape(two)


@pytest.mark.parametrize(("one", "two"), [("stock is 1", "price is 1"), ("lost", "found"), ("", "x")])
def test_words_do_count(one: str, two: str) -> None:
    assert shape(one) != shape(two)


def _raise(kind: type[Exception], message: str) -> Exception:
    try:
        raise kind(message)
    except Exception as error:
        return error


def test_type_and_line_count() -> None:
    assert sign(_raise(ValueError, "a 1")) == sign(_raise(ValueError, "a 2"))
    assert sign(_raise(ValueError, "a")) != sign(_raise(KeyError, "a"))
    with pytest.raises(ValueError, match="a 1") as elsewhere:
        raise ValueError("a 1")
    assert sign(elsewhere.value) != sign(_raise(ValueError, "a 1"))


def test_a_group_is_known_by_its_first_leaf() -> None:
    leaf = _raise(ValueError, "a")
    assert sign(ExceptionGroup("g", [ExceptionGroup("h", [leaf]), KeyError("b")])) == sign(leaf)


def test_what_stands_below_the_first_line_does_not_count() -> None:
    assert sign(_raise(AssertionError, "assert 1 == 2\n  - x\n  + y")) == sign(
        _raise(AssertionError, "assert 1 == 2\n  - z")
    )
