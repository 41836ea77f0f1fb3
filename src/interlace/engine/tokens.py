"""Tokens that are too long to be typed: kept in a file, which a report then names instead."""

from __future__ import annotations

import os

from interlace.errors import UsageError
from interlace.model.outcome import TOKEN_FILES, TOKEN_LENGTH, Outcome


def keep_token(outcome: Outcome) -> None:
    """Writes the token of an outcome to its file if it is too long to be typed.

    A directory that cannot be written to is no reason to fail: the report shows the token then.
    """
    token = outcome.token
    if len(token) <= TOKEN_LENGTH:
        return
    try:
        os.makedirs(TOKEN_FILES, exist_ok=True)
        with open(outcome.token_file, "w", encoding="ascii") as file:
            file.write(token + "\n")
    except OSError:
        pass


def read_token(text: str) -> str:
    """Returns the token in the file of this name, or the text itself if there is no such file.

    Raises:
        UsageError: the file cannot be read.
    """
    if not os.path.isfile(text):
        return text
    try:
        with open(text, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the token file {text!r} cannot be read ({error}): explore again") from error
