"""Tapes of real peers, as a test puts them into its world."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Literal

from interlace.backends.clocks import CLOCKS
from interlace.backends.outside import PATIENCE
from interlace.backends.recording import Peer, today
from interlace.errors import UsageError
from interlace.services.tapes.address import Address
from interlace.services.tapes.files import MODES, Recorder, TapeFile
from interlace.services.tapes.player import BytesPlayer, HttpPlayer, Terms
from interlace.services.tapes.replay import BytesReplay, HttpReplay
from interlace.services.tapes.scrub import Scrub, Scrubber
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.world import World

Record = bool | Literal["replay", "record", "new"] | None


def load(
    world: World,
    address: Address,
    file: str | os.PathLike[str],
    record: Record = None,
    *,
    to: str | None = None,
    scrub: Scrub = None,
    latency: Latency | None = None,
    headers: Iterable[str] = (),
    repeat: bool = False,
    patience: float = PATIENCE,
) -> Callable[[], Any]:
    """Returns what makes the conversation of each connection to a peer that is recorded or replayed; see `World.tape`.

    Raises:
        UsageError: an argument that cannot work, or a tape that does not.
    """
    scrubber = Scrubber(scrub)
    delays = None if latency is None else parse_latency(latency)
    names = _names(headers)
    mode = _mode(record, world.taping.mode)
    tape = TapeFile(file, address.shown, address.is_http, world.taping.command)
    # Many schedules would ask the peer many times, and a tape holds what was said in one: the plain run.
    is_plain = not world.asks or world.plain is not None
    wanted = mode == "record" or (mode == "new" and not tape.is_there)
    if is_plain and wanted and world.taping.claim(str(tape.path.absolute())):
        recorder = Recorder(tape, address.shown, address.is_http, scrubber, today())
        hostname = address.host if address.is_secure else None
        peer = Peer(
            world,
            address.place,
            to or address.place,
            hostname,
            patience,
            lambda: recorder.begin(CLOCKS.real_ns),
        )
        _save_at_the_end(world, recorder, tape)
        return peer.connect
    terms = Terms(
        tape.shown, scrubber, delays, world.taping.command, world.complaints.append, world.remarks.append
    )
    if address.is_http:
        http = HttpPlayer(tape.read(), terms, names, repeat)
        return lambda: HttpReplay(http)
    player = BytesPlayer(tape.read(), terms)
    return lambda: BytesReplay(player)


def _save_at_the_end(world: World, recorder: Recorder, tape: TapeFile) -> None:
    """Has what was recorded be written down if the program ends well, and once more when its fixtures are gone."""
    saved = False

    def review() -> BaseException | None:
        nonlocal saved
        try:
            recorder.save()
        except UsageError as error:
            return error
        saved = True
        return None

    def undo() -> None:
        if saved and not world.complaints:
            recorder.save()
            world.taping.recorded(str(tape.path.absolute()))

    world.reviews.append(review)
    world.undoing.append(undo)
    world.remarks.append(f"the tape {tape.shown} was not written, since the run has failed")


def _mode(record: Record, asked: str) -> str:
    if record is None:
        return asked
    mode = {True: "record", False: "replay"}[record] if isinstance(record, bool) else record
    if mode not in MODES:
        raise UsageError(f"record={record!r}: give True, False, or one of {', '.join(map(repr, MODES))}")
    return mode


def _names(headers: Iterable[str]) -> tuple[str, ...]:
    names = (headers,) if isinstance(headers, str) else tuple(headers)
    for name in names:
        if not isinstance(name, str) or not name:
            raise UsageError(f"headers=[{name!r}]: give names of headers, such as ['Accept-Language']")
    return names
