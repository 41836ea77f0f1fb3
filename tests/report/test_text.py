"""The report of a search: what it says, in which order, and that it fits."""

import dataclasses
import re
from types import ModuleType

import pytest

from interlace.api import explore, replay, run
from interlace.engine.explain import constraints
from interlace.engine.tokens import keep_token, read_token
from interlace.errors import UsageError
from interlace.model.outcome import TOKEN_LENGTH
from interlace.model.schedule import Schedule
from interlace.report.text import outcome_to_text, replay_command


def in_order(text: str, *parts: str) -> None:
    """Each part comes after the one before it."""
    position = 0
    for part in parts:
        found = text.find(part, position)
        assert found >= 0, f"{part!r} is not below what precedes it in:\n{text}"
        position = found + len(part)


def test_a_failure_is_told_from_what_failed_to_how_to_replay_it(shop: ModuleType) -> None:
    result = explore(shop.main, target="shop.py:main")
    text = result.report()
    assert result.failure is not None
    in_order(
        text,
        "── shop.py:main ──",
        "AssertionError",
        "shop.py:28 in main",
        'assert prices["tea"] == 5',
        'where  prices["tea"] = 3',
        "failed · run ",
        "sampled",
        "real: happens on asyncio when the durations below come together",
        "main ",
        "get_price",
        "the boss",
        "  0.000 s",
        '7  await world.latency("1ms..50ms")  (waits)',
        "── what get_price awaits takes",
        "19  await asyncio.sleep(0.010)  (goes on)",
        "20  prices[name] = value",
        '7  await world.latency("1ms..50ms")  (goes on)',
        "13  price = await fetch(name, world)",
        "14  prices[name] = price",
        '28  assert prices["tea"] == 5  fails here',
        "because",
        "what get_price awaits (fetch, shop.py:7) must be slower than the boss (update_price, shop.py:20)",
        "Without that it passes",
        "replay",
        f"interlace replay shop.py:main {result.failure.token}",
    )


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("name", ["always", "stuck", "pool", "notes", "fine", "crowd", "escape"])
def test_no_line_is_wider_than_the_terminal(bank: ModuleType, name: str, width: int) -> None:
    result = explore(getattr(bank, name), schedules=30, faults=("cancel",) if name == "pool" else ())
    for line in result.report(width=width).splitlines():
        assert len(line) <= width or "interlace replay" in line, line


def test_without_colour_there_is_no_escape_code(bank: ModuleType) -> None:
    for function in (bank.always, bank.escape, bank.notes):
        text = explore(function, schedules=20).report(verbose=2)
        assert all(char == "\n" or char.isprintable() for char in text)


def test_colour_changes_nothing_but_the_colour(shop: ModuleType, bank: ModuleType) -> None:
    for function in (shop.main, bank.notes, bank.escape):
        result = explore(function, schedules=20)
        painted = result.report(color=True)
        assert "\x1b[" in painted
        plain = re.sub(r"\x1b\[[0-9;]*m", "", painted)
        assert [line.rstrip() for line in plain.splitlines()] == result.report().splitlines()


def test_a_plain_failure_shows_the_last_steps_and_where_they_begin(bank: ModuleType) -> None:
    text = explore(bank.always).report()
    in_order(
        text,
        "AssertionError: too many",
        'assert len(account.log) == 4, "too many"',
        "where  len(account.log) = 60",
        "plain: fails in the plain run already, so no order and no duration is to blame",
        "…",
        " 30.000 s",
        "fails here",
        "replay",
    )
    assert "because" not in text
    assert len(text.splitlines()) < 45


def test_a_deadlock_names_who_waits_for_what(bank: ModuleType) -> None:
    text = explore(bank.stuck).report()
    in_order(
        text,
        "Deadlock: every task waits",
        "one waits for Lock.acquire at bank.py:",
        "two waits for",
        "failed",
    )


def test_a_cancellation_is_marked_where_it_comes(bank: ModuleType) -> None:
    text = explore(bank.pool, faults=("cancel",)).report()
    in_order(
        text,
        "real: happens on asyncio when the task below is cancelled at that moment",
        "await asyncio.sleep(0.1)  (waits)",
        "── user 0 is cancelled here ──",
        "await asyncio.sleep(0.1)  (goes on)",
        "assert free == 2  fails here",
        "because",
        "user 0 must be cancelled while it waits at bank.py:",
    )


