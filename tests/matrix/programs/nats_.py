"""nats-py with a small NATS server: publish, subscribe, request and reply, drain."""

import asyncio
import json
import ssl

import nats
from place import Place, everywhere


class Exchange:
    """As much of a NATS server as the client below needs."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.tls = tls
        self.subscriptions: dict[tuple[asyncio.StreamWriter, bytes], bytes] = {}

    def deliver(self, subject: bytes, reply: bytes, body: bytes) -> None:
        for (writer, number), pattern in self.subscriptions.items():
            if pattern == subject or (pattern.endswith(b"*") and subject.startswith(pattern[:-1])):
                head = b" ".join([b"MSG", subject, number, *([reply] if reply else []), b"%d" % len(body)])
                writer.write(head + b"\r\n" + body + b"\r\n")

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = {"server_id": "x", "version": "2.10", "max_payload": 1 << 20, "headers": False, "proto": 1}
        if self.tls:
            told["tls_required"] = True
        writer.write(b"INFO " + json.dumps(told).encode() + b"\r\n")
        try:
            if self.tls:
                await writer.start_tls(self.tls)
            while words := (await reader.readline()).split():
                match words:
                    case [b"PING"]:
                        writer.write(b"PONG\r\n")
                    case [b"SUB", subject, *_, number]:
                        self.subscriptions[writer, number] = subject
                    case [b"UNSUB", number, *most]:
                        if not most:
                            self.subscriptions.pop((writer, number), None)
                    case [b"PUB", subject, *reply, size]:
                        body = (await reader.readexactly(int(size) + 2))[:-2]
                        self.deliver(subject, reply[0] if reply else b"", body)
        finally:
            self.subscriptions = {
                key: value for key, value in self.subscriptions.items() if key[0] is not writer
            }
            writer.close()


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    with place.here():
        server = await asyncio.start_server(Exchange(place.tls).talk, place.host, place.port)
    port = server.sockets[0].getsockname()[1]
    address = f"nats://{place.name}:{port}"
    options = {"tls": place.client_tls} if place.tls else {}
    one, other = await asyncio.gather(nats.connect(address, **options), nats.connect(address, **options))

    async def answer(message: nats.aio.msg.Msg) -> None:
        await message.respond(message.data.upper())

    await one.subscribe("shout", cb=answer)
    listening = await other.subscribe("news")
    # Not flush(): its PING overtakes what is still pending, and the subscription is behind the answer.
    await asyncio.sleep(1)
    replies = await asyncio.gather(*(other.request("shout", word, timeout=30) for word in (b"a", b"b", b"c")))
    assert [reply.data for reply in replies] == [b"A", b"B", b"C"]
    await one.publish("news", b"tea")
    assert (await listening.next_msg(timeout=30)).data == b"tea"
    await one.drain()
    await other.close()
    server.close()
