"""Where a fake Redis is, and who may use it: its URL."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from interlace.errors import UsageError
from interlace.sim.network.service import check_name

_SECURE = {"redis": False, "rediss": True, "valkey": False, "valkeys": True}
_PORT = 6379
_HINT = (
    "write such as 'redis://cache:6379', or 'rediss://:password@cache/1' for TLS, a password and database 1"
)


class Address(NamedTuple):
    """What the URL of a fake Redis says.

    Args:
        kind: `redis` or `valkey`.
        host: the name of the host.
        port: the port.
        is_secure: whether it speaks TLS.
        db: the number of the database.
        user: who may use it; "" for the default user.
        password: the password; None: none is asked for.
    """

    kind: str
    host: str
    port: int
    is_secure: bool
    db: int
    user: str
    password: str | None

    @classmethod
    def parse(cls, url: object) -> Address:
        """Reads a URL as clients are given it; of its query only `db` is looked at, as the rest is for them.

        Raises:
            UsageError: it is none.
        """
        if not isinstance(url, str):
            raise UsageError(f"{url!r} is no URL of Redis: {_HINT}")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UsageError(f"{url!r} is no URL of Redis ({error}): {_HINT}") from None
        if parts.scheme not in _SECURE or not host or port == 0:
            raise UsageError(f"{url!r} is no URL of Redis: {_HINT}")
        number = parse_qs(parts.query).get("db", [parts.path.strip("/")])[0] or "0"
        if not (number.isascii() and number.isdigit()) or parts.fragment:
            raise UsageError(f"{url!r} is no URL of Redis, as {number!r} is no number of a database: {_HINT}")
        password = None if parts.password is None else unquote(parts.password)
        user = unquote(parts.username or "")
        if user and not password:
            raise UsageError(
                f"{url!r} has a user without a password: write '{parts.scheme}://{user}:password@{host}', or "
                f"'{parts.scheme}://:password@{host}' for the default user"
            )
        check_name(f"redis({url!r})", host, f"redis('{parts.scheme}://cache:{port or _PORT}')")
        secure = _SECURE[parts.scheme]
        kind = parts.scheme[:-1] if secure else parts.scheme
        return cls(kind, host, port or _PORT, secure, int(number), user, password or None)

    @property
    def shown(self) -> str:
        """Scheme, host and port."""
        return f"{self.kind}{'s' if self.is_secure else ''}://{self.host}:{self.port}"
