"""The command line: reads what was typed, calls the api, prints, and says with its exit status how it went.

0: it passed. 1: it failed. 2: it was asked for something that cannot be. 130: Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from interlace import api
from interlace.backends.aio.run import MAX_STEPS, MAX_TIME
from interlace.cli.target import Wrong, load
from interlace.cli.terminal import Bar, CtrlC, Quiet, check_writable, wants_color, width, write_json
from interlace.engine.explain import constraints
from interlace.engine.tokens import keep_token, read_token
from interlace.errors import Diverged, UsageError
from interlace.model.outcome import Outcome
from interlace.model.schedule import Recipe, Schedule
from interlace.report.text import outcome_to_text

_EXAMPLES = """\
examples:
  interlace demo                                 watch it find a bug
  interlace run shop.py:main                     run once, in virtual time
  interlace explore shop.py:main                 try 200 schedules
  interlace explore shop.py:main --faults cancel --schedules 1000
  interlace replay shop.py:main i1.r..AAU.2379e230.ab01bf31
  interlace doctor                               read the test suite here

exit status: 0 passed, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C
"""

_TARGET = "FILE.py:FUNC or MODULE:FUNC, where FUNC is a coroutine function that takes nothing, or the world"


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        """Raises instead of printing the usage."""
        raise Wrong(message, f"{self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a story is worth more than a missing dash
    try:
        options = _parser().parse_args(argv)
        status: int = options.do(options)
        sys.stdout.flush()
        return status
    except UsageError as error:
        _complain(str(error))
        sys.stderr.write(f"try: {error.then if isinstance(error, Wrong) else 'interlace --help'}\n")
        return 2
    except KeyboardInterrupt:
        _complain("stopped by Ctrl-C")
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="interlace",
        description="Test async Python in virtual time, and search the orders in which tasks can overlap.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = f"interlace {sys.modules['interlace'].__version__} (Python {sys.version.partition(' ')[0]})"
    parser.add_argument("--version", action="version", version=version)

    def print_help(_: argparse.Namespace) -> int:
        parser.print_help()
        return 0

    parser.set_defaults(do=print_help)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, do: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
        )
        added.set_defaults(do=do)
        return added

    def order_and_seed(to: argparse.ArgumentParser, seed: int | None, seeded: str) -> None:
        to.add_argument(
            "--order", default="realistic", metavar="ORDER",
            help="which orders of steps are allowed: realistic (default), batch or any",
        )  # fmt: skip
        to.add_argument("--seed", type=int, default=seed, metavar="N", help=seeded)
        to.add_argument(
            "--now", metavar="TIME", help="when virtual time begins, as in 2026-02-28T23:59:00+01:00"
        )
        to.add_argument("--tz", metavar="ZONE", help="the local time zone, as in Europe/Berlin (UTC)")
        _limits(to)

    run = command("run", _run, "run a program once, in virtual time")
    run.add_argument("target", metavar="TARGET", help=_TARGET)
    order_and_seed(run, None, "answer every question at random, drawn from this seed")

    explore = command("explore", _explore, "run a program under many schedules and explain the first failure")
    explore.add_argument("target", metavar="TARGET", help=_TARGET)
    explore.add_argument(
        "--schedules", type=int, default=200, metavar="N", help="how many runs at most (200)"
    )
    order_and_seed(explore, 0, "what random answers are drawn from (0)")
    explore.add_argument(
        "--faults", action="append", default=[], metavar="FAULT",
        help="what to inject: cancel, slow, crash, net, and others; repeat it, or separate them by commas",
    )  # fmt: skip
    explore.add_argument("--json", metavar="FILE", help="write the report as JSON to this file too")
    _verbose(explore)

    replay = command("replay", _replay, "run a program exactly as a report tells, and tell what happens")
    replay.add_argument("target", metavar="TARGET", help=_TARGET)
    replay.add_argument("token", metavar="TOKEN", help="the token from the report, or the file that it names")
    _limits(replay)
    _verbose(replay)

    doctor = command(
        "doctor", _doctor, "read a test suite and say who runs which async test, and what to change"
    )
    doctor.add_argument(
        "path", metavar="PATH", nargs="?", default=".", help="the suite: a directory or a test file (.)"
    )
    doctor.add_argument("--json", metavar="FILE", help="write the report as JSON to this file too")
    doctor.add_argument(
        "-v", dest="verbose", action="count", default=0, help="show all places of each change"
    )

    command("demo", _demo, "watch it find a bug in a vending machine")
    return parser


def _limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-steps", type=int, default=MAX_STEPS, metavar="N",
        help=f"steps that a run may take ({MAX_STEPS:,}); 0: any number",
    )  # fmt: skip
    parser.add_argument(
        "--max-time", type=float, default=MAX_TIME, metavar="SECONDS",
        help="virtual seconds that a run may take (ten years); 0: any number",
    )  # fmt: skip


def _verbose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-v", dest="verbose", action="count", default=0, help="longer stories; -vv adds the full traceback"
    )


# -- the commands ----------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    function = load(options.target)
    limits: dict[str, Any] = {"max_steps": options.max_steps, "max_time": options.max_time}
    outcome = api.run(
        function, order=options.order, seed=options.seed, now=options.now, tz=options.tz, **limits
    )
    twin = None
    if outcome.failed:
        with Quiet():  # the same once more, to see its lines
            outcome = api.replay(function, outcome.token, detail=True, **limits)
        twin = _plain_twin(function, outcome)
        keep_token(outcome)
    sys.stdout.write(_tell(outcome, twin, options.target, 0))
    if not outcome.failed and outcome.value is not None:
        sys.stdout.write(f"returned {outcome.value!r}\n")
    return 1 if outcome.failed else 0


def _explore(options: argparse.Namespace) -> int:
    function = load(options.target)
    faults = tuple(word for words in options.faults for word in words.split(","))
    if options.json is not None:
        check_writable(options.json)
    quiet = Quiet(start=False)
    bar = Bar()
    ctrl_c = CtrlC()
    seen = 0

    def progress(runs: int, at_most: int) -> None:
        nonlocal seen
        seen = runs
        ctrl_c.check()
        # The plain run may print; 200 repetitions of the same would drown the report.
        quiet.start()
        bar.show(runs, at_most, quiet)

    try:
        with ctrl_c, quiet, bar:
            result = api.explore(
                function,
                schedules=options.schedules,
                order=options.order,
                faults=faults,
                seed=options.seed,
                progress=progress,
                target=options.target,
                now=options.now,
                tz=options.tz,
                max_steps=options.max_steps,
                max_time=options.max_time,
            )
            ctrl_c.check()
    except KeyboardInterrupt:
        runs = f"{seen} of {options.schedules} schedules were run"
        _complain(f"stopped by Ctrl-C: {runs}, and no failure was told yet")
        return 130
    for failure in (*result.failures, *result.latent):
        keep_token(failure.smallest)
    sys.stdout.write(result.report(color=wants_color(), width=width(), verbose=options.verbose))
    if options.json is not None:
        write_json(options.json, result.to_json())
    return 1 if result.failure is not None else 0


def _replay(options: argparse.Namespace) -> int:
    token = read_token(options.token)
    recipe = Recipe.parse(token)
    function = load(options.target)
    outcome = api.replay(function, token, detail=True, max_steps=options.max_steps, max_time=options.max_time)
    if isinstance(outcome.error, Diverged):
        raise Wrong(
            "the program asks other questions than when the token was printed: it has changed since, "
            "or it is not deterministic",
            f"interlace explore {options.target}",
        )
    sys.stdout.write(_tell(outcome, _plain_twin(function, outcome), options.target, options.verbose))
    if recipe.fingerprint and recipe.fingerprint != outcome.trace_hash[:8]:
        _complain(
            f"this is not the run of the token (trace {recipe.fingerprint} then, {outcome.trace_hash[:8]} now"
            "): the program has changed since, or it is not deterministic"
        )
    return 1 if outcome.failed else 0


def _demo(options: argparse.Namespace) -> int:
    status: int = importlib.import_module("interlace.demo").main()
    return status


def _doctor(options: argparse.Namespace) -> int:
    status: int = importlib.import_module("interlace.cli.doctor").doctor(options)
    return status


def _plain_twin(function: api.Main, outcome: Outcome) -> Outcome | None:
    """Returns the plain run if it passes where this one fails: what differs is what matters."""
    if not outcome.failed or not outcome.schedule.answers:
        return None
    token = replace(outcome.recipe, schedule=Schedule(), fingerprint="").token
    with Quiet():
        plain = api.replay(function, token, detail=True)
    return None if plain.failed else plain


def _tell(outcome: Outcome, twin: Outcome | None, target: str, verbose: int) -> str:
    return outcome_to_text(
        outcome,
        twin=twin,
        target=target,
        constraints=constraints(outcome),
        color=wants_color(),
        width=width(),
        verbose=verbose,
    )


def _complain(line: str) -> None:
    sys.stderr.write(f"interlace: {line}\n")
