"""Requests that are read without h11, as most are: one whole request of HTTP/1.1 in one piece, with nothing special about it.

h11 takes as long for them as all the rest of a fake. What is in doubt is left to h11, so that there is one judge of what is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from interlace.services.http.calls import Call
from interlace.services.order import Moment

_REQUEST = re.compile(r"([A-Z]+) (/[!-~]*) HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)+)\r\n")
_SPECIAL = frozenset({"transfer-encoding", "expect", "upgrade", "connection", "content-length", "host"})
_LONGEST = 1 << 14


def read_plain(data: bytes, now: Callable[[], Moment]) -> Call | None:
    """Returns the request that some bytes are; None where h11 is to be asked.

    Args:
        data: what has arrived.
        now: returns the moment.
    """
    size = data.find(b"\r\n\r\n") + 4
    if not 4 < size <= _LONGEST:
        return None
    found = _REQUEST.fullmatch(data[:size].decode("latin-1"))
    if found is None:
        return None
    method, target, lines = found.groups()
    if method == "CONNECT":
        return None
    pairs = []
    hosts, length = 0, -1
    for line in lines.split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        value = value.strip(" \t")
        pairs.append((name, value))
        name = name.lower()
        if name in _SPECIAL:
            if name == "host":
                hosts += 1
            elif name == "content-length" and length < 0 and value.isdigit() and len(value) < 16:
                length = int(value)
            elif name != "connection" or value.lower() != "keep-alive":
                return None
    if hosts != 1 or max(length, 0) != len(data) - size:
        return None
    return Call(method, target, pairs, data[size:], now())
