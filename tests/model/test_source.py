"""Whose code is it, however the file is reached."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import interlace
from interlace.model.source import is_user_file

PACKAGE = Path(interlace.__file__).parent


def test_the_standard_library_and_interlace_are_not_the_users() -> None:
    assert not is_user_file(os.__file__)
    assert not is_user_file(str(PACKAGE / "api.py"))
    assert not is_user_file("<frozen importlib._bootstrap>")
    assert is_user_file(__file__)


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
def test_a_library_that_is_linked_in_is_not_the_users(tmp_path: Path, folder: str) -> None:
    """Some installers keep one copy of each release, and link to it from every environment."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "shop.py").write_text("")
    (tmp_path / folder).mkdir()
    linked = tmp_path / folder / "shop.py"
    linked.symlink_to(tmp_path / "store" / "shop.py")
    assert not is_user_file(str(linked))
    assert is_user_file(str(tmp_path / "store" / "shop.py"))


def test_interlace_that_is_linked_in_is_not_the_users(tmp_path: Path) -> None:
    """Seen from a process that reaches interlace through the link, and from its own frames."""
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "interlace").symlink_to(PACKAGE, target_is_directory=True)
    program = tmp_path / "program.py"
    program.write_text(
        "import asyncio, interlace\n"
        "from interlace.model import source\n"
        "assert 'linked' in interlace.__file__, interlace.__file__\n"
        "assert not source.is_user_file(interlace.__file__)\n"
        "async def work(): await asyncio.sleep(1)\n"
        "async def main(): await asyncio.wait([asyncio.create_task(work())])\n"
        "plain = interlace.explore(main, faults=['cancel'], schedules=1).plain\n"
        "assert [p.subject for p in plain.points if p.kind == 'cancel'], 'nothing the test made is seen'\n"
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "linked")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
