"""Threads that a program or a library starts by itself: seen to wait, and in lockstep with the loop."""

from __future__ import annotations

import asyncio
import functools
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import interlace
from interlace.backends.aio import stillness
from interlace.backends.aio.stillness import STILL


class Worker:
    """A thread that answers one question after another, as database drivers have them."""

    def __init__(self, questions: Any) -> None:
        self.questions = questions
        self.answered = 0
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        while (question := self.questions.get()) is not None:
            question()
            self.answered += 1

    async def ask(self, function: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        self.questions.put(lambda: loop.call_soon_threadsafe(reply.set_result, function()))
        return await reply


@contextmanager
def working(questions: Any) -> Iterator[Worker]:
    worker = Worker(questions)
    try:
        yield worker
    finally:
        questions.put(None)
        worker.thread.join()


QUEUES = [queue.SimpleQueue, queue.Queue]


@pytest.mark.parametrize("kind", QUEUES)
def test_a_thread_that_was_given_something_does_not_count_as_waiting(kind: type[Any]) -> None:
    with working(kind()) as worker:
        seen = 0
        for number in range(1, 301):
            worker.questions.put(lambda: None)
            if stillness.stillness(worker.thread) == STILL:  # then it is back already
                seen += 1
                assert worker.answered == number
            until = time.monotonic() + 60
            while stillness.stillness(worker.thread) != STILL and time.monotonic() < until:
                if stillness._FUTEX is None and kind is queue.SimpleQueue and worker.answered == number:
                    break  # elsewhere it takes several looks
                time.sleep(0)
            assert worker.answered == number


@pytest.mark.skipif(stillness._FUTEX is None, reason="the operating system cannot be asked")
def test_one_look_is_enough_for_a_thread_that_waits_for_a_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    limits = {-1: STILL, 100: 1}
    for limit, expected in limits.items():
        thread = threading.Thread(target=lock.acquire, kwargs={"timeout": limit}, daemon=True)
        thread.start()
        until = time.monotonic() + 60
        while stillness.stillness(thread) != expected and time.monotonic() < until:
            time.sleep(0)
        assert stillness.stillness(thread) == expected
        lock.release()
        thread.join()


def test_without_the_operating_system_it_takes_several_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stillness, "_FUTEX", None)
    with working(queue.SimpleQueue()) as worker:
        until = time.monotonic() + 60
        while (look := stillness.stillness(worker.thread)) == 0 and time.monotonic() < until:
            time.sleep(0)
        assert look == 1
        assert interlace.run(answers).value is not None


async def answers() -> list[str]:
    """Two threads answer three tasks each, and other tasks go on meanwhile, all at one moment."""
    log: list[str] = []
    loop = asyncio.get_running_loop()

    def thinking(length: int) -> int:
        return sum(range(length))

    async def one(worker: Worker, name: str, length: int) -> None:
        for turn in range(3):
            await worker.ask(lambda: thinking(length))
            log.append(f"{name} {turn}")

    async def going_on() -> None:
        for turn in range(20):
            await asyncio.sleep(0)
            log.append(f"on {turn}")

    with working(queue.SimpleQueue()) as quick, working(queue.Queue()) as slow:
        lengths = {"a": 10, "b": 30_000, "c": 3000}
        asked = [one(worker, f"{name}{number}", length)
                 for number, worker in enumerate((quick, slow)) for name, length in lengths.items()]  # fmt: skip
        await asyncio.gather(*asked, going_on())
    assert loop.time() == 0
    return log


def test_threads_of_the_program_are_in_lockstep() -> None:
    first = interlace.run(answers)
    assert len(first.value) == 38
    for _ in range(15):
        again = interlace.run(answers)
        assert again.value == first.value
        assert again.trace_hash == first.trace_hash


def test_on_the_bare_loop_as_well() -> None:
    with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        assert runner.run(answers()) == interlace.run(answers).value


def test_a_thread_that_serves_real_sockets_holds_nobody_up() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(60)
    serving: list[threading.Thread] = []

    def serve() -> None:
        listening.accept()[0].close()

    async def main() -> float:
        serving.append(threading.Thread(target=serve, daemon=True))
        serving[0].start()
        for _ in range(900):
            await asyncio.sleep(0)
        assert serving[0].is_alive()
        return asyncio.get_running_loop().time()

    try:
        assert interlace.run(main).value == 0
    finally:
        socket.create_connection(listening.getsockname()).close()
        serving[0].join(60)
        listening.close()


