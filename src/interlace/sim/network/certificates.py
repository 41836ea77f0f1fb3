"""Certificates of simulated hosts, signed by an authority that clients in the same world trust.

Made by trustme. Keys are RSA: its signatures are all of one length, so that a handshake takes the same
number of bytes in every run. Making them takes tens of milliseconds: each is made once in a process.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any

from interlace.errors import UsageError


class Authority:
    """Signs certificates.

    Args:
        name: tells it from others.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str = "interlace") -> None:
        self._name = name

    def context(self, *names: str) -> ssl.SSLContext:
        """Returns a context for a server that is known by these host names and addresses.

        A certificate for `*.example.com` is none for `a.b.example.com` (RFC 6125, 6.4.3): who asks for that by name
        (RFC 6066, section 3) is shown one of its own.

        Raises:
            UsageError: trustme is not installed.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _certificate(self._name, names).configure_cert(context)
        domains = tuple(name[1:] for name in names if name.startswith("*."))
        if domains:

            def show(connection: Any, asked: str | None, _: object) -> None:
                if asked and asked.endswith(domains):
                    connection.context = self.context(asked)

            context.sni_callback = show
        return context

    def trust(self, context: ssl.SSLContext) -> None:
        """Has a client context trust what this authority has signed."""
        _authority(self._name).configure_trust(context)


@lru_cache(maxsize=8)
def _authority(name: str) -> Any:
    try:
        import trustme
    except ImportError:
        raise UsageError(
            "certificates of simulated hosts are made by trustme, which is not installed: pip install 'interlace[tls]'"
        ) from None
    return trustme.CA(organization_name=f"{name}, for tests", key_type=trustme.KeyType.RSA)


@lru_cache(maxsize=256)
def _certificate(authority: str, names: tuple[str, ...]) -> Any:
    signer = _authority(authority)
    import trustme

    return signer.issue_cert(*names, key_type=trustme.KeyType.RSA)
