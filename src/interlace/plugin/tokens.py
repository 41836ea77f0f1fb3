"""The token of `--replay`, or the file that has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlace.errors import UsageError
from interlace.model.schedule import Recipe


def read_token(config: pytest.Config, text: str) -> Recipe:
    """Reads the token, or the token in the file of that name, relative to here or to the rootdir."""
    for directory in (config.invocation_params.dir, config.rootpath):
        file = directory / text
        if _is_file(file):
            try:
                return Recipe.parse(file.read_text(encoding="ascii"))
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"the token file {text} cannot be read ({error}): explore again") from None
    return Recipe.parse(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # too long for a name: a token
        return False
