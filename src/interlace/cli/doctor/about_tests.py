"""Checks of tests: markers that cannot work, tests that nobody runs, and calls that hold up the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interlace.cli.doctor.claims import NOBODY, SKIPPED
from interlace.cli.doctor.examined import SCOPES, Case, Change, Examined, Place
from interlace.cli.doctor.facts import Edit, Function, Spot, Use

_MARK_ARGUMENTS = {
    "asyncio": {"loop_scope", "scope", "loop_factories"},
    "explore": {"schedules", "order", "faults", "seed", "now", "tz"},
    "interlace": {"now", "tz"},
}


def _unreadable(examined: Examined) -> Iterator[Change]:
    places = tuple(
        Place(Spot(one.file, one.error_line), one.error) for one in examined.suite.all_modules if one.error
    )
    if places:
        yield Change(
            "unreadable", "files that Python cannot read: their tests are not in this report", places
        )


def _mark_scope(examined: Examined) -> Iterator[Change]:
    old = [mark for mark in examined.marks("asyncio") if "scope" in mark.arguments]
    if old:
        title = "the marker's argument scope= is deprecated and now called loop_scope="
        places = []
        for mark in old:
            line = mark.with_loop(mark.arguments["scope"])
            places.append(Place(mark.spot, "scope=", (Edit(mark.spot, line),) if line else ()))
        yield Change("mark-scope", title, tuple(places))


def _mark_arguments(examined: Examined) -> Iterator[Change]:
    for name, known in _MARK_ARGUMENTS.items():
        for mark in examined.marks(name):
            unknown = sorted(set(mark.arguments) - known)
            takes = ", ".join(sorted(known - {"scope"}))
            if unknown or mark.count:
                what = f"the argument {unknown[0]!r}" if unknown else "arguments without a name"
                title = f"@pytest.mark.{name} does not take {what}: it takes {takes}"
                yield Change("mark-argument", title, (Place(mark.spot, name),))
            scope = mark.arguments.get("loop_scope", mark.arguments.get("scope", "function"))
            if isinstance(scope, str) and scope not in SCOPES:
                title = f"no loop scope is called {scope!r}: it can be {', '.join(SCOPES)}"
                yield Change("mark-argument", title, (Place(mark.spot, name),))


def _marked_sync(examined: Examined) -> Iterator[Change]:
    places = []
    for _, seen in examined.sync:
        name = seen.test.function.name.rpartition(".")[2]
        for mark in seen.test.marks:
            # Not a marker of the whole class or module: there it is meant for the async ones.
            first, last = seen.test.function.body
            own = mark.spot.file == seen.test.function.spot.file and first <= mark.spot.line <= last
            if (
                mark.name in ("asyncio", "anyio", "interlace", "explore")
                and own
                and "given" not in seen.test.decorators
            ):
                places.append(
                    Place(
                        seen.test.function.spot,
                        f"marked {mark.name}",
                        (Edit(seen.test.function.spot, f"async def {name}"),),
                    )
                )
    if places:
        yield Change(
            "marked-sync", "tests that are marked as async and are not: define them with async", tuple(places)
        )


def _nobody(examined: Examined) -> Iterator[Change]:
    yields = [case for case in examined.cases if case.test.function.has_yield]
    if yields:
        yield Change(
            "test-yields",
            "async tests with a yield, which nobody can run: take the yield out",
            _places(yields),
        )
    plain = [case for case in examined.cases if case.test.owner == "unittest"]
    if plain:
        title = "async tests in a unittest.TestCase are never awaited: derive from the class that awaits them"
        first = tuple({case.module.file: case for case in plain}.values())
        setting = "the class", "class ...(unittest.IsolatedAsyncioTestCase):"
        yield Change("async-in-testcase", title, _places(first), setting)
    lost = [case for case in examined.cases if case.claim.beside in (NOBODY, SKIPPED)]
    strict = [
        case
        for case in lost
        if case.claim.kind in ("no marker", "uses world", "uses clock", "marked asyncio", "marked anyio")
    ]
    if strict:
        title = "async tests that nobody runs, since they have no marker and the mode is strict"
        settings = examined.settings
        yield Change(
            "no-runner", title, _places(strict), (settings.where, settings.spell("interlace_mode", "auto"))
        )
    for kind in sorted({case.claim.kind for case in lost} - {case.claim.kind for case in strict}):
        cases = [case for case in lost if case.claim.kind == kind]
        title = f"tests {kind}, and the plugin that runs them is not installed"
        yield Change("no-runner", title, _places(cases))


def _places(cases: Sequence[Case]) -> tuple[Place, ...]:
    return tuple(Place(case.test.function.spot, case.test.function.name) for case in cases)


def _calls(examined: Examined) -> Iterator[Change]:
    asynchronous = [one for one in examined.functions if one.is_async]
    plain = [one for one in examined.functions if not one.is_async and "event_loop" not in one.wants]
    for code, kinds, functions, must, title in (
        ("asyncio-run", ("asyncio.run", "asyncio.Runner", "run_until_complete"), asynchronous, True,
         "a loop is running here already, and another cannot be started in it: await instead"),
        ("time-sleep", ("time.sleep",), asynchronous, True,
         "time.sleep holds up the whole loop, and no other task runs meanwhile"),
        ("wall-clock", ("clock",), asynchronous, False,
         "a clock of the process: real on the stock loop; in a simulated world virtual, from 2026-01-01 on, see now="),
        ("sync-loop", ("asyncio.run", "run_until_complete"), plain, False,
         "sync code that runs a loop of its own works, but cannot be explored: make it async and await"),
        ("get-event-loop", ("get_event_loop",), plain, False,
         "asyncio.get_event_loop() with no running loop is an error from Python 3.14 on"),
    ):  # fmt: skip
        places = tuple(_call(use, one) for one in functions for use in one.uses if use.kind in kinds)
        if places:
            yield Change(code, title, places, must=must)


def _call(use: Use, function: Function) -> Place:
    edits = (Edit(use.spot, use.edit.strip()),) if use.edit else ()
    return Place(use.spot, f"{function.name}: {use.call}", edits)


TESTS = (_unreadable, _mark_scope, _mark_arguments, _marked_sync, _nobody, _calls)
