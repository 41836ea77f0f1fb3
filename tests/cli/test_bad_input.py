"""Whatever is typed wrong gets one clear line and the next thing to type, never a traceback."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = {
    "missing.py": "import nosuchmodule\n",
    "syntax.py": "def f(:\n",
    "exits.py": "import sys\nsys.exit(3)\n",
    "raises.py": "def deep():\n    return 1 / 0\n\n\ndeep()\n",
    "empty.py": "",
    "json.py": "async def main(): ...\n",
}


@pytest.mark.parametrize(
    ("line", "said", "then"),
    [
        ("run", "required: TARGET", "interlace run --help"),
        ("frobnicate", "invalid choice: 'frobnicate'", "interlace --help"),
        ("run prog.py:good --bogus", "unrecognized arguments: --bogus", "interlace --help"),
        ("run prog.py:good --ord any", "unrecognized arguments", "interlace --help"),
        ("run prg.py:good", "there is no file 'prg.py'", "interlace run prog.py:main"),
        ("run nowhere/prog.py:good", "there is no file", "ls ."),
        ("run progg:good", "there is no module 'progg'", "interlace run prog.py:main"),
        ("run no.such:good", "there is no module 'no.such'", "ls"),
        ("run prog.py", "'prog.py' names no function", "interlace run prog.py:good"),
        ("run prog", "'prog' names no function", "interlace run prog:good"),
        ("run :good", "names no file or module", "interlace run shop.py:main"),
        (
            "run prog.py:god",
            "has no function 'god'; its coroutine functions are good, bad",
            "interlace run prog.py:good",
        ),
        ("run empty.py:main", "it has no coroutine function at all", "interlace --help"),
        ("run prog.py:plain", "plain in prog.py is a function without 'async'", "interlace run prog.py:good"),
        ("run prog.py:Shop", "Shop in prog.py is a class", "interlace run prog.py:good"),
        ("run prog.py:caller", "caller in prog.py is of type Shop", "interlace run prog.py:good"),
        ("run prog.py:Shop.method", "Shop.method is a method", "interlace run prog.py:good"),
        ("run prog.py:two", "two(a, b) takes more than a world", "interlace --help"),
        (
            "run missing.py:main",
            "No module named 'nosuchmodule' (missing.py:1: import nosuch",
            "python missing.py",
        ),
        ("run missing:main", "No module named 'nosuchmodule'", "python -c 'import missing'"),
        ("run syntax.py:main", "syntax.py cannot be imported: SyntaxError", "python syntax.py"),
        ("run exits.py:main", "SystemExit: 3 (exits.py:2: sys.exit(3))", "python exits.py"),
        ("run raises.py:main", "division by zero (raises.py:2: return 1 / 0)", "python raises.py"),
        ("run json.py:main", "has the name of a module that is in use already", "mv json.py my_json.py"),
        ("run prog.py:good --order odd", "no order is called 'odd'", "interlace --help"),
        ("run prog.py:good --seed x", "invalid int value: 'x'", "interlace run --help"),
        ("explore prog.py:good --schedules 0", "schedules is 0", "interlace --help"),
        ("explore prog.py:good --schedules many", "invalid int value: 'many'", "interlace explore --help"),
        ("explore prog.py:good --order odd", "no order is called 'odd'", "interlace --help"),
        ("explore prog.py:good --faults odd", "no fault is called 'odd'", "interlace --help"),
        ("explore prog.py:good --json no/such.json", "there is no directory 'no'", "--json report.json"),
        ("explore prog.py:good --json .", "it is a directory", "--json report.json"),
        ("replay prog.py:good", "required: TOKEN", "interlace replay --help"),
        ("replay prog.py:good hello", "is not a replay token", "interlace --help"),
        ("replay prog.py:good i9.r....0", "is of version i9", "interlace --help"),
        ("replay prog.py:good i1.r....0", "is torn or mistyped", "interlace --help"),
        ("replay prog.py:good i1.r..__8P..4b52ee52", "torn", "interlace --help"),
    ],
)
def test_wrong_input(interlace: Callable[..., tuple[int, str, str]], line: str, said: str, then: str) -> None:
    for name, text in FILES.items():
        Path(name).write_text(text)
    status, out, err = interlace(*line.split())
    first, second, *rest = err.splitlines()
    assert status == 2
    assert out == ""
    assert first.startswith("interlace: ")
    assert said in first
    assert second.startswith(f"try: {then}")
    assert rest == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_to(interlace: Callable[..., tuple[int, str, str]]) -> None:
    Path("closed").mkdir(mode=0o500)
    status, _, err = interlace("explore", "prog.py:good", "--json", "closed/report.json")
    assert status == 2
    assert "permission denied" in err