def test_when_a_thread_gets_to_answer_is_explored() -> None:
    """Two connections, each with a thread: what was asked later may be answered earlier."""

    async def main(*, locked: bool) -> None:
        stock = {"tea": 1}
        lock = asyncio.Lock() if locked else None
        sold: list[str] = []

        async def sell(worker: Worker, customer: str) -> None:
            if lock is not None:
                async with lock:
                    await sell_now(worker, customer)
            else:
                await sell_now(worker, customer)

        async def sell_now(worker: Worker, customer: str) -> None:
            left = await worker.ask(lambda: stock["tea"])
            if left:
                await worker.ask(lambda: stock.__setitem__("tea", left - 1))
                sold.append(customer)

        with working(queue.SimpleQueue()) as one, working(queue.SimpleQueue()) as other:
            first = asyncio.create_task(sell(one, "first"))
            await asyncio.sleep(0.05)
            second = asyncio.create_task(sell(other, "second"))
            await asyncio.gather(first, second)
        assert sold == ["first"], sold

    result = interlace.explore(functools.partial(main, locked=False))
    assert result.failure is not None
    assert result.failure.label == "real"
    assert any("thread Worker._work" in line for line in result.failure.constraints)
    again = interlace.replay(functools.partial(main, locked=False), result.failure.token)
    assert again.trace_hash == result.failure.smallest.trace_hash
    assert interlace.run(functools.partial(main, locked=False)).error is None
    for seed in range(3):
        fixed = interlace.explore(functools.partial(main, locked=True), seed=seed)
        assert fixed.verdict.status == "passed"


def test_a_thread_that_holds_a_lock_meanwhile_does_not_stand_in_the_way_of_a_step() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        lock = threading.Lock()
        told: list[int] = []

        def tell() -> None:
            for number in range(3):
                with lock:
                    loop.call_soon_threadsafe(told.append, number)

        thread = threading.Thread(target=tell)
        thread.start()
        while len(told) < 3:
            with lock:
                pass
            await asyncio.sleep(0.001)
        thread.join()
        return told

    result = interlace.explore(main, schedules=20)
    assert result.verdict.status == "passed", result.report()
    assert interlace.run(main).value == [0, 1, 2]


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_calls_as_the_run_ends_has_called_in_time() -> None:
    threads: list[threading.Thread] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        threads.append(threading.Thread(target=lambda: loop.call_soon_threadsafe(print), daemon=True))
        threads[-1].start()

    assert interlace.explore(main, schedules=20).verdict.status == "passed"
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    loop = interlace.new_event_loop()
    loop.close()
    refused: list[BaseException] = []

    def call() -> None:
        try:
            loop.call_soon_threadsafe(print)
        except RuntimeError as error:
            refused.append(error)

    late = threading.Thread(target=call)
    late.start()
    late.join(60)
    assert [str(error) for error in refused] == ["Event loop is closed"]


def test_a_thread_is_not_held_by_a_loop_that_has_stopped() -> None:
    threads: list[threading.Thread] = []
    told: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def tell() -> None:
            for number in range(3):
                loop.call_soon_threadsafe(told.append, number)

        threads.append(threading.Thread(target=tell, daemon=True))
        threads[0].start()

    with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        runner.run(main())
        threads[0].join(60)
        assert not threads[0].is_alive()
        runner.run(asyncio.sleep(1))
    assert told == [0, 1, 2]


def test_a_thread_of_a_run_is_virtual_whoever_had_its_identifier_before() -> None:
    free = threading.Event()
    before = threading.Thread(target=free.wait)
    before.start()
    old = before.ident
    idents: list[int | None] = []

    async def main() -> list[float]:
        free.set()
        before.join()
        return [await asyncio.to_thread(look)]

    def look() -> float:
        idents.append(threading.get_ident())
        return time.monotonic()

    assert interlace.run(main).value == [0]
    if old not in idents:
        pytest.skip("the system has not given the identifier again")


def test_who_wraps_how_threads_start_in_a_run_is_no_trouble_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = threading.Thread.start
    started: list[str] = []

    def start(thread: threading.Thread) -> None:
        started.append(thread.name)
        original(thread)

    async def main() -> list[str]:
        monkeypatch.setattr(threading.Thread, "start", start)
        return await answers()

    first = interlace.run(main)
    assert interlace.run(main).value == first.value == interlace.run(answers).value
    assert len(started) == 6
