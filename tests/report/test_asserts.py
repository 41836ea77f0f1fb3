"""The values in a failing assertion, and that reading them runs nothing."""

import enum
import types
from collections.abc import Callable
from types import ModuleType

import pytest

from interlace.model.asserts import asserted_values, show_value

CASES = """\
import decimal
import enum
import types

LIMIT = 3


class Slotted:
    __slots__ = ("size",)


class Box:
    kind = "box"

    def __init__(self):
        self.items = [1, 2]

    @property
    def loud(self):
        raise SystemExit("a property was run")

    def __len__(self):
        raise SystemExit("len of a user's object was run")

    def __repr__(self):
        raise SystemExit("a repr was run")


class Sly:
    def __getattribute__(self, name):
        raise SystemExit("__getattribute__ was run")

    def __eq__(self, other):
        return False


class Colour(enum.Enum):
    RED = 1


def names():
    a, b = 1, "two"
    assert a == b


def attributes():
    box = Box()
    assert box.items[0] == 2 and box.kind == "bag"


def subscripts():
    table = {"tea": {"price": 3}}
    assert table["tea"]["price"] == 5


def lengths():
    box = Box()
    assert len(box.items) == LIMIT


def untouchable():
    box = Box()
    assert not (box.kind == "box" or box.loud or len(box))


def sly():
    sly = Sly()
    assert False and sly.value


def opaque():
    boxes = [Box()]
    assert boxes == []


def calls():
    amounts = {"ann": 1, "bob": 2}
    assert sum(amounts.values()) == 4


def comprehension():
    people = ["ann"]
    name = "not this"
    assert all(name == "bob" for name in people)


def plain():
    value = decimal.Decimal("1.5")
    colour = Colour.RED
    assert value == colour


def slot():
    slotted = Slotted()
    slotted.size = 4
    module = types.ModuleType("m")
    module.size = 5
    assert slotted.size == module.size


def several_lines():
    table = {1: 2}
    assert (
        table[
            1
        ]
        == 3
    )


def no_assert():
    raise ValueError("no")


def changed():
    state = {"n": 1}
    try:
        assert state["n"] == 2
    finally:
        state["n"] = 2


def truth():
    done = []
    try:
        assert done
    finally:
        done.append(1)
"""


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("names", ("a = 1", "b = 'two'")),
        ("attributes", ("box.items[0] = 1", "box.kind = 'box'")),
        ("subscripts", ('table["tea"]["price"] = 3',)),
        ("lengths", ("len(box.items) = 2", "LIMIT = 3")),
        ("untouchable", ("box.kind = 'box'",)),
        ("sly", ()),
        ("opaque", ("boxes = [<Box>]",)),
        ("calls", ("amounts = {'ann': 1, 'bob': 2}",)),
        ("comprehension", ("people = ['ann']",)),
        ("plain", ("value = Decimal('1.5')", "colour = Colour.RED")),
        ("slot", ("slotted.size = 4", "module.size = 5")),
        ("several_lines", ("table[1] = 2",)),
        ("no_assert", ()),
        ("changed", ()),
        ("truth", ()),
    ],
)
def test_values(load: Callable[[str, str], ModuleType], name: str, values: tuple[str, ...]) -> None:
    module = load("asserting", CASES)
    with pytest.raises((AssertionError, ValueError)) as caught:
        getattr(module, name)()
    assert asserted_values(caught.value.__traceback__) == values


class Loud:
    def __repr__(self) -> str:
        raise RuntimeError

    def __lt__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        return 1


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({Loud(): Loud()}, "{<Loud>: <Loud>}"),
        ({Loud()}, "<set of 1>"),
        ({3, 1, 2}, "{1, 2, 3}"),
        ([[[[[1]]]]], "[[[[[...]]]]]"),
        (list(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...]"),
        (dict.fromkeys(range(20)), "{0: None, 1: None, 2: None"),
        ("x" * 500, "'xxx"),
        (10**300, "1000"),
        (bytearray(b"a"), "bytearray(b'a')"),
        (Level.HIGH, "Level.HIGH"),
        (Loud(), None),
        (types, None),
    ],
)
def test_a_value_is_worded_without_running_it(value: object, shown: str | None) -> None:
    word = show_value(value)
    if shown is None:
        assert word is None
    else:
        assert word is not None
        assert word.startswith(shown[:30])
        assert len(word) < 300
