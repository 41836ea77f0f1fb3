"""Checks of fixtures: the one that is gone, those that nobody awaits, and those on another loop."""

from __future__ import annotations

from collections.abc import Iterator

from interlace.cli.doctor.claims import ASYNCIO, STOCK
from interlace.cli.doctor.examined import SCOPES, Case, Change, Examined, Place
from interlace.cli.doctor.facts import Edit, Fixture, Function, Spot
from interlace.cli.doctor.installed import numbers


def _event_loop(examined: Examined) -> Iterator[Change]:
    """The fixture that pytest-asyncio had up to 0.26; where interlace stands in for it, it is still there."""
    plugin = examined.installed.active("pytest-asyncio")
    left = plugin is not None and "asyncio" not in examined.settings.take_over
    must = left and plugin is not None and numbers(plugin.version) >= (1,)
    gone = "the fixture event_loop is gone since pytest-asyncio 1.0" + (
        "" if must else ", and only kept alive here"
    )
    overrides = [one for one in examined.fixtures if one.name == "event_loop"]
    if overrides:
        scopes = [one.scope for one in overrides if one.scope in SCOPES]
        scope = max(scopes, key=SCOPES.index, default="function")
        title, setting = f"{gone}: delete your override", None
        if scope != "function":
            title += f"; a loop for each {scope} is an option now"
            settings = examined.settings
            setting = settings.where, settings.spell("asyncio_default_test_loop_scope", scope)
        yield Change("event-loop-override", title, tuple(map(_delete, overrides)), setting, must)
    askers = [function for function in examined.functions if "event_loop" in function.wants]
    if askers:
        title = f"{gone}: be async, and ask for the running loop where you need it"
        yield Change("event-loop", title, tuple(map(_without_event_loop, askers)), must=must)


def _delete(fixture: Fixture) -> Place:
    function = fixture.function
    first, last = function.body
    return Place(Spot(function.spot.file, first), function.name, delete=last)


def _without_event_loop(function: Function) -> Place:
    edits = [Edit(function.spot, function.without_loop)]
    if function.runs_loop and (function.is_async or not function.uses):
        edits.append(
            Edit(
                Spot(function.spot.file, function.spot.line + 1),
                "    event_loop = asyncio.get_running_loop()",
            )
        )
    edits += [
        Edit(use.spot, use.edit.strip())
        for use in function.uses
        if use.kind == "run_until_complete" and use.edit
    ]
    return Place(function.spot, function.name, tuple(edits))


def _strict_fixtures(examined: Examined) -> Iterator[Change]:
    """Async fixtures that strict mode does not run, since `pytest.fixture` alone declares them."""
    found: dict[Spot, Fixture] = {}
    for case in examined.cases:
        theirs = case.claim.beside == ASYNCIO and (examined.rules.asyncio_mode or "strict") == "strict"
        ours = (
            case.claim.beside == STOCK
            and examined.rules.mode(taken="asyncio" in examined.settings.take_over) == "strict"
        )
        if theirs or (ours and "anyio" not in case.seen.marks):
            for one in case.seen.fixtures:
                if one.function.is_async and one.by == "pytest":
                    found[one.function.spot] = one
    if found:
        title = "in strict mode, pytest.fixture alone does not run an async fixture: tests get a coroutine"
        places = tuple(
            Place(one.decorator.spot, one.function.name, (one.decorator,) if one.decorator.text else ())
            for one in found.values()
        )
        yield Change("strict-fixture", title, places)


def _fixture_loops(examined: Examined) -> Iterator[Change]:
    if not examined.rules.asyncio or "asyncio" in examined.settings.take_over:
        return  # interlace keeps the loop as long as the fixture
    for one in examined.async_fixtures:
        loop = examined.fixture_loop(one)
        if loop in SCOPES and one.scope in SCOPES and SCOPES.index(loop) < SCOPES.index(one.scope):
            title = (
                f"the async fixture {one.name} lives for the {one.scope}, and its loop only for the {loop}"
            )
            line = f'@{one.by}.fixture(scope="{one.scope}", loop_scope="{one.scope}")'
            yield Change(
                "fixture-loop",
                title,
                (Place(one.function.spot, one.function.name, (Edit(one.decorator.spot, line),)),),
            )


def _loops_differ(examined: Examined) -> Iterator[Change]:
    """Fixtures that live on the loop of the session, say, beside tests that each have their own."""
    groups: dict[Spot, list[tuple[Case, Fixture]]] = {}
    for case in examined.cases:
        for fixture in examined.wider_fixtures(case)[:1]:
            groups.setdefault(fixture.function.spot, []).append((case, fixture))
    for spot, found in groups.items():
        fixture = found[0][1]
        loop = examined.fixture_loop(fixture)
        title = (
            f"the async fixture {fixture.name} ({spot}) lives on the loop of the {loop}, and these tests run "
            "on another: what it holds cannot be awaited there"
        )
        places = tuple(_on_loop(case, loop) for case, _ in found)
        settings = examined.settings
        line = settings.spell("asyncio_default_test_loop_scope", loop)
        yield Change("loops-differ", title, places, (settings.where, line))


def _on_loop(case: Case, loop: str) -> Place:
    mark, function = case.test.mark("asyncio"), case.test.function
    if mark is None:
        return Place(function.spot, function.name, (Edit(function.spot, _marker(loop)),))
    line = mark.with_loop(loop)
    return Place(mark.spot, function.name, (Edit(mark.spot, line),) if line else ())


def _marker(loop: str) -> str:
    return f'@pytest.mark.asyncio(loop_scope="{loop}")'


FIXTURES = (_event_loop, _strict_fixtures, _fixture_loops, _loops_differ)
