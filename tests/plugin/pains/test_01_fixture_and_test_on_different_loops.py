"""1. A fixture and the test that uses it run on different loops (pytest-asyncio #38, #706, #944, #983, #1142)."""

import pytest

DIFFERENT = "attached to a different loop"

CASES = {
    # #944, #38: an expensive thing is made once and used by every test.
    "session-fixture": {
        "source": """
        import asyncio
        import pytest

        class Connection:
            def __init__(self):
                self.answers = asyncio.Queue()
                self.questions = asyncio.Queue()
                self.reader = asyncio.create_task(self.read())

            async def read(self):
                while True:
                    await self.answers.put(await self.questions.get() * 2)

            async def ask(self, number):
                await self.questions.put(number)
                return await self.answers.get()

        @pytest.fixture(scope="session")
        async def connection():
            connection = Connection()
            assert await connection.ask(1) == 2
            yield connection
            connection.reader.cancel()

        async def test_one(connection):
            assert await connection.ask(10) == 20

        async def test_two(connection):
            assert await connection.ask(20) == 40
        """,
        "interlace": {"passed": 2},
        "asyncio": {"failed": 2, "says": "bound to a different event loop"},
        "anyio": {"passed": 2},
    },
    # #706: the application for the module, a small change of it for the test.
    "module-app-and-function-plugin": {
        "source": """
        import asyncio
        import pytest

        class App:
            def __init__(self):
                self.loop = asyncio.get_running_loop()
                self.plugins = []

            async def enable(self, plugin):
                await asyncio.sleep(0)
                assert asyncio.get_running_loop() is self.loop, "attached to a different loop"
                self.plugins.append(plugin)

        @pytest.fixture(scope="module")
        async def app():
            yield App()

        @pytest.fixture
        async def plugin(app):
            await app.enable("plugin")
            yield
            app.plugins.remove("plugin")
            assert asyncio.get_running_loop() is app.loop

        async def test_app(app):
            assert app.plugins == []
            assert app.loop is asyncio.get_running_loop()

        async def test_plugin(app, plugin):
            assert app.plugins == ["plugin"]
            assert app.loop is asyncio.get_running_loop()
        """,
        "interlace": {"passed": 2},
        "asyncio": {"failed": 1, "errors": 1, "says": DIFFERENT},
        "anyio": {"passed": 2},
    },
    # #1142: the loop of a test is asked for by its marker, and a fixture without one changes it silently.
    "marker-and-fixture-disagree": {
        "source": """
        import asyncio
        import pytest

        loops = []

        @pytest.fixture
        async def resource():
            return asyncio.get_running_loop()

        @pytest.mark.asyncio(loop_scope="session")
        async def test_a():
            loops.append(asyncio.get_running_loop())

        @pytest.mark.asyncio(loop_scope="session")
        async def test_b(resource):
            assert asyncio.get_running_loop() is loops[0]
            assert resource is loops[0], "attached to a different loop"
        """,
        "interlace": {"passed": 2},
        "asyncio": {"passed": 1, "failed": 1, "says": DIFFERENT},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
