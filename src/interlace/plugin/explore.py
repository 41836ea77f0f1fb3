"""What is done with the stage of a test: one run, a search or a replay; and how a failure is told."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interlace.api import Outcome, Result
from interlace.api import explore as search
from interlace.api import replay as replay_token
from interlace.engine.explain import constraints
from interlace.errors import Diverged, LatentWarning, OnlySimulatedWarning, SharedStateWarning
from interlace.model.outcome import TOKEN_FILES, TOKEN_LENGTH
from interlace.model.schedule import Recipe
from interlace.model.verdict import Failure
from interlace.plugin.compare import compare, in_a_line
from interlace.plugin.compat_report import tell
from interlace.report.text import outcome_to_text

if TYPE_CHECKING:
    from interlace.plugin.runner import SimulatedStage

_WIDTH = 100


@dataclass(frozen=True)
class Account:
    """What is to be told of a failure.

    Args:
        error: the error that pytest is given for it.
        text: returns the report, given colour, width and verbosity.
    """

    error: BaseException
    text: Callable[[bool, int, int], str]


class NeedsOutside(Exception):
    """The test needs the real outside, says its text: it is run once, plainly."""


def warn_of_changes(item: pytest.Function, names: list[str]) -> None:
    """Names the shared fixtures that one run of a test has changed for the next ones."""
    for name in names:
        item.warn(
            SharedStateWarning(
                f"{item.name} changes the shared fixture {name!r}: what a schedule does there, the next one sees. "
                "Give the fixture function scope, or have it return a fresh value, if that matters to the test"
            )
        )


def explore(stage: SimulatedStage) -> None:
    """Runs a test under many schedules, and raises the error of the smallest failure."""
    __tracebackhide__ = True
    settings, item = stage.settings, stage.item
    assert settings.schedules is not None
    result = search(
        stage,
        schedules=settings.schedules,
        order=settings.order,
        faults=settings.faults,
        seed=settings.seed,
        target=_node_id(item),
    )
    failure = result.failure
    if failure is not None and failure.label == "plain" and not stage.claim.own:
        how = compare(stage, failure.error)
        if how is None:
            _pass_as_on_stock(stage, failure)
            return
        note = f"{failure.note}; {how}" if failure.note else how
        result = replace(result, failures=(replace(failure, note=note), *result.failures[1:]))
    _note(item, "verdict", f"{result.verdict.status}, {result.verdict.extent}")
    _note(item, "runs", result.runs)
    if result.latent:
        _note(item, "latent", len(result.latent))
    if result.failure is not None:
        _note(item, "token", result.failure.token)
        error = result.failure.error
        stage.account = Account(
            error, lambda color, width, verbose: _report(item, result, color, width, verbose)
        )
        raise error
    for latent in result.latent:
        item.warn(
            LatentWarning(
                f"{item.name} fails in an order that asyncio does not produce, but Trio and eager tasks do "
                f"({in_a_line(latent.error)}); to see it: {_command(item, latent.smallest)}"
            )
        )


def _pass_as_on_stock(stage: SimulatedStage, failure: Failure) -> None:
    """Warns of a failure of the plain run that the stock loop does not show."""
    item, what = stage.item, in_a_line(failure.error)
    _note(item, "outside", f"it fails in the plain simulated run ({what}) and passes on the stock loop")
    item.warn(
        OnlySimulatedWarning(
            f"{item.name} passes on the stock loop and fails in the plain simulated run ({what}): no order is to "
            "blame, but something that is simulated otherwise than it really is, or that takes no time there; so it "
            f"was not explored. To see it: {_command(item, failure.smallest)}"
        )
    )


def about_plain_run(item: pytest.Function) -> str:
    """Says what a failure in a single simulated run, which is the plain one, does not depend on."""
    return (
        "This was the plain run in a simulated world, so no order and no duration is to blame. To compare:\n"
        f"pytest {shlex.quote(_node_id(item))} -o interlace_world=stock"
    )


def replay(stage: SimulatedStage, recipe: Recipe) -> None:
    """Runs the one schedule that was asked for, and raises its error."""
    __tracebackhide__ = True
    item = stage.item
    try:
        outcome = replay_token(stage, recipe.token, detail=True)
    except Diverged as error:
        pytest.fail(f"--replay: this schedule does not fit {item.name}. {error}", pytrace=False)
    _note(item, "verdict", f"{'failed' if outcome.failed else 'passed'}, replayed")
    if outcome.error is not None:
        reasons = constraints(outcome)
        stage.account = Account(
            outcome.error,
            lambda color, width, verbose: outcome_to_text(
                outcome, target=_node_id(item), constraints=reasons, color=color, width=width, verbose=verbose
            ),
        )
        raise outcome.error


def present(item: pytest.Function, account: Account, report: pytest.TestReport) -> None:
    """Puts our report in the place of what pytest tells of a failure."""
    config = item.config
    verbose = int(config.get_verbosity())
    width, color = _WIDTH, False
    # The processes of pytest-xdist have no terminal.
    if config.pluginmanager.has_plugin("terminalreporter"):
        writer = config.get_terminal_writer()
        width, color = writer.fullwidth, writer.hasmarkup
    plain = account.text(False, width, min(verbose, 1))
    colored = account.text(True, width, min(verbose, 1)) if color else plain
    tell(report, plain, colored, ordinary=verbose >= 2)


def _report(item: pytest.Function, result: Result, color: bool, width: int, verbose: int) -> str:
    """Returns the report of a search, with the commands that replay its failures under pytest."""
    text = result.report(color=color, width=width, verbose=verbose)
    for failure in (*result.failures, *result.latent):
        outcome = failure.smallest
        for token in (outcome.token, outcome.token_file):
            text = text.replace(
                f"interlace replay {shlex.quote(result.target)} {token}", _command(item, outcome)
            )
    return text


def _command(item: pytest.Function, outcome: Outcome) -> str:
    """Returns the command that replays a run; a token that is too long to be typed is put into a file."""
    token = outcome.token
    if len(token) > TOKEN_LENGTH:
        token = _keep_token(item.config, outcome) or token
    return f"pytest {shlex.quote(_node_id(item))} --replay={shlex.quote(token)}"


def _keep_token(config: pytest.Config, outcome: Outcome) -> str | None:
    """Writes a token to a file below the rootdir and returns its name; None: it cannot be written."""
    directory = config.rootpath / TOKEN_FILES
    file = directory / os.path.basename(outcome.token_file)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        ignored = directory.parent / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="ascii")
        file.write_text(outcome.token + "\n", encoding="ascii")
    except OSError:
        return None
    return _seen_from_here(config, file)


def _seen_from_here(config: pytest.Config, file: Path) -> str:
    try:
        return Path(os.path.relpath(file, config.invocation_params.dir)).as_posix()
    except ValueError:  # another drive on Windows
        return file.as_posix()


def _node_id(item: pytest.Function) -> str:
    """Returns the node id as one types it here."""
    path, colons, rest = item.nodeid.partition("::")
    return _seen_from_here(item.config, item.config.rootpath / path) + colons + rest


def _note(item: pytest.Function, name: str, value: object) -> None:
    """Puts a property on the report of the test, where the summary and junit XML find it."""
    key = f"interlace.{name}"
    item.user_properties[:] = [one for one in item.user_properties if one[0] != key]
    item.user_properties.append((key, value))
