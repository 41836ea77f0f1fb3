"""Operations on real files, looked at while a test that speaks of files runs: see decision 0012.

The functions are replaced where they are, as those of `time` are (decision 0009), so that names which were bound
long before, as `open` is in aiofiles, are reached as well. Outside of such a run nothing is replaced. What
happens to an operation is decided by `sim.files`.
"""

from __future__ import annotations

import builtins
import errno
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.backends.clocks import CLOCKS, belongs_to
from interlace.backends.openfile import OpenFile, identity_of
from interlace.backends.rawfile import RawFile, is_mode, opened
from interlace.backends.replaced import Replaced
from interlace.errors import UsageError
from interlace.sim.clock import SECOND
from interlace.sim.files import Files
from interlace.sim.network.life import Stay, current_host
from interlace.sim.paths import resolved
from interlace.untouched import is_built_in

if TYPE_CHECKING:
    from interlace.backends.clocks import Blocking
    from interlace.sim.world import World

_UNTOUCHED = (
    *("interlace.sim", "interlace.engine", "interlace.plugin", "interlace.cli", "interlace.model"),
    *("interlace.report", "importlib", "linecache", "tokenize"),
    *("pytest", "_pytest", "pluggy", "xdist", "execnet", "pytest_timeout", "hypothesis", "coverage", "rich"),
)
"""Modules and packages whose files are what they are. Not our backends: what they call, as an executor job or a
callback, may be `open` itself."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_NAMES = {"open": "open", "read": "read of", "write": "write to", "sync": "sync of", "rename": "rename to"}


class FileCalls:
    """The functions of this process that open, read, write, sync and rename files.

    Attributes:
        buried: where code of hosts that have crashed is let go, which must not touch a file any more; else None.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._asking = threading.Lock()
        self._watching: list[Files] = []
        self._replaced: dict[str, Replaced] = {}
        self._real: dict[str, Callable[..., Any]] = {}
        self._by_descriptor: dict[int, OpenFile] = {}
        self._is_untouched: dict[str, bool] = {}
        self.buried: Files | None = None

    # -- for how long ----------------------------------------------------------------------------

    def begin(self, files: Files, *, is_late: bool) -> None:
        """Begins to look at operations for one world.

        Raises:
            UsageError: its run is over.
        """
        with self._lock:
            if files in self._watching:
                return
            if is_late:
                raise UsageError(
                    "world.files: the run of this world is over; say what is to happen within it"
                )
            if not self._watching:
                self._replace()
            self._watching.append(files)

    def end(self, files: Files) -> None:
        """Ends that: from now on its files are what they are."""
        with self._lock:
            files.is_over = True
            if files not in self._watching:
                return
            self._watching.remove(files)
            if not self._watching:
                for one in self._replaced.values():
                    one.restore()
                self._by_descriptor.clear()

    @contextmanager
    def burying(self, files: Files | None) -> Iterator[None]:
        """Keeps files as they are within the block: whatever runs there should not run at all."""
        self.buried = files
        try:
            yield
        finally:
            self.buried = None

    def _replace(self) -> None:
        if not self._replaced:
            names = ("open", "read", "write", "pread", "pwrite", "fsync", "fdatasync", "rename", "replace")
            for name in (*names, "unlink", "remove", "truncate", "sendfile", "copy_file_range"):
                if is_built_in(os, name):
                    self._add(os, name, f"_os_{name}")
            self._add(builtins, "open", "_open")
        for one in self._replaced.values():
            one.replace()

    def _add(self, module: Any, name: str, own: str) -> None:
        self._replaced[own] = one = Replaced(module, name, getattr(self, own))
        self._real[own] = one.real

    # -- whose files -----------------------------------------------------------------------------

    def _here(self, depth: int = 2) -> tuple[Files | None, str]:
        """Returns what is said about files to the caller of a replaced function, and where that stands.

        Args:
            depth: how many frames up the caller is.
        """
        file = sys._getframe(depth).f_code.co_filename
        if self.buried is not None:
            return self.buried, file
        world = CLOCKS.world_of()
        files = None if world is None else world.files
        if files is None or files.is_over:
            return None, file
        untouched = self._is_untouched.get(file)
        if untouched is None:
            untouched = self._is_untouched[file] = file.startswith("<frozen") or belongs_to(file, _UNTOUCHED)
        return None if untouched else files, file

    def _at(self, descriptor: Any) -> OpenFile | None:
        """Returns what is known of a descriptor, or of what has one."""
        if not isinstance(descriptor, int):
            if not hasattr(descriptor, "fileno"):
                return None
            descriptor = descriptor.fileno()
        found = self._by_descriptor.get(descriptor)
        if found is not None and found.identity != identity_of(descriptor):
            del self._by_descriptor[descriptor]
            return None
        return found

    def _seen(self, descriptor: Any) -> OpenFile | None:
        """Returns what is known of a descriptor to the caller of a replaced function that has called the caller."""
        return self._at(descriptor) if self._by_descriptor and self._here(4)[0] is not None else None

    def opened(self, descriptor: int, file: OpenFile) -> None:
        """Notes which file a descriptor is."""
        file.identity = identity_of(descriptor)
        self._by_descriptor[descriptor] = file

    def closed(self, descriptor: int, file: OpenFile) -> None:
        """Notes that it is no longer."""
        if self._by_descriptor.get(descriptor) is file:
            del self._by_descriptor[descriptor]

    # -- what happens ----------------------------------------------------------------------------

    def meet(self, files: Files, operation: str, path: str, size: int = 0, *, creates: bool = False) -> int:
        """Takes the time of an operation, and raises its error; returns how many bytes are to be written."""
        world: Blocking | None = CLOCKS.world_of()
        if world is None or world.files is not files or files.is_over:
            return size
        with self._asking:
            effect = files.meet(operation, path, size, creates=creates, asks=world.in_lockstep())
        if effect.wait:
            seconds = effect.wait / SECOND
            what = f"a {_NAMES[operation]} {effect.name} that takes {seconds:g} s"
            world.hold(seconds, what, "hand it to asyncio.to_thread, or use aiofiles")
        if effect.error:
            named = (path,) if operation in ("open", "rename") else ()
            raise OSError(effect.error, os.strerror(effect.error), *named)
        return effect.size

    def change(self, files: Files, path: str) -> None:
        """Notes that a file is about to be changed; it is not, where the host of the running code has crashed."""
        if self.buried is files or _is_over(current_host.get()):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        if not files.is_over:
            files.change(path)

    # -- the replacements ------------------------------------------------------------------------

    def _open(
        self,
        file: Any,
        mode: Any = "r",
        buffering: Any = -1,
        encoding: Any = None,
        errors: Any = None,
        newline: Any = None,
        closefd: Any = True,
        opener: Any = None,
    ) -> Any:
        real = self._real["_open"]
        arguments = (file, mode, buffering, encoding, errors, newline, closefd, opener)
        files, _ = self._here()
        if files is None or not is_mode(mode, (encoding, errors, newline)) or not isinstance(buffering, int):
            return real(*arguments)
        if hasattr(type(file), "__fspath__"):
            file = os.fspath(file)
        known = self._at(file) if isinstance(file, int) else None
        path = None if isinstance(file, int) else resolved(file)
        if known is None and (path is None or not files.watches(path)):
            return real(*arguments)

        def make(raw_mode: str) -> RawFile:
            if known is not None:
                return RawFile(file, raw_mode, closefd, opener, OpenFile(self, files, known.path))
            if opener is not None:
                return self._open_by(opener, file, raw_mode, closefd, files)
            assert path is not None
            self._begin(files, path, writes=raw_mode != "r", creates="x" in raw_mode or "w" in raw_mode)
            return RawFile(file, raw_mode, closefd, None, OpenFile(self, files, path))

        return opened(file, mode, buffering, encoding, errors, newline, make)

    def _open_by(self, opener: Any, file: Any, mode: str, closefd: Any, files: Files) -> RawFile:
        """Opens a file with an opener, which may open another one than is said."""
        found: list[OpenFile] = []

        def noting(name: Any, flags: int) -> Any:
            descriptor = opener(name, flags)
            known = self._at(descriptor)
            if known is not None:
                found.append(known)
            return descriptor

        path = resolved(file) or ""
        watch = OpenFile(self, files, path)
        raw = RawFile(file, mode, closefd, noting, watch)
        if found:
            watch.path = found[0].path
        return raw

    def _begin(self, files: Files, path: str, *, writes: bool, creates: bool) -> None:
        """Is what happens before a file is opened."""
        self.meet(files, "open", path, creates=creates and not os.path.exists(path))
        if writes:
            self.change(files, path)

    def _os_open(self, path: Any, flags: Any, mode: Any = 0o777, *, dir_fd: Any = None) -> Any:
        files, caller = self._here()
        place = resolved(path) if files is not None and dir_fd is None and isinstance(flags, int) else None
        if files is None or place is None or not files.watches(place):
            return self._real["_os_open"](path, flags, mode, dir_fd=dir_fd)
        if caller == tempfile.__file__:
            files.call_temporary(place)
        self._begin(files, place, writes=bool(flags & _WRITING), creates=bool(flags & os.O_CREAT))
        descriptor = self._real["_os_open"](path, flags, mode)
        self.opened(descriptor, OpenFile(self, files, place))
        return descriptor

    def _os_read(self, fd: Any, length: Any, /) -> Any:
        self._reads(fd)
        return self._real["_os_read"](fd, length)

    def _os_pread(self, fd: Any, length: Any, offset: Any, /) -> Any:
        self._reads(fd)
        return self._real["_os_pread"](fd, length, offset)

    def _os_write(self, fd: Any, data: Any, /) -> Any:
        return self._writes(fd, data, lambda part: self._real["_os_write"](fd, part))

    def _os_pwrite(self, fd: Any, data: Any, offset: Any, /) -> Any:
        return self._writes(fd, data, lambda part: self._real["_os_pwrite"](fd, part, offset))

    def _reads(self, fd: Any) -> None:
        file = self._seen(fd)
        if file is not None:
            file.reads()

    def _writes(self, fd: Any, data: Any, write: Callable[[Any], Any]) -> Any:
        file = self._seen(fd)
        if file is None:
            return write(data)
        size = memoryview(data).nbytes
        room = file.writes(size)
        if room < 0:
            return size
        return write(data if room == size else memoryview(data).cast("B")[:room])

    def _os_fsync(self, fd: Any) -> Any:
        return self._syncs(fd, self._real["_os_fsync"])

    def _os_fdatasync(self, fd: Any) -> Any:
        return self._syncs(fd, self._real["_os_fdatasync"])

    def _syncs(self, fd: Any, sync: Callable[[Any], Any]) -> Any:
        file = self._seen(fd)
        if file is None:
            return sync(fd)
        if file.is_dead():
            return None
        if file.files.is_over:
            return sync(fd)
        # Not for real: it takes long, and the power does not fail.
        self.meet(file.files, "sync", file.path)
        if not (file.is_dead() or file.files.is_over):
            file.files.sync(file.path)
        return None

    def _os_rename(self, src: Any, dst: Any, *, src_dir_fd: Any = None, dst_dir_fd: Any = None) -> Any:
        folders = {"src_dir_fd": src_dir_fd, "dst_dir_fd": dst_dir_fd}
        return self._renames(src, dst, partial(self._real["_os_rename"], src, dst, **folders), folders)

    def _os_replace(self, src: Any, dst: Any, *, src_dir_fd: Any = None, dst_dir_fd: Any = None) -> Any:
        folders = {"src_dir_fd": src_dir_fd, "dst_dir_fd": dst_dir_fd}
        return self._renames(src, dst, partial(self._real["_os_replace"], src, dst, **folders), folders)

    def _renames(self, src: Any, dst: Any, rename: Callable[[], Any], folders: dict[str, Any]) -> Any:
        files, _ = self._here(3)
        old = new = None
        if files is not None and not any(one is not None for one in folders.values()):
            old, new = resolved(src, follow=False), resolved(dst, follow=False)
        if files is None or old is None or new is None or not (files.watches(old) or files.watches(new)):
            return rename()
        self.meet(files, "rename", new if files.watches(new) else old)
        self.change(files, old)
        files.rename(old, new, rename)
        for file in self._by_descriptor.values():
            if file.path == old:
                file.path = new
        return None

    def _os_unlink(self, path: Any, *, dir_fd: Any = None) -> Any:
        self._changes(path, dir_fd)
        return self._real["_os_unlink"](path, dir_fd=dir_fd)

    def _os_remove(self, path: Any, *, dir_fd: Any = None) -> Any:
        self._changes(path, dir_fd)
        return self._real["_os_remove"](path, dir_fd=dir_fd)

    def _os_truncate(self, path: Any, length: Any) -> Any:
        self._changes(path, None)
        return self._real["_os_truncate"](path, length)

    def _changes(self, path: Any, dir_fd: Any) -> None:
        files, _ = self._here(3)
        place = resolved(path, follow=False) if files is not None and dir_fd is None else None
        if files is not None and place is not None and files.watches(place):
            self.change(files, place)

    def _os_sendfile(self, *args: Any, **options: Any) -> Any:
        return self._copies(args, options, self._real["_os_sendfile"])

    def _os_copy_file_range(self, *args: Any, **options: Any) -> Any:
        return self._copies(args, options, self._real["_os_copy_file_range"])

    def _copies(self, args: tuple[Any, ...], options: dict[str, Any], copy: Callable[..., Any]) -> Any:
        """Refuses what the kernel would copy by itself; `shutil` reads and writes then."""
        files, _ = self._here(3)
        ends = (*args[:2], *(options[name] for name in ("out_fd", "in_fd", "src", "dst") if name in options))
        if files is not None and any(isinstance(one, int) and self._at(one) is not None for one in ends):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return copy(*args, **options)


def files_of(world: World) -> Files:
    """Returns what a test says about real files in a world."""
    if world.files is None:
        world.files = Files(world, lambda: CALLS.begin(_of(world), is_late=world.closed))
    return world.files


def _of(world: World) -> Files:
    assert world.files is not None
    return world.files


def _is_over(stay: Stay | None) -> bool:
    return stay is not None and stay.is_over


CALLS = FileCalls()
"""Those of this process: there is one set of functions to replace."""
