"""Tests of unittest.IsolatedAsyncioTestCase, which are explored like others."""

from __future__ import annotations

import pytest

SHOP = """
import asyncio
import unittest

log = []

class Shop(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.loop = asyncio.get_event_loop()
        self.steps = ["setUp"]

    async def asyncSetUp(self):
        assert asyncio.get_running_loop() is self.loop
        self.steps.append("asyncSetUp")
        self.stock = {"nuts": 0}
        self.addAsyncCleanup(self.clean)

    async def deliver(self, count):
        seen = self.stock["nuts"]
        await asyncio.to_thread(int)
        self.stock["nuts"] = seen + count

    async def test_updates(self):
        self.steps.append("test")
        first = asyncio.create_task(self.deliver(1))
        await asyncio.sleep(0.01)
        await self.deliver(2)
        await first
        self.assertEqual(self.stock["nuts"], 3)

    async def asyncTearDown(self):
        self.steps.append("asyncTearDown")

    def tearDown(self):
        self.steps.append("tearDown")

    async def clean(self):
        self.steps.append("cleanup")
        log.append((id(self), type(self.loop).__module__.partition(".")[0], self.steps))

def test_each_run_was_a_whole_one():
    whole = ["setUp", "asyncSetUp", "test", "asyncTearDown", "tearDown", "cleanup"]
    assert [steps for _, _, steps in log] == [whole] * len(log)
    assert {kind for _, kind, _ in log} == {KIND}
    assert len(log) COUNT
"""


def shop(kind: str, count: str) -> str:
    return SHOP.replace("KIND", repr(kind)).replace("COUNT", count)


def test_without_exploring_unittest_runs_it(suite) -> None:
    suite(shop("asyncio", "== 1"), world="stock").assert_outcomes(passed=2)
    suite(shop("asyncio", "== 1"), world="simulated").assert_outcomes(passed=2)


def test_a_race_is_found_with_a_fresh_instance_in_each_world(suite) -> None:
    result = suite(shop("interlace", "> 2"), "--explore", world="stock")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: 2 != 3",
            '*self.assertEqual(self.stock[[]"nuts"[]], 3)*',
            "*real: happens on asyncio when the durations below come together",
            "*pytest test_it.py::Shop::test_updates --replay=*",
        ]
    )
    token = result.stdout.str().partition("--replay=")[2].split()[0]
    suite(shop("interlace", "== 1"), f"--replay={token}", world="stock").assert_outcomes(failed=1, passed=1)


def test_a_marked_one_is_explored_always(suite) -> None:
    source = shop("interlace", "> 2").replace(
        "    async def test_", "    @pytest.mark.explore\n    async def test_"
    )
    suite("import pytest\n" + source, world="stock").assert_outcomes(failed=1, passed=1)
    source = source.replace("mark.explore", "mark.interlace").replace("> 2", "== 1")
    suite("import pytest\n" + source, world="stock").assert_outcomes(passed=2)


def test_one_that_passes_says_how_far_the_search_went(suite) -> None:
    result = suite(
        """
        import asyncio
        import unittest

        made = []

        class Case(unittest.IsolatedAsyncioTestCase):
            @classmethod
            def setUpClass(cls):
                made.append("class")

            async def asyncSetUp(self):
                made.append(self)

            async def test_it(self):
                await asyncio.sleep(86400)
                for number in range(3):
                    with self.subTest(number=number):
                        await asyncio.to_thread(int)

            def test_sync(self):
                pass

        def test_made():
            made[:] = [one if one == "class" else id(one) for one in made]
            assert made.count("class") == 1
            assert len(made) > 4
        """,
        "--explore=4",
        "-v",
        world="stock",
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*Case::test_it PASSED [[]*4[]]*", "interlace: 1 test explored, 4 schedules*"]
    )


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("self.skipTest('no')", {"skipped": 1}),
        ("raise unittest.SkipTest('no')", {"skipped": 1}),
        ("pytest.skip('no')", {"skipped": 1}),
        ("pytest.xfail('no')", {"xfailed": 1}),
        ("raise OSError('no')", {"failed": 1}),
        ("with self.subTest(): self.fail('no')", {"failed": 1}),
        ("self.addCleanup(self.fail, 'no')", {"failed": 1}),
        ("asyncio.get_running_loop().call_soon(int, 'no'); await asyncio.sleep(0.1)", {"failed": 1}),
        ("await (await asyncio.create_subprocess_exec('true')).wait()", {"passed": 1}),
    ],
)
def test_what_ends_it(suite, body: str, outcome: dict[str, int]) -> None:
    source = (
        "import asyncio, pytest, unittest\n"
        "class Case(unittest.IsolatedAsyncioTestCase):\n"
        "    async def test_it(self):\n"
        f"        {body}\n"
    )
    suite(source, "--explore=3", world="stock").assert_outcomes(**outcome)


def test_expected_failures(suite) -> None:
    source = """
        import unittest

        class Case(unittest.IsolatedAsyncioTestCase):
            @unittest.expectedFailure
            async def test_it(self):
                assert {value}

            @unittest.skip("no")
            async def test_skipped(self):
                assert False
        """
    suite(source.format(value=False), "--explore=3", world="stock").assert_outcomes(xfailed=1, skipped=1)
    result = suite(source.format(value=True), "--explore=3", world="stock")
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*Unexpected success*"])


def test_a_failure_of_the_plain_run_is_compared_with_the_stock_loop(suite) -> None:
    result = suite(
        """
        import asyncio
        import unittest

        class Case(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                self.began = asyncio.get_running_loop().time()

            async def test_time_goes_by(self):
                self.assertGreater(asyncio.get_running_loop().time(), self.began)

            async def test_ordinary(self):
                self.assertEqual(1, 2)
        """,
        "--explore=3",
        world="stock",
    )
    result.assert_outcomes(passed=1, failed=1, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*note: it fails on the stock loop in the same way",
            "*OnlySimulatedWarning: test_time_goes_by passes*",
        ]
    )


def test_what_is_torn_down_after_a_failure_is_no_part_of_it(suite) -> None:
    source = """
        import asyncio
        import unittest

        import pytest

        class Case(unittest.IsolatedAsyncioTestCase):
            @pytest.mark.explore(schedules=3)
            async def test_it(self):
                await asyncio.sleep(1)
                self.fail("on purpose")

            async def asyncTearDown(self):
                {body}
        """
    tokens = {
        suite(source.format(body=body), world="stock").stdout.str().partition("--replay=")[2].split()[0]
        for body in ("pass", "await asyncio.gather(*(asyncio.to_thread(int) for _ in range(3)))")
    }
    assert len(tokens) == 1
