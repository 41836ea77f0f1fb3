"""What a WSGI application is told of a request (PEP 3333, "environ Variables")."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from interlace.services.http.address import Base
from interlace.services.http.calls import Call


def environ_of(call: Call, base: Base, client: str) -> dict[str, Any]:
    """Returns the environment of a request.

    Args:
        call: the request.
        base: where the application is.
        client: the IP address and port of the client, separated by a colon.
    """
    address, _, port = client.rpartition(":")
    headers = call.headers
    path, _, query = call.target.partition("?")
    asked = headers.get("host", "").rpartition("]")[2].partition(":")[0]
    found = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": call.target,
        "RAW_URI": call.target,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": headers.get("content-length", str(len(call.body)) if call.body else ""),
        "SERVER_NAME": asked if base.host.startswith("*") and asked else base.host,
        "SERVER_PORT": str(base.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": address,
        "REMOTE_PORT": port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": base.scheme,
        "wsgi.input": BytesIO(call.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        if name not in ("content-type", "content-length", "transfer-encoding"):
            if name == "cookie":  # these are not joined by commas (RFC 9113, section 8.2.3)
                value = "; ".join(one for key, one in headers.pairs if key.lower() == name)
            found[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return found
