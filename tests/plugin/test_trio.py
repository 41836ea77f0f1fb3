"""Tests on Trio, run by anyio's runner in the place of anyio's plugin: fixtures of every scope."""

from __future__ import annotations

import pytest

pytest.importorskip("anyio")
pytest.importorskip("trio")

ANYIO = ("-o", "interlace_take_over=anyio")

SHARED = """
import anyio
import pytest
import trio

pytestmark = pytest.mark.anyio
log = []

@pytest.fixture(scope="{wide}")
def anyio_backend():
    return "trio"

@pytest.fixture(scope="{wide}")
async def server():
    async with trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel(1)
        nursery.start_soon(answer, receive)
        log.append("up")
        yield send, trio.lowlevel.current_task()
        log.append("down")
        nursery.cancel_scope.cancel()

async def answer(receive):
    async for event in receive:
        event.set()

@pytest.fixture
async def asked(server):
    event = trio.Event()
    await server[0].send(event)
    yield event
    log.append("asked")

{place}
"""

TESTS = """
async def test_first({self}asked, server):
    with trio.fail_after(60):
        await asked.wait()
    assert server[1] is trio.lowlevel.current_task()

async def test_second({self}asked):
    with trio.fail_after(60):
        await asked.wait()
    assert log == ["up", "asked"]
"""

AFTER = """
import test_it

def test_everything_was_torn_down():
    assert test_it.log == ["up", "asked", "asked"{down}]
"""


@pytest.mark.parametrize("wide", ["class", "module", "package", "session"])
def test_wider_fixtures_are_shared_on_one_runner(suite, pytester: pytest.Pytester, wide: str) -> None:
    if wide == "class":
        body = TESTS.replace("{self}", "self, ").replace("\n", "\n    ")
        place = f"class TestIt:\n    {body.strip()}\n"
    else:
        place = TESTS.replace("{self}", "")
    pytester.makepyfile(test_later=AFTER.format(down="" if wide in ("package", "session") else ", 'down'"))
    result = suite(
        SHARED.format(wide=wide, place=place), *ANYIO, "test_it.py", "test_later.py", world="stock"
    )
    result.assert_outcomes(passed=3)


def test_a_child_of_a_shared_nursery_that_fails_cancels_the_test_and_is_told(suite) -> None:
    result = suite(
        """
        import pytest
        import trio

        pytestmark = pytest.mark.anyio

        @pytest.fixture(scope="module")
        def anyio_backend():
            return "trio"

        @pytest.fixture(scope="module")
        async def nursery():
            async with trio.open_nursery() as nursery:
                yield nursery

        async def fail():
            raise LookupError("in the nursery")

        async def test_fails(nursery):
            nursery.start_soon(fail)
            await trio.sleep_forever()
        """,
        *ANYIO,
        world="stock",
    )
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*LookupError: in the nursery*"])


def test_both_backends_have_a_runner_each(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest
        import trio

        pytestmark = pytest.mark.anyio
        made = []

        def task(backend):
            return asyncio.current_task() if backend == "asyncio" else trio.lowlevel.current_task()

        @pytest.fixture(scope="module", params=["asyncio", "trio"])
        def anyio_backend(request):
            return request.param

        @pytest.fixture(scope="module")
        async def shared(anyio_backend):
            made.append(anyio_backend)
            yield task(anyio_backend)
            made.append("done")

        async def test_first(shared, anyio_backend):
            assert shared is task(anyio_backend)

        async def test_second(shared, anyio_backend):
            assert shared is task(anyio_backend)

        def test_once_for_each():
            assert made == ["asyncio", "done", "trio"]
        """,
        *ANYIO,
        world="stock",
    )
    result.assert_outcomes(passed=5)


def test_a_fixture_that_fails_to_set_up_is_an_error_at_each_test(suite) -> None:
    result = suite(
        """
        import pytest
        import trio

        pytestmark = pytest.mark.anyio

        @pytest.fixture(scope="module")
        def anyio_backend():
            return "trio"

        @pytest.fixture(scope="module")
        async def broken():
            await trio.lowlevel.checkpoint()
            raise OSError("no such host")
            yield

        async def test_first(broken):
            pass

        async def test_second(broken):
            pass

        async def test_without():
            await trio.sleep(0)
        """,
        *ANYIO,
        world="stock",
    )
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*OSError: no such host*"])


def test_a_fixture_that_trio_cannot_set_up_in_a_running_test_is_refused(suite) -> None:
    source = """
    import pytest

    @pytest.fixture
    def anyio_backend():
        return "trio"

    @pytest.fixture
    async def value():
        return 1

    @pytest.mark.anyio
    async def test_it(request):
        request.getfixturevalue("value")
    """
    done = suite(source, *ANYIO, world="stock")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*ask for it in the arguments of the test*"])
