"""8. A test that hangs hangs for ever, and nothing says where (pytest-asyncio #215, #40, dask/distributed #5446)."""

import pytest

STUCK = """
import asyncio

async def consume(queue):
    while True:
        item = await queue.get()
        queue.task_done()

async def produce(queue, full):
    await queue.put("item")
    await full.wait()

async def test_queue():
    queue = asyncio.Queue()
    consumer = asyncio.create_task(consume(queue), name="consumer")
    producer = asyncio.create_task(produce(queue, asyncio.Event()), name="producer")
    await producer

async def test_next():
    pass
"""

CASES = {
    # One deadline for every test of the suite.
    "deadline-for-all": {
        "source": STUCK,
        "interlace": {
            "passed": 1,
            "failed": 1,
            "ini": "interlace_timeout = 0.05",
            "says": [
                "not done after 0.05 s",
                r"consumer waits for Queue\.get at test_it\.py:6 in consume",
                r"producer waits for Event\.wait at test_it\.py:11 in produce",
                r"test_queue waits for the end of producer at test_it\.py:17 in test_queue",
            ],
        },
        # The stack that can be had is that of the selector.
        "asyncio": {"hangs": True, "says": "selectors.py", "hides": "in (produce|consume)"},
        "anyio": {"hangs": True, "says": "selectors.py", "hides": "in (produce|consume)"},
    },
    "deadline-for-one": {
        "source": "import pytest\n"
        + STUCK.replace("async def test_queue", "@pytest.mark.interlace_timeout(0.05)\nasync def test_queue"),
        "interlace": {"passed": 1, "failed": 1, "says": r"producer waits for Event\.wait at test_it\.py:12"},
    },
    # In a world there is no need to wait: nothing can happen any more, and that is known.
    "in-a-world": {
        "source": STUCK,
        "interlace": {
            "passed": 1,
            "failed": 1,
            "ini": "interlace_world = simulated",
            "says": ["Deadlock", r"producer waits for Event\.wait at test_it\.py:11"],
        },
    },
    "in-a-fixture": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture
        async def server():
            await asyncio.Event().wait()  # until it listens

        async def test_server(server):
            pass

        @pytest.fixture
        async def client():
            yield
            await asyncio.Event().wait()  # until it is closed

        async def test_client(client):
            pass
        """,
        "interlace": {
            "passed": 1,
            "errors": 2,
            "ini": "interlace_timeout = 0.05",
            "says": ["until it listens", "until it is closed"],
        },
        "asyncio": {"hangs": True, "says": "selectors.py"},
        "anyio": {"hangs": True, "says": "selectors.py"},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
