"""What a story tells, and what it leaves out."""

from collections.abc import Callable
from types import ModuleType

from interlace.api import explore, replay, run
from interlace.model.outcome import Outcome
from interlace.model.statements import Sources
from interlace.model.trace import Place
from interlace.report.story import Story, tell

Load = Callable[[str, str], ModuleType]


def detailed(function: object) -> Outcome:
    return replay(function, run(function).token, detail=True)  # type: ignore[arg-type]


def rows(story: Story) -> list[tuple[str, str]]:
    return [(row.text, row.role) for row in story.rows]


def test_what_is_silent_is_left_out(load: Load) -> None:
    module = load(
        "silent",
        '''
import asyncio

async def main():
    """A docstring."""
    import os
    def inner():
        pass
    try:
        for number in range(3):
            inner()
    finally:
        done = True
    return
''',
    )
    assert rows(tell(detailed(module.main))) == [
        ("for number in range(3):", ""),
        ("inner()", ""),
        ("done = True", ""),
    ]


def test_a_long_step_is_shortened_in_its_middle(load: Load) -> None:
    lines = "".join(f"    a{number} = {number}\n" for number in range(20))
    module = load("long", f"async def main():\n{lines}")
    texts = [row.text for row in tell(detailed(module.main)).rows]
    assert texts == ["a0 = 0", "a1 = 1", "a2 = 2", "… 14 lines", "a17 = 17", "a18 = 18", "a19 = 19"]


def test_an_outer_await_that_binds_is_told_when_it_does(load: Load) -> None:
    module = load(
        "nested",
        """
import asyncio

async def inner():
    await asyncio.sleep(1)
    return 5

async def main():
    value = await inner()
    other = value
""",
    )
    assert rows(tell(detailed(module.main))) == [
        ("value = await inner()", ""),
        ("await asyncio.sleep(1)", "waits"),
        ("await asyncio.sleep(1)", "goes on"),
        ("return 5", ""),
        ("value = await inner()", ""),
        ("other = value", ""),
    ]


def test_a_with_is_not_told_again_when_it_is_left(load: Load) -> None:
    module = load(
        "leaving",
        """
import asyncio

async def main():
    lock = asyncio.Lock()
    async with lock:
        await asyncio.sleep(1)
    after = 1
""",
    )
    assert rows(tell(detailed(module.main)))[-3:] == [
        ("await asyncio.sleep(1)", "waits"),
        ("await asyncio.sleep(1)", "goes on"),
        ("after = 1", ""),
    ]


def test_tasks_of_one_name_are_told_apart(load: Load) -> None:
    module = load(
        "twins",
        """
import asyncio

async def work():
    await asyncio.sleep(1)

async def main():
    await asyncio.gather(*(asyncio.create_task(work(), name="worker") for _ in range(3)))
""",
    )
    assert tell(detailed(module.main)).tasks == ("main", "worker", "worker#2", "worker#3")


def test_the_story_ends_where_it_fails(load: Load) -> None:
    module = load(
        "failing",
        """
import asyncio

async def bad():
    await asyncio.sleep(1)
    raise ValueError

async def slow():
    try:
        await asyncio.sleep(5)
    finally:
        cleaned = True

async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(slow())
        group.create_task(bad())
""",
    )
    assert rows(tell(detailed(module.main)))[-1] == ("raise ValueError", "fails")


def test_the_limit_holds(bank: ModuleType) -> None:
    failure = explore(bank.crowd).failure
    assert failure is not None
    for limit in (5, 10, 30):
        story = tell(failure.smallest, failure.twin, limit=limit)
        assert sum(row.kind == "line" for row in story.rows) <= limit
        assert story.rows[-1].role == "fails"
    assert any(row.kind == "mark" for row in story.rows)


def test_an_empty_story_is_no_error(bank: ModuleType) -> None:
    assert tell(run(bank.always)).rows == ()


def test_statements_read_on_one_line(load: Load) -> None:
    module = load(
        "statements",
        '''
def f():
    value = call(
        1,
        [
            2,
        ],
    )
    other = call(  # why
        1,
    )
    if (
        value
        and other
    ):
        pass
    match value:
        case 1:
            pass
    with open("a") as a, \\
            open("b") as b:
        pass
    text = """
    x"""
''',
    )
    sources = Sources()

    def at(line: int) -> str:
        return sources.at(Place(str(module.__file__), line, "f")).text

    assert at(5) == at(3) == "value = call(1, [2])"
    assert at(9) == "other = call(1)"
    assert at(12) == "if (value and other):"
    assert at(17) == "match value:"
    assert at(20) == 'with open("a") as a, open("b") as b:'
    assert at(23) == "text = '\\n    x'"
    assert at(99) == ""
    assert Sources().at(Place("<nowhere>", 1, "f")).text == ""


def test_a_task_that_is_slow_twice_is_slow_for_two_named_reasons(load: Load) -> None:
    module = load(
        "twice",
        """
import asyncio

async def main(world):
    async def first():
        await world.latency((0, 0.1))
    async def second():
        await world.latency((0, 0.1))
    begun = asyncio.get_running_loop().time()
    await first()
    await second()
    assert asyncio.get_running_loop().time() - begun < 0.15
""",
    )
    failure = explore(module.main).failure
    assert failure is not None
    marks = [row.text for row in tell(failure.smallest, failure.twin).rows if row.kind == "mark"]
    assert len(marks) == 2
    assert [mark.partition(" takes ")[0] for mark in marks] == [
        "what main awaits (first latency)",
        "what main awaits (second latency)",
    ]


def test_what_clears_up_after_the_failure_is_left_out(load: Load) -> None:
    """And what the failing statement awaited is not."""
    module = load(
        "cleared",
        """
import asyncio

async def load(log):
    await asyncio.sleep(1)
    log.append(1)
    return 2

async def main():
    log = []
    try:
        assert await load(log) == 1
    finally:
        log.clear()
""",
    )
    told = rows(tell(detailed(module.main)))
    assert ("log.append(1)", "") in told
    assert ("log.clear()", "") not in told
    assert told[-1] == ("assert await load(log) == 1", "fails")


def test_a_task_that_ran_no_line_of_the_users_has_its_name(load: Load) -> None:
    module = load(
        "quiet",
        """
import asyncio

async def main():
    quiet = asyncio.create_task(asyncio.sleep(1), name="quiet one")
    await asyncio.wait([quiet])
    assert not quiet.cancelled()
""",
    )
    failure = explore(module.main, faults=["cancel:quiet*"]).failure
    assert failure is not None
    marks = [row.text for row in tell(failure.smallest, failure.twin).rows if row.kind == "mark"]
    assert marks == ["quiet one is cancelled here"]
