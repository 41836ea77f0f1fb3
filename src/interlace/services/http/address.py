"""Where a fake web API is: its base URL."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from interlace.errors import UsageError
from interlace.sim.network.service import check_name

_PORTS = {"http": 80, "https": 443}


class Base(NamedTuple):
    """A base URL.

    Args:
        scheme: `http` or `https`.
        host: the name of the host.
        port: the port.
        path: where the paths of routes begin, without a slash at its end.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: object, call: str = "http") -> Base:
        """Reads a base URL, given to this method of the world.

        Raises:
            UsageError: it is none.
        """
        hint = "write such as 'https://api.example.com' or 'http://billing:8080/v1'"
        if not isinstance(url, str):
            raise UsageError(f"{url!r} is no base URL: {hint}")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UsageError(f"{url!r} is no base URL ({error}): {hint}") from None
        if parts.scheme not in _PORTS or not host or port == 0:
            raise UsageError(f"{url!r} is no base URL of HTTP: {hint}")
        if parts.query or parts.fragment or parts.username is not None:
            raise UsageError(
                f"{url!r} is no base URL: it has more than a host, a port and a path. Leave the rest to the routes: "
                "api.get('/x', query={...})"
            )
        check_name(f"{call}({url!r})", host, f"{call}('{parts.scheme}://service.example')")
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.rstrip("/"))

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.scheme == "https"

    @property
    def shown(self) -> str:
        """The scheme, host and port, as one writes them."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"
