"""Runs the code blocks of one Markdown document, from top to bottom and in one namespace.

A ``python`` block is executed. Each ``$ interlace``, ``$ pytest`` or ``$ python`` line of a ``console``
block is run; it must end with 0 and print the lines shown below it, in order, where ``...`` stands for
anything. Two HTML comments change the next block: ``<!-- file: NAME -->`` writes a python, toml or ini block
to a file instead, and ``<!-- exit: N -->`` states how the commands of a console block end.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from sybil import Document, Example, Region
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = {"toml", "ini", "text"}
WRITTEN = ("python", "toml", "ini")
COMMANDS = {"interlace", "pytest", "python"}
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "build", "dist")
SECONDS_PER_COMMAND = 120

FENCE = RawFencedCodeBlockLexer(re.compile(r"(?P<language>[^\n]*)$\n", re.MULTILINE))
COMMENT = DirectiveInHTMLCommentLexer("file|exit", r"\S+")


class Blocks:
    """The blocks of one document and the directory they share."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pending: dict[str, str] = {}

    def parse(self, document: Document) -> Iterable[Region]:
        for region in FENCE(document):
            region.parsed = region.lexemes["source"]
            region.evaluator = self.block
            yield region
        for region in COMMENT(document):
            region.evaluator = self.comment
            yield region

    def comment(self, example: Example) -> None:
        lexemes = example.region.lexemes
        self.pending[lexemes["directive"]] = lexemes["arguments"]

    def block(self, example: Example) -> str | None:
        language = example.region.lexemes["language"].strip()
        file, code = self.pending.pop("file", None), self.pending.pop("exit", None)
        if file and language not in WRITTEN:
            return f"only a block of {', '.join(WRITTEN)} can follow <!-- file: -->"
        if code and language != "console":
            return "only a console block can follow <!-- exit: -->"
        if file:
            path = self.directory / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.parsed)
        elif language == "python":
            PythonEvaluator()(example)
        elif language == "console":
            return self.console(example.parsed, int(code or 0))
        elif language not in NOT_RUN:
            return f"nobody runs a block of {language or 'no language'!r}; say text if it is only to be read"
        return None

    def console(self, block: str, code: int) -> str | None:
        first, *commands = re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)
        if first.strip() or not commands:
            return "a console block begins with a line '$ command'"
        for command in commands:
            line, *shown = command.splitlines()
            program, *arguments = shlex.split(line, comments=True)
            if program not in COMMANDS:
                return f"{program!r} is not one of {', '.join(sorted(COMMANDS))}; say text if it is not run"
            done = self.run(program, *arguments)
            if done.returncode != code:
                return f"$ {line}\nended with {done.returncode}, not {code}, and printed:\n{done.stdout}"
            if missing := first_missing(shown, done.stdout):
                return f"$ {line}\ndid not print, in this order: {missing!r}. It printed:\n{done.stdout}"
        return None

    def run(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments],
            cwd=self.directory,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS_PER_COMMAND,
            text=True,
            check=False,
        )


def environment() -> dict[str, str]:
    """The environment of a user's shell: nothing of the pytest that runs us, no colours, a wide screen."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "INTERLACE_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return kept | {"PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}


def first_missing(shown: list[str], output: str) -> str | None:
    """The first shown line that the output does not contain after the ones before it."""
    printed = iter(output.splitlines())
    for line in shown:
        pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
        if pattern != ".*" and not any(re.search(pattern, candidate) for candidate in printed):
            return line.strip()
    return None


@pytest.fixture
def run_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Runs a document: in an empty directory if it writes files, in a copy of the repository otherwise."""

    def run(path: Path) -> None:
        directory = tmp_path / "work"
        if COMMENT_WRITES_A_FILE.search(path.read_text()):
            directory.mkdir()
        else:
            shutil.copytree(ROOT, directory, ignore=NOT_COPIED)
        monkeypatch.chdir(directory)
        # A real module, since dataclasses and pickle look their classes up in sys.modules.
        module = types.ModuleType("page_" + re.sub(r"\W", "_", path.stem))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        document = Document.parse(str(path), Blocks(directory).parse)
        document.namespace = module.__dict__
        for example in document.examples():
            example.evaluate()

    return run


COMMENT_WRITES_A_FILE = re.compile(r"^\s*<!--+\s*file:", re.MULTILINE)
