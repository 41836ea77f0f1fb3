"""Path templates: `/users/{id}` fits one segment, `/files/{path:rest}` all that follow."""

from __future__ import annotations

import re
from urllib.parse import unquote

from interlace.errors import UsageError

_NAME = re.compile(r"\{([^{}]*)\}")


class Template:
    """A path with named holes.

    Args:
        text: such as `/users/{id}`.
        base: the path that stands before it, as it is.

    Attributes:
        text: as given.
        rank: sorts templates that fit the same path: the more literal one, from the left, first.
        shape: equal for templates that fit the same paths.

    Raises:
        UsageError: not a template.
    """

    __slots__ = ("_pattern", "rank", "shape", "text")

    def __init__(self, text: object, base: str = "") -> None:
        if not isinstance(text, str) or not text.startswith("/"):
            raise UsageError(f"{text!r} is no path of a route: it begins with '/', such as '/users/{{id}}'")
        if "?" in text or "#" in text:
            raise UsageError(
                f"path {text!r} has a query or a fragment: give the query as query={{'name': 'value'}}"
            )
        self.text = text
        names: list[str] = []
        pattern, rank, shape = re.escape(base), [], base
        segments = text.split("/")[1:]
        for number, segment in enumerate(segments):
            found, literal, kinds = _segment(segment, text, names, is_last=number == len(segments) - 1)
            pattern += "/" + found
            shape += "/" + literal
            rank.append(kinds)
        self._pattern = re.compile(pattern)
        self.rank = tuple(rank)
        self.shape = shape

    def match(self, path: str) -> dict[str, str] | None:
        """Returns what stands in the holes, percent-decoded; None if the path does not fit.

        Args:
            path: the path of a request as it came, without its query.
        """
        found = self._pattern.fullmatch(path)
        if found is None:
            return None
        holes: dict[str, str] = found.groupdict()
        return {name: unquote(value) for name, value in holes.items()} if "%" in path else holes


def _segment(segment: str, text: str, names: list[str], *, is_last: bool) -> tuple[str, str, int]:
    """Returns the pattern of one segment, what it is without names, and 0 for literal, 1 for a hole, 2 for a rest."""
    pattern, shape, kind, end = "", "", 0, 0
    for hole in _NAME.finditer(segment):
        before = segment[end : hole.start()]
        _check_literal(before, text)
        name, colon, rest = hole[1].partition(":")
        if not name.isidentifier() or (colon and rest != "rest"):
            what = "a hole without a name" if not name else f"a hole {hole[0]!r} that is none"
            raise UsageError(
                f"path {text!r} has {what}: give it a name, such as '{{id}}', or '{{path:rest}}' for all that follows"
            )
        if name in names:
            raise UsageError(f"path {text!r} has the name {name!r} twice: give each hole a name of its own")
        if colon and not (is_last and hole.end() == len(segment)):
            raise UsageError(
                f"path {text!r} goes on after {hole[0]!r}, which takes all that follows: put it last"
            )
        names.append(name)
        pattern += re.escape(before) + (f"(?P<{name}>.+)" if colon else f"(?P<{name}>[^/]+)")
        shape += before + ("{:rest}" if colon else "{}")
        kind = max(kind, 2 if colon else 1)
        end = hole.end()
    _check_literal(segment[end:], text)
    return pattern + re.escape(segment[end:]), shape + segment[end:], kind


def _check_literal(part: str, text: str) -> None:
    if "{" in part or "}" in part:
        raise UsageError(f"path {text!r} has a brace without its partner: a hole is written '{{name}}'")