def test_a_latent_finding_is_a_warning_of_a_passing_test(bank: ModuleType) -> None:
    result = explore(bank.notes, target="bank.py:notes")
    assert result.failure is None
    in_order(
        result.report(),
        "passed · bank.py:notes",
        "The plain run took 0.000 virtual s",
        "warning: AssertionError (bank.py:",
        "latent: needs an order that asyncio's FIFO loop does not produce (Trio and eager tasks can)",
        "must run before note, both at bank.py:",
        "interlace replay bank.py:notes i1.a.",
    )


def test_a_passed_search_says_what_it_means_and_what_to_try(bank: ModuleType) -> None:
    text = explore(bank.fine, schedules=20).report()
    in_order(
        text,
        "passed · bank:fine",
        "The plain run took 2.000 virtual s",
        "Try next: --order any",
        "--faults cancel",
    )
    tried = explore(bank.fine, schedules=20, order="any", faults=("cancel",)).report()
    assert "--order any" not in tried
    assert "--faults cancel" not in tried


def test_a_crowd_is_told_with_names_in_front_and_honest_gaps(bank: ModuleType) -> None:
    text = explore(bank.crowd).report(width=80)
    assert re.search(r"… \d+ steps? left out", text)
    story = text.partition("real: ")[2].partition("because")[0].splitlines()
    assert len(story) <= 30 + 12  # its rows, and the gaps between them
    longer = explore(bank.crowd).report(width=80, verbose=1)
    assert re.search(r"\d s  worker-\d ", longer)
    assert len(longer.splitlines()) > len(text.splitlines())


def test_no_frame_of_a_library_unless_asked(bank: ModuleType) -> None:
    result = explore(bank.always)
    assert "/interlace/" not in result.report(verbose=1)
    in_order(result.report(verbose=2), "replay", "traceback", "Traceback (most recent call last)", "too many")


def test_further_failures_are_told_in_short(bank: ModuleType) -> None:
    result = explore(bank.pool, faults=("cancel",), stop_on_failure=False, schedules=20)
    again = dataclasses.replace(result, failures=result.failures[:1] * 2)
    in_order(again.report(), "replay", "also failed: AssertionError (bank.py:")


def test_notes_and_background_problems_are_told(bank: ModuleType) -> None:
    result = explore(bank.always)
    assert result.failure is not None
    smallest = dataclasses.replace(result.failure.smallest, background=("Task was destroyed",))
    failure = dataclasses.replace(result.failure, smallest=smallest, note="a real clock is read")
    text = dataclasses.replace(result, failures=(failure,)).report()
    in_order(text, "in the background", "Task was destroyed", "note: a real clock is read", "replay")


def test_a_replayed_run_is_told_as_a_story(shop: ModuleType) -> None:
    result = explore(shop.main)
    assert result.failure is not None
    outcome = replay(shop.main, result.failure.token, detail=True)
    text = outcome_to_text(outcome, target="shop.py:main", constraints=constraints(outcome))
    in_order(
        text,
        "── shop.py:main ──",
        "AssertionError",
        "failed · ",
        "fails here",
        "because",
        "must be slower than",
    )
    passing = outcome_to_text(replay(shop.main, run(shop.main).token, detail=True), target="shop.py:main")
    in_order(passing, "── shop.py:main ──", "passed · ", "0.010 s")
    assert "fails here" not in passing


def test_a_long_token_is_named_by_its_file_once_that_is_written(shop: ModuleType) -> None:
    result = explore(shop.main)
    assert result.failure is not None
    smallest = result.failure.smallest
    assert replay_command(smallest, "shop.py:main").endswith(smallest.token)
    recipe = dataclasses.replace(smallest.recipe, schedule=Schedule(tuple(range(1, 200))))
    long = dataclasses.replace(smallest, recipe=recipe)
    assert len(long.token) > TOKEN_LENGTH
    assert replay_command(long, "shop.py:main").endswith(long.token)
    keep_token(long)
    assert replay_command(long, "shop.py:main") == f"interlace replay shop.py:main {long.token_file}"
    assert read_token(long.token_file) == long.token
    assert read_token(smallest.token) == smallest.token


def test_a_file_that_holds_no_text_is_no_token(shop: ModuleType) -> None:
    with open("odd", "wb") as file:
        file.write(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        read_token("odd")
