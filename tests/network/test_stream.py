"""The two ends of a connection, without any event loop."""

import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest

from interlace.model.choice import ChoicePoint
from interlace.sim.clock import MILLISECOND
from interlace.sim.network.link import Line, Packet
from interlace.sim.network.parcels import cuts
from interlace.sim.network.stream import CAPACITY, End
from interlace.sim.world import World


class Scripted:
    """Answers by the kind and the subject of a question; everything else is boring."""

    def __init__(self, answers: dict[tuple[str, str], int] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[ChoicePoint] = []

    def start(self, seed: int) -> None: ...

    def choose(self, point: ChoicePoint) -> int:
        self.asked.append(point)
        return self.answers.pop((point.kind, point.subject), 0)


def turn(world: World) -> None:
    """One iteration of an imaginary loop."""
    world.iteration += 1
    time = world.flight.next_time
    if time is not None and time > world.clock.ns:
        world.clock.ns = time
    for arrival in world.flight.admit():
        arrival.deliver()


def settle(world: World) -> None:
    while len(world.flight):
        turn(world)


class Both:
    """A connection from the default host to itself."""

    def __init__(self, answers: dict[tuple[str, str], int] | None = None) -> None:
        self.strategy = Scripted(answers)
        self.world = World(self.strategy)
        accepted: list[End] = []
        listener = self.world.network.bind("127.0.0.1", 80)
        listener.accept = accepted.append
        results: list[int] = []
        self.client = self.world.network.connect(("127.0.0.1", 80), results.append)
        settle(self.world)
        assert results == [0]
        self.server = accepted[0]
        self.strategy.asked.clear()


def reading(end: End) -> list[bytes]:
    """Makes an end read everything; returns the list of what one read gives."""
    got: list[bytes] = []

    def read() -> None:
        data = end.receive(1 << 20)
        assert data is not None
        got.append(data)
        if not data:
            end.watch_read(None)

    end.watch_read(read)
    return got


def test_bytes_of_one_moment_travel_as_one() -> None:
    both = Both()
    got = reading(both.server)
    assert both.client.send(b"ab") == 2
    assert both.client.send(memoryview(b"cd")) == 2
    settle(both.world)
    assert got == [b"abcd"]
    kinds = [(point.kind, point.subject) for point in both.strategy.asked]
    assert kinds == [("delay", "local→127.0.0.1:80#1 request 1"), ("cut", "local→127.0.0.1:80#1 request 1")]


def test_bytes_of_different_iterations_travel_alone_but_keep_their_order() -> None:
    both = Both({("delay", "local→127.0.0.1:80#1 request 1"): 5})
    got = reading(both.server)
    both.client.send(b"a")
    both.world.iteration += 1
    both.client.send(b"b")
    assert [point.subject[-9:] for point in both.strategy.asked] == ["request 1", "request 2"]
    turn(both.world)
    assert got == [b"ab"], "the second was faster, but waits for the first"
    assert both.world.clock.ns == 30 * MILLISECOND


def test_what_is_cut_arrives_later_and_before_what_follows() -> None:
    name = "local→127.0.0.1:80#1 request 1"
    both = Both({("cut", name): 1, ("delay", f"{name} rest"): 4})
    got = reading(both.server)
    both.client.send(b"hello")
    both.world.iteration += 1
    both.client.send(b" world")
    both.client.shut()
    turn(both.world)
    assert got == [b"h"]
    turn(both.world)
    assert got == [b"h", b"ello world"]
    assert both.world.clock.ns == 10 * MILLISECOND
    settle(both.world)
    assert got == [b"h", b"ello world", b""]


def test_one_moment_is_cut_twice_at_most() -> None:
    class AlwaysOneByte(Scripted):
        def choose(self, point: ChoicePoint) -> int:
            self.asked.append(point)
            return int(point.kind == "cut")

    both = Both()
    both.world._strategy = strategy = AlwaysOneByte()
    got = reading(both.server)
    both.client.send(b"hello")
    settle(both.world)
    assert got == [b"h", b"e", b"llo"]
    assert [point.subject.partition("request ")[2] for point in strategy.asked if point.kind == "cut"] == [
        "1",
        "1 rest",
    ]


@pytest.mark.parametrize(
    ("size", "expected"),
    [(1, (1,)), (2, (2, 1)), (3, (3, 1, 2)), (4, (4, 1, 2, 3)), (100, (100, 1, 50, 99))],
)
def test_the_ways_to_cut(size: int, expected: tuple[int, ...]) -> None:
    sizes, names = cuts(size)
    assert sizes == expected
    assert len(names) == len(sizes)
    assert names[0] == "whole"


def test_a_single_byte_is_not_a_question() -> None:
    both = Both()
    reading(both.server)
    both.client.send(b"x")
    settle(both.world)
    assert {point.kind for point in both.strategy.asked} == {"delay"}


def test_who_does_not_read_is_not_asked_how_to_cut() -> None:
    both = Both()
    both.client.send(b"unread")
    settle(both.world)
    assert {point.kind for point in both.strategy.asked} == {"delay"}


def test_a_connection_holds_so_much_and_no_more() -> None:
    both = Both()
    assert both.client.send(bytes(CAPACITY + 1)) == CAPACITY
    assert both.client.send(b"x") == 0
    assert not both.client.writable
    writable: list[int] = []

    def write() -> None:
        writable.append(both.client.send(bytes(10)))
        both.client.watch_write(None)

    both.client.watch_write(write)
    settle(both.world)
    assert writable == []
    both.server.receive(10)
    settle(both.world)
    assert writable == [], "so little room is not worth a wake-up"
    both.server.receive(CAPACITY)
    settle(both.world)
    assert writable == [10]
    assert any("room for request 1" in point.subject for point in both.strategy.asked)


def test_receive_gives_what_there_is() -> None:
    both = Both()
    assert both.server.receive(10) is None
    both.client.send(b"hello")
    both.world.iteration += 1
    both.client.send(b"world")
    settle(both.world)
    assert both.server.receive(3) == b"hel"
    assert both.server.receive(4) == b"lowo"
    assert both.server.receive(100) == b"rld"
    both.client.shut()
    settle(both.world)
    assert both.server.receive(10) == b""
    assert both.server.receive(10) == b""


def test_half_a_close() -> None:
    both = Both()
    both.client.shut()
    with pytest.raises(BrokenPipeError):
        both.client.send(b"x")
    settle(both.world)
    assert both.server.receive(1) == b""
    assert both.server.send(b"still") == 5
    settle(both.world)
    assert both.client.receive(10) == b"still"


def test_closing_with_unread_bytes_resets_the_other_end() -> None:
    both = Both()
    both.client.send(b"x")
    settle(both.world)
    both.server.close()
    settle(both.world)
    with pytest.raises(ConnectionResetError):
        both.client.receive(1)
    assert both.client.receive(1) == b""
    with pytest.raises(BrokenPipeError):
        both.client.send(b"x")


def test_bytes_that_arrived_before_a_reset_can_be_read() -> None:
    both = Both()
    both.server.send(b"last")
    both.client.send(b"x")
    settle(both.world)
    both.server.reset()
    settle(both.world)
    assert both.client.receive(10) == b"last"
    with pytest.raises(ConnectionResetError):
        both.client.receive(10)


def test_writing_to_a_closed_end_finds_a_broken_pipe() -> None:
    both = Both()
    both.server.close()
    settle(both.world)
    assert both.client.receive(1) == b""
    assert both.client.send(b"x") == 1
    settle(both.world)
    with pytest.raises(BrokenPipeError) as caught:
        both.client.send(b"y")
    assert caught.value.errno == errno.EPIPE


def test_bytes_that_cross_a_close_are_answered_by_a_reset() -> None:
    both = Both({("delay", "local→127.0.0.1:80#1 request 1"): 3})
    both.client.send(b"x")
    both.server.close()
    settle(both.world)
    assert both.client.receive(1) == b""
    with pytest.raises(BrokenPipeError):
        both.client.send(b"y")


def test_closing_twice_is_closing_once() -> None:
    both = Both()
    both.client.close()
    both.client.close()
    both.client.reset()
    assert len([point for point in both.strategy.asked if "end from client" in point.subject]) == 1
    settle(both.world)
    assert both.server.receive(1) == b""


# -- connecting ----------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    world = World()
    results: list[int] = []
    world.network.connect(("127.0.0.1", 80), results.append)
    assert results == []
    settle(world)
    assert results == [errno.ECONNREFUSED]


def test_nobody_accepts_any_more() -> None:
    world = World()
    listener = world.network.bind("127.0.0.1", 80)
    listener.accept = lambda end: pytest.fail("accepted")
    results: list[int] = []
    client = world.network.connect(("127.0.0.1", 80), results.append)
    listener.close()
    settle(world)
    assert results == [0]
    with pytest.raises(ConnectionResetError):
        client.receive(1)


@pytest.mark.parametrize(("late", "accepted"), [("connection", True), ("acceptance", False)])
def test_a_client_that_gives_up(late: str, accepted: bool) -> None:
    world = World(Scripted({("delay", f"local→127.0.0.1:80#1 {late}"): 5}))
    ends: list[End] = []
    world.network.bind("127.0.0.1", 80).accept = ends.append
    results: list[int] = []
    client = world.network.connect(("127.0.0.1", 80), results.append)
    if accepted:
        turn(world)
    client.close()
    settle(world)
    assert results == []
    assert bool(ends) is accepted
    if accepted:
        assert ends[0].receive(1) == b""


def test_one_step_accepts_all_that_have_arrived() -> None:
    world = World()
    seen: list[str] = []
    world.network.bind("127.0.0.1", 80).accept = lambda end: seen.append(end.actor[-8:])
    for number in range(3):
        world.network.connect(("127.0.0.1", 80), lambda code, number=number: seen.append(f"client {number}"))
    settle(world)
    assert seen == ["1 server", "2 server", "3 server", "client 0", "client 1", "client 2"]


def test_names_repeat_and_tell_who_talks_to_whom() -> None:
    world = World()
    network = world.network
    with network.host("db").here():
        network.bind("0.0.0.0", 5432).accept = lambda end: None
    names = []
    for host in ("web", "web", "worker"):
        with network.host(host).here():
            names.append(network.connect((network.host("db").address, 5432), lambda code: None).actor)
    assert names == ["web→db:5432#1 client", "web→db:5432#2 client", "worker→db:5432#1 client"]


# -- links ---------------------------------------------------------------------------------------


def test_a_link_decides_what_a_packet_may_suffer() -> None:
    seen: list[Packet] = []

    class Slow:
        def fates(self, packet: Packet) -> list[int]:
            seen.append(packet)
            return [7 * MILLISECOND]

    world = World()
    network = world.network
    network.set_link("local", "db", Slow())
    network.set_link("db", "local", Line((2 * MILLISECOND,)))
    accepted: list[End] = []
    network.bind(network.host("db").address, 1).accept = accepted.append
    client = network.connect((network.host("db").address, 1), lambda code: None)
    settle(world)
    assert world.clock.ns == 9 * MILLISECOND  # there and back
    got = reading(accepted[0])
    client.send(b"abc")
    settle(world)
    assert got == [b"abc"]
    assert world.clock.ns == 16 * MILLISECOND
    assert seen[-1] == Packet("local", "db", "local→db:1#1 request 1", 3)
    accepted[0].send(b"x")
    settle(world)
    assert world.clock.ns == 18 * MILLISECOND


# -- hosts ---------------------------------------------------------------------------------------


def code_of(call: Callable[[], Any]) -> int | None:
    try:
        call()
    except OSError as error:
        return error.errno
    return None


def test_addresses_do_not_depend_on_which_host_comes_first() -> None:
    network = World().network
    assert network.host("a").address == "10.0.0.2"
    assert network.host("LOCAL").address == "10.0.0.1"
    assert network.host("A.") is network.host("a")
    assert network.names == ("local", "a")
    assert network.at("10.0.0.2") is network.host("a")
    many = [network.host(f"h{number}").address for number in range(600)]
    assert len(set(many)) == 600
    for address in many:
        socket.inet_aton(address)


def test_ports() -> None:
    host = World().network.host("a")
    first = host.bind("0.0.0.0", 80)
    assert code_of(lambda: host.bind("127.0.0.1", 80)) == errno.EADDRINUSE
    assert code_of(lambda: host.bind("10.9.9.9", 80)) == errno.EADDRNOTAVAIL
    host.bind("::1", 80)
    first.close()
    first.close()
    host.bind("127.0.0.1", 80)
    host.bind(host.address, 80)
    ports = {host.bind("0.0.0.0", 0).port for _ in range(100)}
    assert len(ports) == 100
    host.bind("127.0.0.2", 81, shared=True)
    host.bind("127.0.0.2", 81, shared=True)
    assert code_of(lambda: host.bind("127.0.0.2", 81)) == errno.EADDRINUSE


def test_who_answers() -> None:
    network = World().network
    local, other = network.host("local"), network.host("other")
    everywhere = other.bind("0.0.0.0", 80)
    here = local.bind("127.0.0.1", 80)
    assert other.listener(other.address, 80) is None, "bound, but not listening yet"
    everywhere.accept = here.accept = lambda end: None
    assert other.listener(other.address, 80) is everywhere
    assert other.listener("127.0.0.1", 80) is everywhere
    assert other.listener("::1", 80) is None
    assert local.listener(local.address, 80) is None, "a loopback address is not reachable from outside"
    assert local.listener("127.0.0.1", 80) is here
    exact = other.bind("127.0.0.1", 81)
    exact.accept = lambda end: None
    assert other.listener("127.0.0.1", 81) is exact


def test_an_address_of_nobody() -> None:
    network = World().network
    with pytest.raises(OSError, match="unreachable") as caught:
        network.connect(("93.184.216.34", 80), lambda code: None)
    assert caught.value.errno == errno.ENETUNREACH
    assert "world.network.host" in caught.value.__notes__[0]


def test_a_host_of_another_run_says_nothing() -> None:
    with World().network.host("elsewhere").here():
        assert World().network.here.name == "local"
