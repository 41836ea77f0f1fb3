"""Every error that a user of interlace can see.

Each one says three things: what was wrong (with the value), why, and what to type next. The
classes also derive from the built-in exception that ordinary code would expect in that place, so
that `except OSError` or `except NotImplementedError` in a library keeps working.
"""

from __future__ import annotations

from collections.abc import Iterable


class InterlaceError(Exception):
    """Base of all errors raised by interlace itself, as opposed to the program under test."""


class UsageError(InterlaceError, ValueError):
    """An argument, option or target that cannot work. The command line exits with status 2."""


class BadToken(UsageError):
    """A replay token that is torn, mistyped, or written by another version of interlace."""


class NotSimulated(InterlaceError, NotImplementedError):
    """The program asked the simulated world for something that it does not have."""

    def __init__(self, api: str, site: str | None, remedy: str) -> None:
        where = f", called at {site}" if site else ""
        super().__init__(f"{api} is not simulated{where}. {remedy}")
        self.api = api
        self.site = site
        self.remedy = remedy


class HostCrashed(InterlaceError, ConnectionError):
    """A host has crashed on which `host.run` was running something.

    Args:
        host: the name of the host.
        task: what was running.
    """

    def __init__(self, host: str, task: str) -> None:
        super().__init__(
            f"host {host!r} has crashed while it ran {task}: nothing comes back from there. Catch this, or start "
            "with host.start(...) what is to begin anew when the host restarts"
        )
        self.host = host


def _listed(lines: Iterable[str]) -> str:
    return "".join(f"\n  {line}" for line in lines)


class Deadlock(InterlaceError, RuntimeError):
    """Nothing is ready, no timer is armed, nothing is in flight, and the program is not done.

    `waiting` holds one line per stuck task: its name, what it waits for and where.
    """

    def __init__(self, waiting: tuple[str, ...]) -> None:
        lines = _listed(waiting) or "\n  (no task is left that could go on)"
        super().__init__(f"deadlock: every task waits and nothing can wake any of them{lines}")
        self.waiting = waiting


class LoopBlocked(Deadlock):
    """A step of the program holds the event loop up for a thread that can not go on without the loop.

    `waiting` holds one line for the step and one for each thread.
    """

    def __init__(self, waiting: tuple[str, ...]) -> None:
        lines = "".join(f"\n  {line}" for line in waiting)
        super(Deadlock, self).__init__(
            "deadlock: a step of the event loop waits for a thread, and nothing lets that thread go on"
            f"{lines}\nLet the loop run meanwhile: await asyncio.to_thread(...) with the call that waits"
        )
        self.waiting = waiting


class Unanswered(Deadlock):
    """A real service has not answered, and nothing else can go on; see `World.passthrough`.

    Args:
        service: the name of the service, and where it really is.
        sent: how many bytes it was sent since it last said something.
        waiting: see `Deadlock`.
    """

    def __init__(self, service: str, sent: int, waiting: tuple[str, ...]) -> None:
        InterlaceError.__init__(
            self,
            f"{service} does not answer: it was sent {sent} bytes and has been silent since, for as long in real time "
            f"as it may. Nothing else can go on. These tasks wait{_listed(waiting)}\n"
            "See whether the service is well; if it needs longer, give passthrough() more patience=",
        )
        self.waiting = waiting
        self.service = service


class Hung(Deadlock):
    """Nothing can go on, and connections hang because a fault has it so: who waits for them has no timeout.

    Args:
        connections: the names of the connections.
        waiting: see `Deadlock`.
    """

    def __init__(self, connections: tuple[str, ...], waiting: tuple[str, ...]) -> None:
        InterlaceError.__init__(
            self,
            f"a fault has {', '.join(connections)} hang, and nobody gives up: nothing else can go on. These tasks "
            f"wait{_listed(waiting)}\nGive what waits for an answer a timeout, such as asyncio.timeout(30)",
        )
        self.waiting = waiting
        self.connections = connections


class UnmatchedRequest(InterlaceError, AssertionError):
    """A fake was sent a request that none of its routes is for; see `World.http`.

    Args:
        request: the request, in words.
        nearest: a line for each of the nearest routes, and why it missed.
        remedy: what to type.
    """

    def __init__(self, request: str, nearest: tuple[str, ...], remedy: str) -> None:
        about = f". Nearest routes{_listed(nearest)}\n" if nearest else ": the fake has no routes yet. "
        super().__init__(f"no route for {request}{about}{remedy}")
        self.request = request
        self.nearest = nearest


class UnusedRoute(InterlaceError, AssertionError):
    """The test has ended, and a route of a fake was asked less often than it must be.

    Args:
        routes: a line for each of them.
    """

    def __init__(self, routes: tuple[str, ...]) -> None:
        super().__init__(
            f"the test has ended, and these routes were not used as they should{_listed(routes)}\n"
            "If that is well, say so at the route: .optional()"
        )
        self.routes = routes


class TornTape(UsageError):
    """A tape that cannot be read; see `World.tape`.

    Args:
        file: its name.
        line: the number of the line.
        why: what is wrong there.
        first: what may be done instead of recording it again.
    """

    def __init__(self, file: str, line: int, why: str, first: str = "") -> None:
        super().__init__(
            f"tape {file}, line {line}: {why}. Take the file from version control, or{f' {first}' if first else ''} "
            "record it again: pytest --tapes=record, or world.tape(..., record=True)"
        )
        self.file = file
        self.line = line


