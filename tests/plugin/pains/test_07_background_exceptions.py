"""7. An exception in the background vanishes, and the test passes (pytest-asyncio #205, #196, #223)."""

import pytest

CASES = {
    # #205
    "callback": {
        "source": """
        import asyncio

        async def test_callback():
            def fail():
                raise ValueError("in a callback")

            asyncio.get_running_loop().call_soon(fail)
            await asyncio.sleep(0)
        """,
        "interlace": {"failed": 1, "says": "ValueError: in a callback"},
        "asyncio": {"passed": 1},
        "anyio": {"failed": 1, "says": "ValueError: in a callback"},
    },
    "task-that-nobody-awaits": {
        "source": """
        import asyncio

        background = set()

        async def fail():
            raise ValueError("in a task")

        async def test_task():
            background.add(asyncio.create_task(fail()))
            await asyncio.sleep(0)
        """,
        # Until everything is torn down, somebody may yet ask for it.
        "interlace": {
            "passed": 1,
            "errors": 1,
            "says": ["ValueError: in a task", "nobody has awaited the task"],
        },
        "asyncio": {"passed": 1},
        "anyio": {"passed": 1},
    },
    # #196: the fixture starts a task, and the task fails while the test runs.
    "task-of-a-fixture": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture
        async def worker():
            task = asyncio.create_task(work())
            yield
            task.cancel()

        async def work():
            raise ValueError("in the worker")

        async def test_worker(worker):
            await asyncio.sleep(0)
        """,
        "interlace": {"passed": 1, "errors": 1, "says": "ValueError: in the worker"},
        "asyncio": {"passed": 1},
        "anyio": {"passed": 1},
    },
    # The same on a loop that other tests use as well: it is the matter of the test in which it happens.
    "task-of-one-test-among-others": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture(scope="module")
        async def jobs():
            jobs = []
            yield jobs
            for job in jobs:
                job.cancel()

        async def work(ending):
            if ending == "badly":
                raise ValueError("in the worker")
            await asyncio.Event().wait()

        @pytest.mark.parametrize("ending", ["never", "badly", "never again"])
        async def test_job(jobs, ending):
            jobs.append(asyncio.create_task(work(ending)))
            await asyncio.sleep(0)
        """,
        "interlace": {"passed": 3, "errors": 1, "says": r"ERROR at teardown of test_job\[badly\]"},
        "asyncio": {"passed": 3, "ini": "asyncio_default_test_loop_scope = module"},
        "anyio": {"passed": 3},
    },
    # Written for pytest-asyncio, where it passes: it goes on to pass, and is named.
    "written-for-pytest-asyncio": {
        "source": """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_task():
            task = asyncio.create_task(asyncio.wait_for(asyncio.Event().wait(), 0))
            await asyncio.sleep(0.01)
            assert task.done()
        """,
        "interlace": {
            "passed": 1,
            "says": r"background of 1 test, which .* would fail: test_it.py::test_task \(TimeoutError\)",
        },
        "asyncio": {"passed": 1},
    },
    # What is awaited, or looked at, is nobody else's business.
    "looked-at": {
        "source": """
        import asyncio
        import pytest

        async def fail():
            raise ValueError("expected")

        async def test_awaited():
            task = asyncio.create_task(fail())
            with pytest.raises(ValueError, match="expected"):
                await task

        async def test_looked_at():
            task = asyncio.create_task(fail())
            await asyncio.wait([task])
            assert str(task.exception()) == "expected"

        @pytest.fixture
        async def crashing():
            task = asyncio.create_task(fail())
            yield
            with pytest.raises(ValueError, match="expected"):
                await task

        async def test_awaited_by_the_fixture(crashing):
            await asyncio.sleep(0)

        @pytest.fixture
        async def crashed():
            task = asyncio.create_task(fail())
            yield
            assert len(await asyncio.gather(task, return_exceptions=True)) == 1

        async def test_gathered_by_the_fixture(crashed):
            await asyncio.sleep(0)

        async def test_gathered():
            assert len(await asyncio.gather(fail(), fail(), return_exceptions=True)) == 2

        async def test_handled():
            told = []
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, told_of: told.append(told_of["exception"]))
            loop.call_soon(lambda: 1 / 0)
            await asyncio.sleep(0)
            assert isinstance(told[0], ZeroDivisionError)
        """,
        "interlace": {"passed": 6},
        "asyncio": {"passed": 6},
        "anyio": {"passed": 6},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
