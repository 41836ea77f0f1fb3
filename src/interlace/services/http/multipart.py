"""Forms with files, as python-multipart reads them."""

from __future__ import annotations

from typing import Any, NamedTuple

from interlace.errors import UsageError


class Upload(NamedTuple):
    """A file in a form.

    Args:
        filename: its name, as the client gives it.
        media_type: its Content-Type; "" if the client gives none.
        content: what is in it.
    """

    filename: str
    media_type: str
    content: bytes


Fields = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, Upload], ...]]


def _load() -> Any:
    try:
        import python_multipart.multipart
    except ImportError:
        raise UsageError(
            "forms with files are read by python-multipart, which is not installed: pip install 'interlace[http]'"
        ) from None
    return python_multipart.multipart


class _Parts:
    """Keeps what the parser tells.

    Args:
        library: python_multipart.multipart.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._data = bytearray()
        self.fields: list[tuple[str, str]] = []
        self.uploads: list[tuple[str, Upload]] = []

    def on_part_begin(self) -> None:
        self._headers = {}
        self._data = bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def on_part_end(self) -> None:
        _, options = self._library.parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        content = bytes(self._data)
        if b"filename" in options:
            kind = self._headers.get(b"content-type", b"").decode("latin-1")
            filename = options[b"filename"].decode("utf-8", "replace")
            self.uploads.append((name, Upload(filename, kind, content)))
        else:
            self.fields.append((name, content.decode("utf-8", "replace")))


def read_multipart(kind: str, body: bytes) -> Fields:
    """Returns the fields and the files of a form, as names and values; none where it is no such form.

    Args:
        kind: the Content-Type of the request.
        body: its body.

    Raises:
        UsageError: python-multipart is not installed.
    """
    library = _load()
    _, options = library.parse_options_header(kind.encode("latin-1"))
    boundary = options.get(b"boundary")
    if not boundary:
        return (), ()
    parts = _Parts(library)
    told = {name: getattr(parts, name) for name in dir(parts) if name.startswith("on_")}
    try:
        parser = library.MultipartParser(boundary, callbacks=told)
        parser.write(body)
        parser.finalize()
    except library.MultipartParseError:
        return (), ()
    return tuple(parts.fields), tuple(parts.uploads)