class NoTape(UsageError):
    """There is no tape to replay; see `World.tape`."""


class StaleTape(InterlaceError, AssertionError):
    """The program asks what is not on the tape; see `World.tape`.

    Args:
        what: what it has asked, and of whom.
        nearest: where on the tape the most similar request stands, and how both differ; "" if there is none.
        remedy: what to type.
    """

    def __init__(self, what: str, nearest: str, remedy: str) -> None:
        super().__init__("\n".join(part for part in (what, nearest, remedy) if part))
        self.nearest = nearest


class BadCall(InterlaceError, TypeError):
    """A fake was called with arguments that do not fit the signature of what it stands for; see `World.fake`."""


class UnexpectedCall(InterlaceError, AssertionError):
    """A fake was called, or read, of which nobody has said what it answers; see `World.fake`.

    Args:
        call: the call, in words.
        name: how the test names what was called, such as `fake.get`.
        implement: how it is given something that answers; "" if it has that already.
    """

    def __init__(self, call: str, name: str, implement: str) -> None:
        super().__init__(
            f"{call} was called, and nothing says what it answers. Say so in the test: {name}.returns(...), .raises(...), "
            f".sequence(...) or .does(function){implement}"
        )
        self.call = call


class BrokenContract(InterlaceError, AssertionError):
    """A fake web API was sent a request that its OpenAPI document does not allow; see `World.http`.

    Args:
        request: the request, in words.
        problems: a line for each thing that is wrong with it, and where the document says so.
    """

    def __init__(self, request: str, problems: tuple[str, ...]) -> None:
        super().__init__(
            f"{request} is not what the contract asks for{_listed(problems)}\n"
            "If the request is right, change the document; api.openapi(..., validate=False) does not look at requests"
        )
        self.problems = problems


class OutOfOrder(InterlaceError, AssertionError):
    """Fakes were not asked in the order that `interlace.in_order` was given.

    Args:
        what: which one was too early, in words.
        calls: a line for each call, in the order in which they were made.
    """

    def __init__(self, what: str, calls: tuple[str, ...]) -> None:
        super().__init__(f"out of order: {what}. In the order in which they were made{_listed(calls)}")
        self.calls = calls


class UnexpectedMessage(InterlaceError, AssertionError):
    """A fake websocket was sent something that its script does not expect; see `World.http`.

    Args:
        where: which websocket, in words.
        what: which step.
        difference: how the message differs.
    """

    def __init__(self, where: str, what: str, difference: str) -> None:
        super().__init__(
            f"{where}: {what}: {difference}. If the message is right, change the script; ws.recv() takes any message"
        )
        self.difference = difference


class LifespanFailed(InterlaceError, RuntimeError):
    """An application has failed to start, or to shut down; see `World.asgi`.

    Args:
        app: the application, and where it is.
        phase: "startup", "shutdown", or "life" for what is between.
        reason: what it says itself.
    """

    def __init__(self, app: str, phase: str, reason: str) -> None:
        super().__init__(f"{app} has failed in its {phase}: {reason}")
        self.app = app
        self.phase = phase
        self.reason = reason


class Standstill(Deadlock):
    """The test waits, and for very long nothing has run but tasks that do the same again and again.

    `waiting` is that of `Deadlock`; `busy` holds one line per task that still runs: how often, and where.
    """

    def __init__(self, waiting: tuple[str, ...], busy: tuple[str, ...], seconds: float) -> None:
        InterlaceError.__init__(
            self,
            f"stuck: these tasks wait{_listed(waiting)}\n"
            f"and for {seconds:g} virtual seconds nothing has run but{_listed(busy)}\n"
            "If one of those wakes them at last, raise max_steps",
        )
        self.waiting = waiting
        self.busy = busy


class Runaway(InterlaceError, RuntimeError):
    """A run took more steps, or more virtual time, than its plan allows, so it was stopped.

    `busy` holds one line per task that made the most of the last steps: how many, where, in which loop.
    """

    def __init__(self, message: str, busy: tuple[str, ...] = ()) -> None:
        super().__init__(f"{message}. The busiest tasks{_listed(busy)}" if busy else message)
        self.busy = busy


class TimedOut(InterlaceError, TimeoutError):
    """A test or a fixture took longer than it may, see the ini option `interlace_timeout`.

    Args:
        seconds: what it may take; virtual ones in a simulated world.
        stacks: where every task stood then.
    """

    def __init__(self, seconds: float, stacks: str) -> None:
        super().__init__(
            f"not done after {seconds:g} s; raise interlace_timeout if it may take longer. "
            f"Where its tasks stand:{_listed(stacks.splitlines())}"
        )
        self.seconds = seconds
        self.stacks = stacks


class LatentWarning(UserWarning):
    """A failure that needs an order which asyncio's own loop does not produce. The test passes."""


class OnlySimulatedWarning(UserWarning):
    """A test fails in the plain simulated run and passes on the stock loop: no order is to blame. The test passes."""


class BlockingCallWarning(UserWarning):
    """A step of the loop has slept with `time.sleep`: nothing else could run meanwhile. Await `asyncio.sleep`."""


class SharedStateWarning(UserWarning):
    """A schedule of a test has changed a fixture that the next schedule gets as well."""


class Diverged(InterlaceError, RuntimeError):
    """The same answers led to other questions: the program is not deterministic under interlace."""
