"""10. Collecting takes minutes, for tests that are not even asynchronous (pytest-asyncio #720, #997).

No clock: what is counted is how many Python functions the plugin calls, or has called, while pytest collects.
"""

import pytest

COUNTING = """
import sys
import pytest

PLUGIN = {plugin!r}
calls = 0

def count(frame, event, argument):
    global calls
    if event == "call" and concerns(frame):
        calls += 1

def concerns(frame):
    # Code of the plugin, and what it calls of others, down to the next hook.
    while frame is not None:
        file = frame.f_code.co_filename
        if PLUGIN in file.replace("\\\\", "/"):
            return True
        if "pluggy" in file or "_pytest" in file:
            return False
        frame = frame.f_back
    return False

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session):
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        return (yield)
    finally:
        sys.setprofile(before)
        print(f"calls={{calls}} items={{len(session.items)}} each={{calls // len(session.items)}}.")
"""

SUITE = """
import pytest

NAMES = [f"fixture_{{number}}" for number in range({fixtures})]

def make_fixture(name):
    @pytest.fixture(name=name)
    def fixture():
        return name
    return fixture

def make_test():
    @pytest.mark.usefixtures("tmp_path", *NAMES)
    def test_sync():
        pass
    return test_sync

globals().update({{name: make_fixture(name) for name in NAMES}})
globals().update({{f"test_{{number}}": make_test() for number in range(100)}})
"""


def case(fixtures, interlace, asyncio, anyio):
    def runner(plugin, each, where):
        return {"files": {where: COUNTING.format(plugin=plugin)}, "says": rf"each={each}\.", "backend": False}

    return {
        "source": SUITE.format(fixtures=fixtures),
        "options": ["--collect-only", "-qq", "-s"],
        "interlace": runner("/interlace/", interlace, "conftest.py"),
        "asyncio": runner("/pytest_asyncio/", asyncio, "conftest.py"),
        "anyio": runner("/anyio/", anyio, "conftest.py"),
    }


CASES = {
    # The function, and each of its hundred items; what Python counts as a call differs by its version.
    "no-fixture": case(0, interlace=r"(?:\d|10)", asyncio=r"[34]\d", anyio=r"[12]\d"),
    "forty-fixtures": case(40, interlace=r"(?:\d|10)", asyncio=r"[34]\d", anyio=r"[12]\d"),
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
