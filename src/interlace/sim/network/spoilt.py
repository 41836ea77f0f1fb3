"""The part of an end of a connection that has what is sent there meet the faults that a test asked for.

They sit between the two ends, as a proxy does: what they close, both ends find closed, and what they leave out
was well sent for its sender.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interlace.sim.network.fault import PIECES, Fault, Step, cut
from interlace.sim.network.fragile import Fragile
from interlace.sim.network.parcels import Kind, Parcel
from interlace.sim.network.service import After, Break
from interlace.sim.network.wire import NEVER

if TYPE_CHECKING:
    from interlace.sim.network.stream import End
    from interlace.sim.network.wire import Wire


class Course:
    """What has become of one direction of a connection under faults.

    Attributes:
        broken: how it was ended before its time; None: it goes on.
        passed: how many bytes were sent.
        busy: until when what was sent is on its way because a fault stretches it, in ns.
        lasting: the faults that were chosen and last as long as the connection.
        iteration: the iteration of the loop in which was last asked what happens.
    """

    __slots__ = ("broken", "busy", "iteration", "lasting", "passed")

    def __init__(self) -> None:
        self.broken: Break | None = None
        self.passed = 0
        self.busy = 0
        self.lasting: list[Fault] = []
        self.iteration = -1


class Spoilt(Fragile):
    """What `End` is besides: something that meets faults.

    Attributes:
        course: what has become of what is sent here; None: nothing but what should.
    """

    side: str
    connection: str
    course: Course | None = None
    _message: str
    _counter: int

    @property
    def _own(self) -> End:
        return self.peer.peer

    def stall(self) -> None:
        """Has nothing arrive here any more, while the connection stays open."""
        if self.course is None:
            self.course = Course()
        if self.course.broken is None:
            self.course.broken = Break.HANG
            self.link.is_spoilt = True
            self.link.review()
            self.host.network.spoiling.hanging.append(self._own)

    # -- bytes -----------------------------------------------------------------------------------

    def _spoil(self, data: bytes, size: int) -> bool:
        """Has bytes that are sent here meet faults; returns False where none is in their way.

        They are counted as held already.
        """
        course = self.course
        if course is not None and course.broken is not None:
            self._held -= size
            if course.broken is not Break.HANG:
                self.peer._strike()  # the sender writes to who is gone
            return True
        spoiling = self.host.network.spoiling
        faults = spoiling.meet(self._own)
        world = self._world
        if course is None:
            course = self.course = Course()
        if course.iteration != world.iteration:  # else it is part of the same packet
            course.iteration = world.iteration
            chosen = spoiling.choose(self._own, f"{self.connection} {self._message} {self._counter + 1}")
            course.lasting += [chosen] if chosen is not None else []
        faults += course.lasting
        if not faults and not 0 < _piece(self.link) < size:
            course.passed += size
            return False
        self._held -= size
        self._send_bent(data, faults, course)
        return True

    def _send_bent(self, data: bytes, faults: list[Fault], course: Course) -> None:
        world = self._world
        steps: list[Step] = [data]
        lag = 0
        for fault in faults:
            if fault.kind == "latency":
                lag += self._lasts(fault.delays, f"{self._message} {self._counter + 1} latency")
            else:
                steps = fault.bend_all(steps, course.passed)
        course.passed += len(data)
        if self.link.rate:
            steps = [
                part
                for step in steps
                for part in (cut(step, _piece(self.link)) if isinstance(step, bytes) else [step])
            ]
        start = world.clock.ns
        offset = max(0, course.busy - start)
        name = ""
        base = travel = 0
        for number, step in enumerate(steps):
            if isinstance(step, After):
                offset += self._lasts(
                    step.delays, f"{self._message} {self._counter + 1} {step.what} {number}"
                )
            elif isinstance(step, Break):
                self._interrupt(step, offset + lag)
            elif not name:
                self._counter += 1
                name = f"{self._message} {self._counter}"
                item = self._post(self._own, Kind.DATA, name, len(step), offset + lag)
                if course.broken is not None:  # since it was sent
                    self._inbox.pop()
                    return
                base = item.time - offset
                travel = item.time - self.link.leaves(0)
                self._fill(item, step)
            else:
                time = max(base + offset, self.link.leaves(len(step)) + travel)
                self._append(f"{name} part {number}", step, time)
        if any(fault.kind in ("bandwidth", "slicer") for fault in faults):
            course.busy = start + offset

    def _fill(self, item: Parcel, data: bytes) -> None:
        item.chunks.append(data)
        item.size = len(data)
        item.iteration = -1  # what is written now meets faults of its own
        self._held += len(data)

    def _append(self, name: str, data: bytes, time: int) -> None:
        """Has a further piece of what was sent arrive at this time, in ns."""
        inbox = self._inbox
        if inbox:
            time = min(max(time, inbox[-1].time), NEVER)
        item = Parcel(Kind.DATA, f"{self.connection} {name}", time, self._world)
        item.cuts = 0  # it is cut already
        inbox.append(item)
        self._fill(item, data)

    def _lasts(self, delays: tuple[int, ...], what: str) -> int:
        """Returns how long something takes that has so many lengths to choose from, in ns."""
        return delays[0] if len(delays) == 1 else self._world.delay(f"{self.connection} {what}", delays)

    # -- ends ------------------------------------------------------------------------------------

    def _interrupt(self, how: Break, later: int) -> None:
        """Ends the connection from between its ends, or has it hang."""
        if how is Break.HANG:
            self.stall()
            return
        for end in (self._own, self.peer):
            end.course = end.course or Course()
            end.course.broken = how
        kind, name = (Kind.RESET, "reset") if how is Break.RESET else (Kind.END, "end")
        self._post(self._own, kind, f"{name} by a fault", later=later)
        self.peer._strike(kind)

    def _pass_end(self) -> int:
        """Returns by how much later than usual the end of the stream arrives here, in ns; below 0: it does not."""
        course = self.course
        if course is not None and course.broken is not None:
            # What a client ends, its server is told: a proxy that answers nothing does as much.
            return 0 if course.broken is Break.HANG and self.side == "server" else -1
        if self.closed:
            return 0
        faults = self.host.network.spoiling.meet(self._own) + (course.lasting if course is not None else [])
        later = 0
        for fault in faults:
            if fault.kind == "slow_close":
                later += self._lasts(fault.delays, "slow close")
            elif fault.kind in ("reset", "hang", "malformed") and (course is None or not course.passed):
                self.course = course or Course()
                self._send_bent(b"", [fault], self.course)
                return self._pass_end()
        return later

    def _passes_reset(self) -> bool:
        """Tells whether a reset that is sent here arrives."""
        course = self.course
        if course is None or course.broken is None:
            return True
        return course.broken is Break.HANG and self.side == "server"


def _piece(wire: Wire) -> int:
    """Returns how many bytes go over a narrow link at once; 0: any number."""
    return max(1, wire.rate // PIECES) if wire.rate else 0
