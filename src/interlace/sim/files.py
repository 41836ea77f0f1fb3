"""What a test says about real files: which are slow, which fail, which a crash leaves torn.

Decides what happens to an operation on a file, and does nothing to it: `backends.files` does. Knows no event loop.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from interlace.errors import UsageError
from interlace.sim.filerules import HAPPENS, SLOW, Effect, Explored, Failing, Slow, operations_of
from interlace.sim.latency import parse_latency
from interlace.sim.mirror import Mirror
from interlace.sim.network.life import current_host
from interlace.sim.paths import Pattern

if TYPE_CHECKING:
    from interlace.sim.world import World


class Files:
    """Faults of real files: `world.files`.

    Args:
        world: who is asked.
        begin: called before anything is said, so that operations on files are looked at from then on.

    Attributes:
        is_over: whether the run is over, and files are what they are.
    """

    __slots__ = (
        *("_aliases", "_begin", "_counts", "_explored", "_failing", "_full", "_mirrors", "_slow", "_torn"),
        *("_world", "is_over"),
    )

    def __init__(self, world: World, begin: Callable[[], None]) -> None:
        self._world = world
        self._begin = begin
        self._failing: list[Failing] = []
        self._slow: list[Slow] = []
        self._explored: list[Explored] = []
        self._torn: list[Pattern] = []
        self._counts: dict[str, int] = {}
        self._full: set[str] = set()
        self._aliases: dict[str, str] = {}
        self._mirrors: dict[str, Mirror] = {}
        self.is_over = False

    # -- what a test says ------------------------------------------------------------------------

    def fail(
        self,
        path: str | os.PathLike[str],
        error: str = "ENOSPC",
        *,
        after: int = 0,
        times: int | None = None,
        on: str | Iterable[str] | None = None,
    ) -> None:
        """Has operations on files fail from now on, until `heal`.

        Args:
            path: a file, a folder and all beneath it, or a pattern: `*` within a name, `**` across folders.
            error: the name of an errno: `"ENOSPC"`, `"EIO"`, `"EACCES"`.
            after: how many bytes may still be written to these files, all together, before a write fails.
            times: how often; None: every time.
            on: the operations that fail: of `"open"`, `"read"`, `"write"`, `"sync"`, `"rename"`; None: those in
                which this error happens: EIO in a read, a write or a sync, EACCES when a file is opened, ENOSPC in a write.

        Raises:
            UsageError: an argument that cannot work.
        """
        number = getattr(errno, error, None) if isinstance(error, str) and error.startswith("E") else None
        if number is None:
            raise UsageError(
                f"files.fail(): no error is called {error!r}; give the name of an errno, such as 'ENOSPC', 'EIO' or 'EACCES'"
            )
        operations = operations_of("fail", on, HAPPENS.get(error, ("write",)))
        if isinstance(after, bool) or not isinstance(after, int) or after < 0:
            raise UsageError(
                f"files.fail(): after is {after!r}; give the number of bytes that may still be written"
            )
        if after and operations != ("write",):
            raise UsageError(
                f"files.fail(): after={after!r} counts bytes that are written, and {error} is to happen in "
                f"{', '.join(operations)}; say on='write'"
            )
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise UsageError(
                f"files.fail(): times is {times!r}; give a whole number from 1 up, or None for every time"
            )
        self._failing.append(Failing(self._pattern(path, "fail"), number, operations, after, times))

    def slow(
        self,
        path: str | os.PathLike[str],
        latency: str | float | tuple[float, float] = "5ms..50ms",
        *,
        on: str | Iterable[str] | None = None,
    ) -> None:
        """Has operations on files take a virtual time that is explored; the plain run takes the lower end.

        In a thread of an executor the job is done so much later. In a step of the loop time passes as in
        `time.sleep`, with a `BlockingCallWarning`. What is said last holds.

        Args:
            path: as for `fail`.
            latency: how long each operation takes: `"5ms"`, `"5ms..50ms"`, seconds, or a pair of seconds.
            on: the operations, as for `fail`; None: `"read"`, `"write"` and `"sync"`.

        Raises:
            UsageError: an argument that cannot work.
        """
        delays = parse_latency(latency)
        operations = operations_of("slow", on, SLOW)
        self._slow.append(Slow(self._pattern(path, "slow"), delays, operations))

    def heal(self, path: str | os.PathLike[str] | None = None) -> None:
        """Ends what `fail` and `slow` have begun.

        Args:
            path: what they were given; None: all of it.

        Raises:
            UsageError: nothing was said of this path.
        """
        given = None if path is None else Pattern(path, "heal").given
        failing = [one for one in self._failing if given not in (None, one.pattern.given)]
        slow = [one for one in self._slow if given not in (None, one.pattern.given)]
        if given is not None and len(failing) + len(slow) == len(self._failing) + len(self._slow):
            rules: list[Failing | Slow] = [*self._failing, *self._slow]
            known = sorted({one.pattern.given for one in rules})
            raise UsageError(
                f"files.heal({path!r}): nothing is wrong with that; give what fail() or slow() were given: "
                f"{', '.join(known) or 'nothing so far'}"
            )
        self._failing, self._slow = failing, slow

    def faults(
        self,
        path: str | os.PathLike[str],
        *,
        enospc: bool = False,
        eio: bool = False,
        at_most: int = 1,
    ) -> AbstractContextManager[None]:
        """Returns within what each operation on files may fail: which one does is explored.

        Args:
            path: as for `fail`.
            enospc: whether the disk may be full: a write writes half of its bytes or none, and fails. It stays
                full for whoever writes to the file, until it is opened again.
            eio: whether any operation may fail with EIO.
            at_most: how many fail in one run, at most.

        Raises:
            UsageError: an argument that cannot work, or no fault at all.
        """
        if not (enospc or eio):
            raise UsageError("files.faults() asks for no fault: add enospc=True, eio=True, or both")
        if isinstance(at_most, bool) or not isinstance(at_most, int) or at_most < 1:
            raise UsageError(f"files.faults(): at_most is {at_most!r}; give a whole number from 1 up")
        return self._exploring(Explored(self._pattern(path, "faults"), bool(enospc), bool(eio), at_most))

    @contextmanager
    def _exploring(self, explored: Explored) -> Iterator[None]:
        self._explored.append(explored)
        try:
            yield
        finally:
            self._explored.remove(explored)

    def tear(self, path: str | os.PathLike[str]) -> None:
        """Has the crash of a host leave traces in the real files that code on it has changed.

        As on `host.disk`: what was not synced is lost, kept, or torn in half, and a file that was renamed
        may be found under either name; which, is explored.

        Args:
            path: as for `fail`. Give the folder, if files are renamed into place.

        Raises:
            UsageError: not a path, or in a folder that does not exist.
        """
        self._torn.append(self._pattern(path, "tear"))

    def _pattern(self, path: Any, method: str) -> Pattern:
        pattern = Pattern(path, method)
        self._begin()
        return pattern

    # -- what happens ----------------------------------------------------------------------------

    def watches(self, path: str) -> bool:
        """Tells whether anything that was said may concern the file at a path."""
        return any(pattern.fits(path) for pattern in self._patterns()) or self._is_near(path)

    def _patterns(self) -> Iterator[Pattern]:
        rules: list[Failing | Slow | Explored] = [*self._failing, *self._slow, *self._explored]
        yield from (one.pattern for one in rules)
        yield from self._torn

    def _is_near(self, path: str) -> bool:
        return any(pattern.is_beneath(path) for pattern in self._torn)

    def name_of(self, path: str) -> str:
        """Returns how a file is named in choices and reports."""
        name = self._aliases.get(path)
        if name is None:
            pattern = next((one for one in self._patterns() if one.is_beneath(path)), None)
            name = self._aliases[path] = os.path.basename(path) if pattern is None else pattern.name_of(path)
        return name

    def call_temporary(self, path: str) -> None:
        """Names a file that has a random name by its number instead."""
        if path not in self._aliases:
            self._counts["temporary"] = number = self._counts.get("temporary", 0) + 1
            self._aliases[path] = f"temporary file {number}"

    def meet(
        self, operation: str, path: str, size: int = 0, *, creates: bool = False, asks: bool = True
    ) -> Effect:
        """Finds out what happens to an operation.

        Args:
            operation: one of `OPERATIONS`.
            path: the file, without symbolic links.
            size: how many bytes are to be written.
            creates: whether the file is made.
            asks: whether what varies may be asked; else the boring answer is taken.
        """
        name = self.name_of(path)
        if operation == "open":
            self._full.discard(path)
        slow = next(
            (one for one in reversed(self._slow) if operation in one.on and one.pattern.fits(path)), None
        )
        failing = [one for one in self._failing if operation in one.on and one.pattern.fits(path)]
        explored = [one for one in self._explored if one.left and one.pattern.fits(path)] if asks else []
        what = ""
        if slow is not None or explored:
            self._counts[f"{operation} {name}"] = number = self._counts.get(f"{operation} {name}", 0) + 1
            what = f"{operation} {number} of {name}"
        wait = 0
        if slow is not None:
            wait = self._world.delay(what, slow.delays) if asks else slow.delays[0]
        for one in failing:
            if one.times == 0:
                continue
            if one.room and size:
                size = min(size, one.room)
                one.room -= size
                continue
            if one.times is not None:
                one.times -= 1
            return Effect(wait, 0, one.error, name)
        if operation == "write" and path in self._full:
            return Effect(wait, 0, errno.ENOSPC, name)
        for maybe in explored:
            size, error = self._ask(maybe, what, operation, path, size, creates)
            if error or path in self._full:
                return Effect(wait, size, error, name)
        return Effect(wait, size, 0, name)

    def _ask(
        self, explored: Explored, what: str, operation: str, path: str, size: int, creates: bool
    ) -> tuple[int, int]:
        """Asks whether an operation fails; returns how many bytes are written, and the errno or 0."""
        options = [("works", size, 0)]
        if explored.enospc and (operation == "write" or creates):
            options.append(("fails with ENOSPC", 0, errno.ENOSPC))
            if size > 1:
                options.append(("is cut in half with ENOSPC", size // 2, 0))
        if explored.eio:
            options.append(("fails with EIO", 0, errno.EIO))
        if len(options) == 1:
            return size, 0
        names = tuple(option[0] for option in options)
        sentences = tuple(
            f"{what} {option.replace('fails', 'must fail').replace('is cut', 'must be cut')}"
            for option in names
        )
        answer = self._world.fault(what, names, sentences)
        if answer:
            explored.left -= 1
            if operation == "write" and "ENOSPC" in names[answer]:
                self._full.add(path)
        return options[answer][1:]

    # -- what a crash leaves ---------------------------------------------------------------------

    def change(self, path: str) -> None:
        """Notes that the file at a path is about to be changed by the running code."""
        own = self._mirror_of(path)
        for mirror in self._mirrors.values():
            if mirror is not own:
                mirror.forget(path)
        if own is not None:
            own.begin(path)

    def sync(self, path: str) -> None:
        """Notes that the running code has synced a file or a folder."""
        mirror = self._mirror_of(path)
        if mirror is not None:
            mirror.sync(path)

    def rename(self, old: str, new: str, rename: Callable[[], None]) -> None:
        """Renames a file.

        Args:
            old: its path.
            new: the new one.
            rename: does it.
        """
        self.change(old)
        self.change(new)
        mirror = self._mirror_of(new) if self._is_near(old) else None
        if mirror is None:
            rename()
        else:
            mirror.rename(old, new, rename)

    def _mirror_of(self, path: str) -> Mirror | None:
        """Returns the files of the host that the running code is on; None if no crash of it leaves traces in a path."""
        stay = current_host.get()
        if stay is None or not self._is_near(path):
            return None
        host = stay.host
        mirror = host.mirror
        if mirror is None:
            mirror = host.mirror = Mirror(self._world, host.name, self.name_of, self._is_torn)
            self._mirrors[host.name] = mirror
        return mirror

    def _is_torn(self, path: str) -> bool:
        return any(pattern.fits(path) for pattern in self._torn)
