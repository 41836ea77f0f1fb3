"""What is taken out of messages before they are written down."""

import pytest

from interlace.services.tapes.scrub import Scrubber


@pytest.mark.parametrize(
    "message",
    [
        b"GET /a?token=hush&x=1 HTTP/1.1\nHost: a\n\n",
        b"HTTP/1.1 302 Found\nLocation: https://a/b?x=1&access_token=hush\n\n",
        b"HTTP/1.1 200 OK\nSet-Cookie: id=hush; Path=/\n\n",
        b'HTTP/1.1 200 OK\nA: b\n\n{"x": 1, "token": "hush"}',
        b"POST / HTTP/1.1\nA: b\n\nx=1&password=hush",
        b'POST / HTTP/1.1\nA: b\n\n--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nhush\r\n--x--\r\n',
        b'HTTP/1.1 200 OK\nA: b\n\n<a href="/b?x=1&token=hush">',
    ],
)
def test_the_secret_is_taken_out_and_nothing_else(message: bytes) -> None:
    assert Scrubber().message("answer", message) == message.replace(b"hush", b"scrubbed")


@pytest.mark.parametrize(
    "command",
    [
        b"*2\r\n$4\r\nAUTH\r\n$4\r\nhush\r\n",
        b"*3\r\n$4\r\nauth\r\n$4\r\nhush\r\n$4\r\nhush\r\n*1\r\n$4\r\nPING\r\n",
        b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$4\r\nhush\r\n$4\r\nhush\r\n",
    ],
)
def test_so_are_the_names_and_passwords_of_redis(command: bytes) -> None:
    assert Scrubber().raw("request", command) == command.replace(b"hush", b"scrubbed")
