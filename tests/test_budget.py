"""The size of the house: short files, narrow classes, and names that say something."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parent.parent / "src" / "interlace"
FILES = {path.relative_to(SRC).as_posix(): path for path in sorted(SRC.rglob("*.py"))}

MAX_LINES = 400
MAX_PUBLIC_METHODS = 15

# Classes whose width is decided by the standard library: "file:class" and the reason.
PRESCRIBED_INTERFACES: dict[str, str] = {}

BANNED_WORDS = {
    *("policy", "policies", "oracle", "provider", "simulator", "context"),
    *("manager", "engine", "helper", "util"),
}
# The floor `engine` has its name from the architecture; a class or file so named has not.
BANNED_EXCEPT = {"engine/"}


def words(name: str) -> set[str]:
    """The words of a name in any case style, in lower case and in the singular."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return {part.lower() for part in parts} | {part.lower().removesuffix("s") for part in parts}


def classes(file: str) -> Iterator[ast.ClassDef]:
    tree = ast.parse(FILES[file].read_text())
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def public_methods(node: ast.ClassDef) -> set[str]:
    functions = (item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if not function.name.startswith("_")}


@pytest.mark.parametrize("file", FILES)
def test_no_file_is_too_long(file: str) -> None:
    lines = len(FILES[file].read_text().splitlines())
    assert lines <= MAX_LINES, f"{file} has {lines} lines; split it by what its parts know"


@pytest.mark.parametrize("file", FILES)
def test_no_class_is_too_wide(file: str) -> None:
    wide = {
        node.name: len(public_methods(node))
        for node in classes(file)
        if len(public_methods(node)) > MAX_PUBLIC_METHODS
    }
    prescribed = {key.partition(":")[2] for key in PRESCRIBED_INTERFACES if key.startswith(f"{file}:")}
    assert set(wide) == prescribed, (
        f"{file}: too many public methods, or an exemption no longer needed: {wide}"
    )


def test_each_exemption_names_a_file() -> None:
    assert {key.partition(":")[0] for key in PRESCRIBED_INTERFACES} <= set(FILES)


@pytest.mark.parametrize("file", FILES)
def test_no_name_is_an_empty_word(file: str) -> None:
    path = file
    for allowed in BANNED_EXCEPT:
        path = path.removeprefix(allowed)
    names = [path.removesuffix(".py"), *(node.name for node in classes(file))]
    banned = {name: words(name) & BANNED_WORDS for name in names if words(name) & BANNED_WORDS}
    assert not banned, f"{file}: a name says what the thing does: {banned}"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("RetryPolicy", {"policy"}),
        ("http_utils", {"util"}),
        ("HTTPContext", {"context"}),
        ("sim/helpers", {"helper"}),
        ("Policies", {"policies"}),
        ("Contextual", set()),
        ("StreamTransport", set()),
    ],
)
def test_the_words_of_a_name(name: str, found: set[str]) -> None:
    assert words(name) & BANNED_WORDS == found
