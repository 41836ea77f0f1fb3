"""What a fake Redis was asked: one recorded command."""

from __future__ import annotations

from typing import NamedTuple

GREETINGS = frozenset(
    {"HELLO", "AUTH", "SELECT", "CLIENT SETINFO", "CLIENT SETNAME", "CLIENT MAINT_NOTIFICATIONS"}
)
"""What clients say about themselves when they connect: it differs from one of their versions to the next."""


class Call(NamedTuple):
    """One command that has arrived over the wire.

    Args:
        name: in capitals, with its subcommand: `SET`, `CLIENT LIST`.
        args: what follows.
        time: when it had arrived, in virtual seconds since the run began.
        db: the number of the database that the connection had selected.
        connection: the name of the connection, as in stories.
    """

    name: str
    args: tuple[bytes, ...]
    time: float
    db: int
    connection: str

    @property
    def text(self) -> str:
        """The command as one types it."""
        return " ".join([self.name, *(arg.decode("utf-8", "backslashreplace") for arg in self.args)])

    def __repr__(self) -> str:
        return f"<Call {self.text} at {self.time:g} s>"
