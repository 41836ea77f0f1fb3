"""TLS: what both sides see of handshakes, of bytes and of the end, here and on the stock loop."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import trustme
from parity import Echo, Pair, Programs, Stage, Talker, check_same, connected, word

program = Programs()

MUCH = 3_000_000


@cache
def authority(name: str) -> trustme.CA:
    return trustme.CA(organization_name=name, key_type=trustme.KeyType.RSA)


@cache
def certificate(*names: str, ca: str = "one", **options: Any) -> trustme.LeafCert:
    return authority(ca).issue_cert(*names, key_type=trustme.KeyType.RSA, **options)


def serving(*names: str, ca: str = "one", **options: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate(*(names or ("localhost", "127.0.0.1")), ca=ca, **options).configure_cert(context)
    return context


def trusting(ca: str = "one") -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority(ca).configure_trust(context)
    return context


async def secure(
    stage: Stage,
    client: Callable[[], Any] | None = None,
    server: Callable[[], Any] | None = None,
    there: ssl.SSLContext | None = None,
    here: ssl.SSLContext | None = None,
    *,
    serving_with: dict[str, Any] | None = None,
    **connecting: Any,
) -> Pair:
    """A connection over TLS."""
    options = {"ssl": there or serving(), **(serving_with or {})}
    return await connected(stage, client, server, serving=options, ssl=here or trusting(), **connecting)


async def failing(
    stage: Stage, there: ssl.SSLContext | None = None, here: ssl.SSLContext | None = None, **connecting: Any
) -> None:
    """Tries to connect, and logs the error."""
    server, port = await stage.serve(lambda: Talker(stage, "server"), ssl=there or serving())
    connect = stage.connect(lambda: Talker(stage, "client"), port, ssl=here or trusting(), **connecting)
    await stage.raises("connecting", connect)
    await settled(stage)
    server.close()


async def settled(stage: Stage) -> None:
    """Waits until nothing more is logged; both sides of a handshake fail at about the same time."""
    seen = -1
    while seen != len(stage.lines):
        seen = len(stage.lines)
        await asyncio.sleep(0.02)


# -- handshakes ----------------------------------------------------------------------------------


@program
async def a_handshake_and_a_goodbye(stage: Stage) -> None:
    pair = await secure(stage, server=lambda: Echo(stage, "server"))
    pair.client.transport.write(b"hello")
    await stage.until("client data_received")
    pair.client.transport.close()
    await pair.end()


@program
async def an_authority_that_nobody_knows(stage: Stage) -> None:
    await failing(stage, there=serving(ca="another"))


@program
async def a_certificate_that_has_expired(stage: Stage) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    await failing(stage, there=serving("127.0.0.1", not_before=past, not_after=past + datetime.timedelta(9)))


@program
async def a_certificate_for_another_host(stage: Stage) -> None:
    await failing(stage, there=serving("example.org"))


@program
async def a_certificate_for_another_address(stage: Stage) -> None:
    await failing(stage, there=serving("10.0.0.1", "localhost"))


@program
async def a_name_that_is_asked_for(stage: Stage) -> None:
    pair = await secure(stage, there=serving("*.example.com"), server_hostname="api.example.com")
    pair.client.transport.close()
    await pair.end()
    await failing(stage, there=serving("*.example.com"), server_hostname="example.com")


@program
async def no_version_that_both_speak(stage: Stage) -> None:
    old, new = serving(), trusting()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    new.minimum_version = ssl.TLSVersion.TLSv1_3
    await failing(stage, there=old, here=new)


@program
async def no_cipher_that_both_speak(stage: Stage) -> None:
    there, here = serving(), trusting()
    there.maximum_version = here.maximum_version = ssl.TLSVersion.TLSv1_2
    there.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    here.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    await failing(stage, there=there, here=here)


@program
async def a_client_that_shows_no_certificate(stage: Stage) -> None:
    there = serving()
    there.verify_mode = ssl.CERT_REQUIRED
    authority("one").configure_trust(there)
    there.maximum_version = ssl.TLSVersion.TLSv1_2  # with 1.3 the client believes that it is connected
    await failing(stage, there=there)


@program
async def a_client_that_learns_later_that_it_should_have_shown_one(stage: Stage) -> None:
    there = serving()
    there.verify_mode = ssl.CERT_REQUIRED
    authority("one").configure_trust(there)
    server, port = await stage.serve(lambda: Talker(stage, "server"), ssl=there)
    await stage.connect(lambda: Talker(stage, "client"), port, ssl=trusting())
    await stage.until("client connection_lost")
    await settled(stage)
    server.close()


@program
async def debug_mode_tells_of_clients_that_were_refused(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 60
    await failing(stage, there=serving(ca="another"))
    there = serving()
    there.verify_mode = ssl.CERT_REQUIRED
    there.maximum_version = ssl.TLSVersion.TLSv1_2
    await failing(stage, there=there)


@program
async def a_client_that_shows_its_certificate(stage: Stage) -> None:
    there, here = serving(), trusting()
    there.verify_mode = ssl.CERT_REQUIRED
    authority("one").configure_trust(there)
    certificate("client.example.com").configure_cert(here)
    pair = await secure(stage, there=there, here=here)
    shown = pair.accepted.transport.get_extra_info("peercert")
    stage.log(f"{shown['subjectAltName']}")
    pair.client.transport.close()
    await pair.end()


@program
async def a_client_with_a_certificate_that_nobody_knows(stage: Stage) -> None:
    there, here = serving(), trusting()
    there.verify_mode = ssl.CERT_REQUIRED
    there.maximum_version = ssl.TLSVersion.TLSv1_2
    authority("one").configure_trust(there)
    certificate("client.example.com", ca="another").configure_cert(here)
    await failing(stage, there=there, here=here)


@program
async def protocols_are_agreed_on(stage: Stage) -> None:
    there, here = serving(), trusting()
    there.set_alpn_protocols(["h2", "http/1.1"])
    here.set_alpn_protocols(["spdy", "http/1.1"])
    pair = await secure(stage, there=there, here=here)
    for side in (pair.client, pair.accepted):
        known = side.transport.get_extra_info("ssl_object")
        stage.log(f"{known.selected_alpn_protocol()} {known.version()} {known.server_side} {known.pending()}")
    pair.client.transport.close()
    await pair.end()


@program
async def a_server_that_chooses_by_name(stage: Stage) -> None:
    there = serving("default.example.com")
    other = serving("other.example.com")

    def choose(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        stage.log(f"asked for {name}")
        if name == "other.example.com":
            connection.context = other

    there.sni_callback = choose  # type: ignore[assignment]
    pair = await secure(stage, there=there, server_hostname="other.example.com")
    stage.log(f"{pair.client.transport.get_extra_info('peercert')['subjectAltName']}")
    pair.client.transport.close()
    await pair.end()


@program
async def the_ssl_of_true(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server"), ssl=serving(ca="another"))
    await stage.raises("connecting", stage.connect(lambda: Talker(stage, "client"), port, ssl=True))
    await settled(stage)
    server.close()


# -- what is not TLS -----------------------------------------------------------------------------


@program
async def plain_text_to_a_tls_server(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server"), ssl=serving())
    transport, _ = await stage.connect(lambda: Talker(stage, "client", payload=False), port)
    transport.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await stage.until("client connection_lost")
    await settled(stage)
    server.close()


@program
async def nonsense_to_a_tls_server(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server"), ssl=serving())
    transport, _ = await stage.connect(lambda: Talker(stage, "client", payload=False), port)
    transport.write(b"\x16\x03\x01\x00\x05nonsense")
    await stage.until("client connection_lost")
    await settled(stage)
    server.close()


@program
async def nothing_at_all_to_a_tls_server(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server"), ssl=serving())
    transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
    transport.close()
    await settled(stage)
    server.close()


@program
async def a_tls_client_is_greeted_in_plain_text(stage: Stage) -> None:
    class Greeting(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.write(b"220 mail.example.com ESMTP\r\n")

    server, port = await stage.serve(lambda: Greeting(stage, "server", payload=False))
    await stage.raises("connecting", stage.connect(lambda: Talker(stage, "client"), port, ssl=trusting()))
    await settled(stage)
    server.close()


@program
async def a_tls_client_meets_a_server_that_closes(stage: Stage) -> None:
    class Closing(Talker):
        def data_received(self, data: bytes) -> None:
            self.transport.close()

    server, port = await stage.serve(lambda: Closing(stage, "server"))
    await stage.raises("connecting", stage.connect(lambda: Talker(stage, "client"), port, ssl=trusting()))
    await settled(stage)
    server.close()


@program
async def a_tls_client_meets_a_server_that_resets(stage: Stage) -> None:
    class Resetting(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.pause_reading()
            asyncio.get_running_loop().call_later(0.01, transport.abort)

    server, port = await stage.serve(lambda: Resetting(stage, "server"))
    await stage.raises("connecting", stage.connect(lambda: Talker(stage, "client"), port, ssl=trusting()))
    await settled(stage)
    server.close()


@program
async def a_tls_client_and_nobody(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server"))
    server.close()
    await server.wait_closed()
    await stage.raises("connecting", stage.connect(lambda: Talker(stage, "client"), port, ssl=trusting()))


@program
async def a_handshake_that_takes_too_long(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server", payload=False))
    connect = stage.connect(lambda: Talker(stage, "client"), port, ssl=trusting(), ssl_handshake_timeout=0.05)
    await stage.raises("connecting", connect)
    await settled(stage)
    server.close()


@program
async def a_server_that_waits_too_long_for_a_handshake(stage: Stage) -> None:
    server, port = await stage.serve(
        lambda: Talker(stage, "server"), ssl=serving(), ssl_handshake_timeout=0.05
    )
    await stage.connect(lambda: Talker(stage, "client"), port)
    await stage.until("client connection_lost")
    await settled(stage)
    server.close()


@program
async def a_handshake_that_is_given_up(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server", payload=False))
    connect = stage.connect(lambda: Talker(stage, "client"), port, ssl=trusting())
    await stage.raises("connecting", asyncio.wait_for(connect, 0.05))
    await settled(stage)
    server.close()


# -- the end -------------------------------------------------------------------------------------


@program
async def aborting_right_after_the_handshake(stage: Stage) -> None:
    pair = await secure(stage)
    pair.client.transport.abort()
    await pair.end()


@program
async def the_server_aborts_right_after_the_handshake(stage: Stage) -> None:
    pair = await secure(stage)
    pair.accepted.transport.abort()
    await pair.end()


@program
async def aborting_in_the_middle(stage: Stage) -> None:
    pair = await secure(stage, server=lambda: Echo(stage, "server"))
    pair.client.transport.write(b"hello")
    await stage.until("client data_received")
    pair.client.transport.abort()
    pair.client.transport.abort()
    stage.log(f"closing {pair.client.transport.is_closing()}")
    await pair.end()


@program
async def the_server_says_goodbye_first(stage: Stage) -> None:
    pair = await secure(stage)
    pair.accepted.transport.write(b"bye")
    pair.accepted.transport.close()
    pair.accepted.transport.close()
    stage.log(f"closing {pair.accepted.transport.is_closing()}")
    await pair.end()
    stage.log(f"{pair.client.transport.is_closing()} {pair.accepted.transport.is_closing()}")


@program
async def both_say_goodbye(stage: Stage) -> None:
    pair = await secure(stage)
    pair.client.transport.close()
    pair.accepted.transport.close()
    await pair.end()
    stage.lines.sort()  # they are said in steps of the same length


@program
async def the_connection_under_it_is_closed_without_a_goodbye(stage: Stage) -> None:
    pair = await secure(stage)
    await settled(stage)
    under(pair.client.transport).close()
    await pair.end()


@program
async def closing_after_much_is_written(stage: Stage) -> None:
    pair = await secure(stage, server=lambda: Talker(stage, "server", payload=False))
    pair.client.transport.write(bytes(MUCH))
    pair.client.transport.close()
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


@program
async def writing_after_the_end(stage: Stage) -> None:
    pair = await secure(stage)
    pair.client.transport.close()
    await pair.end()
    for number in range(7):
        pair.client.transport.write(b"x")
        stage.log(f"wrote {number}")


@program
async def a_goodbye_that_is_not_answered(stage: Stage) -> None:
    pair = await secure(stage, ssl_shutdown_timeout=0.05)
    await settled(stage)
    pair.accepted.transport.pause_reading()
    under(pair.accepted.transport).pause_reading()
    pair.client.transport.close()
    await stage.until("client connection_lost")
    under(pair.accepted.transport).resume_reading()
    pair.accepted.transport.resume_reading()
    await pair.end()


def under(transport: Any) -> Any:
    """The transport that the bytes of TLS go through."""
    return transport._ssl_protocol._transport


# -- bytes ---------------------------------------------------------------------------------------


@program
async def writing_in_connection_made(stage: Stage) -> None:
    class Eager(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.write(self.side.encode())

    pair = await secure(stage, client=lambda: Eager(stage, "client"), server=lambda: Eager(stage, "server"))
    await stage.until("client data_received")
    await stage.until("server data_received")
    pair.client.transport.close()
    await pair.end()


@program
async def pieces_of_several_kinds(stage: Stage) -> None:
    pair = await secure(stage)
    pair.client.transport.writelines([b"a", bytearray(b"b"), memoryview(b"c")])
    await stage.until("server data_received")
    for wrong in ("text", 5, None):
        with stage.errors(f"{wrong!r}"):
            pair.client.transport.write(wrong)
    pair.client.transport.write(b"")
    pair.client.transport.close()
    await pair.end()


@program
async def there_are_no_halves(stage: Stage) -> None:
    pair = await secure(stage, server=lambda: Talker(stage, "server", keep_open=True))
    stage.log(f"{pair.client.transport.can_write_eof()}")
    with stage.errors("write_eof"):
        pair.client.transport.write_eof()
    pair.client.transport.close()
    await pair.end()


@program
async def pausing_and_resuming(stage: Stage) -> None:
    pair = await secure(stage)
    pair.accepted.transport.pause_reading()
    pair.accepted.transport.pause_reading()
    pair.client.transport.write(b"one ")
    await settled(stage)
    pair.client.transport.write(b"two")
    await settled(stage)
    stage.log(f"reading {pair.accepted.transport.is_reading()}")
    pair.accepted.transport.resume_reading()
    stage.log(f"reading {pair.accepted.transport.is_reading()}")
    await stage.until("server data_received")
    await settled(stage)
    pair.client.transport.close()
    await pair.end()


@program
async def much_that_nobody_reads(stage: Stage) -> None:
    pair = await secure(stage, server=lambda: Talker(stage, "server", payload=False))
    pair.accepted.transport.pause_reading()
    for _ in range(8):
        pair.client.transport.write(bytes(MUCH))
    stage.log(f"buffered {pair.client.transport.get_write_buffer_size() > 0}")
    await settled(stage)
    pair.accepted.transport.resume_reading()
    await stage.until("client resume_writing")
    pair.client.transport.close()
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


@program
async def limits_of_the_buffers(stage: Stage) -> None:
    pair = await secure(stage)
    transport = pair.client.transport
    for limits in ({}, {"high": 100}, {"high": 50, "low": 5}, {"low": 7}, {"high": 1, "low": 2}):
        with stage.errors(f"{limits}"):
            transport.set_write_buffer_limits(**limits)
        stage.log(f"{transport.get_write_buffer_limits()} {transport.get_read_buffer_limits()}")
    transport.close()
    await pair.end()


@program
async def a_buffered_protocol(stage: Stage) -> None:
    class Buffered(asyncio.BufferedProtocol):
        transport: Any

        def __init__(self) -> None:
            self.buffer = bytearray(8)

        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            stage.log("server connection_made")

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            stage.log(f"server buffer_updated {bytes(self.buffer[:nbytes])!r}")

        def eof_received(self) -> None:
            stage.log("server eof_received")

        def connection_lost(self, exc: BaseException | None) -> None:
            stage.log(f"server connection_lost {word(exc)}")

    pair = await secure(stage, server=Buffered)
    pair.client.transport.write(b"twenty bytes in all.")
    await stage.until("server buffer_updated", 3)
    pair.client.transport.close()
    await pair.end()


@program
async def changing_the_protocol(stage: Stage) -> None:
    pair = await secure(stage)
    other = Talker(stage, "other")
    pair.accepted.transport.set_protocol(other)
    stage.log(f"{pair.accepted.transport.get_protocol() is other}")
    pair.client.transport.write(b"for the other")
    await stage.until("other data_received")
    pair.client.transport.close()
    await pair.end("client", "other")


@program
async def data_received_raises(stage: Stage) -> None:
    class Failing(Talker):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            raise ZeroDivisionError("data_received")

    pair = await secure(stage, server=lambda: Failing(stage, "server"))
    pair.client.transport.write(b"x")
    await pair.end()


@program
async def connection_made_raises(stage: Stage) -> None:
    class Failing(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            raise ZeroDivisionError("connection_made")

    server, port = await stage.serve(lambda: Failing(stage, "server"), ssl=serving())
    transport, _ = await stage.connect(lambda: Talker(stage, "client"), port, ssl=trusting())
    await settled(stage)
    transport.abort()
    await settled(stage)
    server.close()


@program
async def eof_received_and_connection_lost_raise(stage: Stage) -> None:
    class Failing(Talker):
        def eof_received(self) -> bool:
            super().eof_received()
            raise ZeroDivisionError("eof_received")

        def connection_lost(self, exc: BaseException | None) -> None:
            super().connection_lost(exc)
            raise ZeroDivisionError("connection_lost")

    pair = await secure(stage, server=lambda: Failing(stage, "server"))
    pair.client.transport.close()
    await pair.end()
    await settled(stage)


# -- servers and streams -------------------------------------------------------------------------


@program
async def closing_a_server_with_a_client(stage: Stage) -> None:
    pair = await secure(stage, server=lambda: Echo(stage, "server"))
    pair.server.close()
    pair.client.transport.write(b"still there")
    await stage.until("client data_received")
    pair.client.transport.close()
    await pair.end()


@program
async def a_server_that_closes_or_aborts_its_clients(stage: Stage) -> None:
    if sys.version_info < (3, 13):
        stage.log("not there yet")
        return
    for way in ("close_clients", "abort_clients"):
        here = Stage()
        pair = await secure(here)
        await settled(here)
        getattr(pair.server, way)()
        await pair.end()
        stage.lines += here.lines


@program
async def streams_over_tls(stage: Stage) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            writer.write(line.upper())
        stage.log("end of lines")
        writer.close()

    server, port = await stage.serve_streams(handle, ssl=serving())
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting())
    for line in (b"one\n", b"two\n"):
        writer.write(line)
        await writer.drain()
        stage.log(f"{await reader.readline()!r}")
    stage.log(f"{writer.can_write_eof()}")
    writer.close()
    await stage.until("end of lines")
    await stage.raises("wait_closed", writer.wait_closed())
    server.close()


@program
async def a_reader_over_tls_meets_a_reset(stage: Stage) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await stage.until("unread")
        writer.transport.abort()

    server, port = await stage.serve_streams(handle, ssl=serving())
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting())
    writer.write(b"line\n")
    await settled(stage)
    stage.log("unread")
    await stage.raises("reading", reader.readexactly(5))
    await stage.raises("wait_closed", writer.wait_closed())
    server.close()


# -- start_tls -----------------------------------------------------------------------------------


async def upgraded(stage: Stage, there: ssl.SSLContext, here: ssl.SSLContext, **options: Any) -> Pair:
    """Connects in plain text and goes on in TLS; the errors of both sides are logged."""
    pair = await connected(stage, serving={})
    loop = asyncio.get_running_loop()
    plain = [pair.accepted.transport, pair.client.transport]
    both = await asyncio.gather(
        loop.start_tls(plain[0], pair.accepted, there, server_side=True),
        loop.start_tls(plain[1], pair.client, here, server_hostname="localhost", **options),
        return_exceptions=True,
    )
    for side, made in zip((pair.accepted, pair.client), both):
        if isinstance(made, BaseException):
            stage.log(f"{side.side} start_tls: {word(made)}")
        else:
            side.transport = made
    return pair


@program
async def plain_text_first(stage: Stage) -> None:
    pair = await upgraded(stage, serving(), trusting())
    stage.log(f"{pair.client.transport.get_extra_info('peercert') is not None}")
    pair.client.transport.write(b"secret")
    await stage.until("server data_received")
    pair.accepted.transport.write(b"answer")
    await stage.until("client data_received")
    pair.client.transport.close()
    await pair.end()


@program
async def going_on_in_tls_with_a_stranger(stage: Stage) -> None:
    await upgraded(stage, serving(ca="another"), trusting())
    await settled(stage)


@program
async def tls_within_tls(stage: Stage) -> None:
    pair = await secure(stage)
    await settled(stage)
    loop = asyncio.get_running_loop()
    both = await asyncio.gather(
        loop.start_tls(pair.accepted.transport, pair.accepted, serving(), server_side=True),
        loop.start_tls(pair.client.transport, pair.client, trusting(), server_hostname="localhost"),
    )
    both[1].write(b"twice")  # type: ignore[union-attr]
    await stage.until("server data_received")
    both[1].close()  # type: ignore[union-attr]
    await settled(stage)


@program
async def start_tls_after_the_end(stage: Stage) -> None:
    pair = await connected(stage)
    plain = pair.client.transport
    plain.close()
    loop = asyncio.get_running_loop()
    secured = await loop.start_tls(plain, pair.client, trusting(), server_hostname="localhost")
    stage.log(f"start_tls gives a transport: {secured is not None}")
    await settled(stage)


@program
async def start_tls_with_wrong_arguments(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    pair = await connected(stage)
    plain = pair.client.transport
    await stage.raises("no context", loop.start_tls(plain, pair.client, None))  # type: ignore[arg-type]
    await stage.raises("a bool", loop.start_tls(plain, pair.client, True))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"transport .* is not supported by start_tls"):
        await loop.start_tls(asyncio.Transport(), pair.client, trusting())
    plain.close()
    await pair.end()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", program)
def test_tls(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
