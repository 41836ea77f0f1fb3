"""Every code block of the README and the docs is run, so that no page can promise what is not there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sybil.example import SybilFailure

ROOT = Path(__file__).resolve().parents[2]
PAGES = [path for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if path.exists()]

Run = Callable[[Path], None]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of(page: Path, run_document: Run) -> None:
    run_document(page)


def page(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


def test_blocks_share_a_namespace_and_files(tmp_path: Path, run_document: Run) -> None:
    text = """
<!-- file: test_one.py -->
```python
def test_one():
    assert False, "as planned"
```

<!-- file: deep/pytest.ini -->
```ini
[pytest]
addopts = --no-such-option
```

<!-- exit: 4 -->
```console
$ pytest -c deep/pytest.ini
```

```python
from dataclasses import dataclass
@dataclass
class Point:
    x: "int" = 1
```

```python
assert Point().x == 1
```

<!-- exit: 1 -->
```console
$ pytest test_one.py
...
E       AssertionError: as planned
=== 1 failed in ... ===
```

```console
$ python -c "print('a'); print('b')"
a
b
$ pytest --version
```

```text
anything
```
"""
    run_document(page(tmp_path, text))


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```console\n$ python -c 'raise SystemExit(3)'\n```", "ended with 3, not 0"),
        ("<!-- exit: 2 -->\n```console\n$ python -c pass\n```", "ended with 0, not 2"),
        ("```console\n$ python -c 'print(1); print(2)'\n2\n1\n```", "did not print, in this order: '1'"),
        ("```console\n$ make all\n```", "'make' is not one of"),
        ("```console\noutput only\n```", "begins with a line"),
        ("```js\n1\n```", "nobody runs a block of 'js'"),
        ("```\n1\n```", "nobody runs a block of 'no language'"),
        ("<!-- exit: 1 -->\n```python\n1\n```", "only a console block"),
        ("<!-- file: x.py -->\n```text\n1\n```", "only a block of python, toml, ini"),
    ],
)
def test_a_block_that_lies_is_found(block: str, said: str, tmp_path: Path, run_document: Run) -> None:
    with pytest.raises(SybilFailure) as caught:
        run_document(page(tmp_path, f"Text.\n\n{block}\n"))
    assert said in str(caught.value)


def test_an_error_in_python_names_the_line_of_the_page(tmp_path: Path, run_document: Run) -> None:
    path = page(tmp_path, "One.\n\n```python\nok = 1\nassert ok == 2\n```\n")
    with pytest.raises(AssertionError) as caught:
        run_document(path)
    assert (caught.traceback[-1].path, caught.traceback[-1].lineno + 1) == (path, 5)
