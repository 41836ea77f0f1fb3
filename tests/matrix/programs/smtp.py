"""aiosmtplib with aiosmtpd: plain, TLS from the first byte, and STARTTLS."""

import asyncio
from email.message import EmailMessage
from typing import Any

import aiosmtplib
from aiosmtpd.smtp import SMTP
from place import Place, everywhere


class Inbox:
    """What aiosmtpd hands messages to."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.bodies.append(envelope.content)
        return "250 OK"


def letter(number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", f"no. {number}"
    message.set_content("word " * 1000)
    return message


async def post(place: Place, port: int, **options: Any) -> None:
    client = aiosmtplib.SMTP(hostname=place.name, port=port, **options)
    async with client:
        for number in range(2):
            errors, answer = await client.send_message(letter(number))
            assert not errors
            assert answer == "OK"


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    with place.here():
        server = await loop.create_server(
            lambda: SMTP(inbox, hostname="mail", loop=loop), place.host, place.port, ssl=place.tls
        )
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(
        *(post(place, port, use_tls=place.tls is not None, start_tls=False) for _ in range(2))
    )
    assert len(inbox.bodies) == 4
    server.close()


@everywhere(tls=True)
async def starttls(place: Place) -> None:
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    with place.here():
        server = await loop.create_server(
            lambda: SMTP(inbox, hostname="mail", loop=loop, tls_context=place.tls), place.host, place.port
        )
    await post(place, server.sockets[0].getsockname()[1])
    assert len(inbox.bodies) == 2
    server.close()
