"""`interlace demo` shows what it promises, from a source tree and from a wheel."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from interlace import demo

Capture = pytest.CaptureFixture[str]
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "vending_machine"


@pytest.mark.skipif(find_spec("aiohttp") is None, reason="needs aiohttp")
class TestWithAiohttp:
    @pytest.fixture(autouse=True)
    def _few_schedules(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(demo, "_SCHEDULES", 20)

    def test_all_goes_as_told(self, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.chdir(EXAMPLE.parents[1])
        assert demo.main() == 0
        shown = capsys.readouterr().out
        assert "the test passed: 60 virtual minutes in" in shown
        assert "IndexError: pop from empty list" in shown
        assert "passed under all of 20 schedules" in shown
        assert "replay examples/vending_machine/test_machine.py:test_the_last_chips i1." in shown
        assert "\x1b" not in shown  # no colours where there is no terminal

    def test_a_wheel_brings_its_own_copy(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        carried = tmp_path / "site-packages" / "vending_machine"
        shutil.copytree(EXAMPLE, carried)
        monkeypatch.setattr(demo, "_CARRIED", carried)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        assert demo.main() == 0
        (unpacked,) = tmp_path.glob("interlace-demo-*/vending_machine")
        assert (unpacked / "test_machine.py").read_text() == (EXAMPLE / "test_machine.py").read_text()
        assert (
            "21  if not self.shelves[snack]:" in capsys.readouterr().out
        )  # unpacked files are the user's own

    def test_it_says_so_if_not(self, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(demo, "_BUGGY", demo._FIXED)
        assert demo.main() == 1
        assert "the bug was not found" in capsys.readouterr().out


def test_without_aiohttp(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    assert demo.main() == 2
    assert "pip install 'interlace[http]'" in capsys.readouterr().out
