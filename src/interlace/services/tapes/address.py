"""Whom a tape is of."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from interlace.errors import UsageError
from interlace.sim.network.service import check_name

_PORTS = {"http": 80, "https": 443, "tcp": 0, "tls": 0}
_HINT = "write such as 'https://api.example.com', 'tls://broker:8883' or, without TLS, 'cache:6379'"


class Address(NamedTuple):
    """A real peer.

    Args:
        shown: as the test names it.
        host: the name of the host.
        port: the port.
        is_http: whether it speaks HTTP.
        is_secure: whether it speaks TLS.
    """

    shown: str
    host: str
    port: int
    is_http: bool
    is_secure: bool

    @classmethod
    def parse(cls, url: object) -> Address:
        """Reads a URL, or host and port.

        Raises:
            UsageError: it is neither.
        """
        text = url if isinstance(url, str) else ""
        try:
            parts = urlsplit(text if "://" in text else f"tcp://{text}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UsageError(
                f"tape({url!r}, ...): that is no URL and no address ({error}): {_HINT}"
            ) from None
        if parts.scheme not in _PORTS:
            raise UsageError(
                f"tape({url!r}, ...): a tape knows http and https, and of other protocols only bytes: give "
                f"'tcp://{host or 'host'}:{port or 'PORT'}', or 'tls://{host or 'host'}:{port or 'PORT'}'"
            )
        if not host or not (port or _PORTS[parts.scheme]):
            raise UsageError(f"tape({url!r}, ...): that is no URL and no address: {_HINT}")
        if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
            raise UsageError(
                f"tape({url!r}, ...): a tape is of all that is asked of a host and port: leave the rest out"
            )
        check_name(f"tape({url!r}, ...)", host, f"tape('{parts.scheme}://service.example', ..., to={host!r})")
        is_http = parts.scheme in ("http", "https")
        return cls(
            text.rstrip("/"), host, port or _PORTS[parts.scheme], is_http, parts.scheme in ("https", "tls")
        )

    @property
    def place(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
