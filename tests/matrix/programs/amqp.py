"""aio-pika with a small AMQP broker: confirms, a consumer, requests and replies."""

from __future__ import annotations

import asyncio
from typing import Any

import aio_pika
from aio_pika.patterns import RPC
from pamqp import commands, frame, header
from pamqp.body import ContentBody
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat
from place import Place, everywhere


class Broker:
    """As much of an AMQP 0-9-1 broker as the client below needs."""

    def __init__(self) -> None:
        self.queues: dict[str, list[tuple[Any, bytes]]] = {}
        self.bindings: dict[tuple[str, str], str] = {}
        self.consumers: dict[str, tuple[Session, int, str]] = {}

    def publish(self, exchange: str, key: str, properties: Any, body: bytes) -> None:
        queue = self.bindings.get((exchange, key), key)
        self.queues.setdefault(queue, []).append((properties, body))
        self.push(queue)

    def push(self, queue: str) -> None:
        if queue not in self.consumers:
            return
        session, channel, tag = self.consumers[queue]
        waiting = self.queues.get(queue, [])
        while waiting:
            properties, body = waiting.pop(0)
            session.delivered += 1
            session.send(channel, commands.Basic.Deliver(tag, session.delivered, False, "", queue))
            session.send(channel, ContentHeader(body_size=len(body), properties=properties))
            session.send(channel, ContentBody(body))


class Session:
    """One connection to the broker."""

    def __init__(self, broker: Broker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.broker, self.reader, self.writer = broker, reader, writer
        self.delivered = 0
        self.published: dict[int, int] = {}
        self.pending: dict[int, list[Any]] = {}

    def send(self, channel: int, what: Any) -> None:
        self.writer.write(frame.marshal(what, channel))

    async def talk(self) -> None:
        try:
            assert (await self.reader.readexactly(8))[:4] == b"AMQP"
            offers = {"capabilities": {"publisher_confirms": True, "basic.nack": True}}
            self.send(0, commands.Connection.Start(server_properties=offers, mechanisms="PLAIN"))
            buffer = b""
            while data := await self.reader.read(65536):
                buffer += data
                while len(buffer) >= 7 and len(buffer) >= 8 + int.from_bytes(buffer[3:7], "big"):
                    used, channel, what = frame.unmarshal(buffer)
                    buffer = buffer[used:]
                    self.receive(channel, what)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writer.close()

    def receive(self, channel: int, what: Any) -> None:
        if isinstance(what, ContentHeader):
            self.pending[channel] += [what.properties, what.body_size, b""]
            self.complete(channel)
        elif isinstance(what, ContentBody):
            self.pending[channel][3] += what.value
            self.complete(channel)
        elif not isinstance(what, (Heartbeat, header.ProtocolHeader)):
            self.command(channel, what)

    def complete(self, channel: int) -> None:
        command, properties, size, body = self.pending[channel]
        if len(body) == size:
            del self.pending[channel]
            self.broker.publish(command.exchange, command.routing_key, properties, body)
            if channel in self.published:
                self.published[channel] += 1
                self.send(channel, commands.Basic.Ack(self.published[channel]))

    def command(self, channel: int, what: Any) -> None:
        broker = self.broker
        match what.name:
            case "Connection.StartOk":
                self.send(0, commands.Connection.Tune(channel_max=100, frame_max=131072, heartbeat=60))
            case "Connection.Open":
                self.send(0, commands.Connection.OpenOk())
            case "Connection.Close":
                self.send(0, commands.Connection.CloseOk())
            case "Channel.Open":
                self.send(channel, commands.Channel.OpenOk())
            case "Channel.Close":
                self.send(channel, commands.Channel.CloseOk())
            case "Confirm.Select":
                self.published[channel] = 0
                self.send(channel, commands.Confirm.SelectOk())
            case "Exchange.Declare":
                self.send(channel, commands.Exchange.DeclareOk())
            case "Queue.Declare":
                name = what.queue or f"made.{len(broker.queues)}"
                broker.queues.setdefault(name, [])
                self.send(channel, commands.Queue.DeclareOk(name, 0, 0))
            case "Queue.Bind":
                broker.bindings[what.exchange, what.routing_key] = what.queue
                self.send(channel, commands.Queue.BindOk())
            case "Queue.Delete":
                self.send(channel, commands.Queue.DeleteOk(0))
            case "Queue.Unbind":
                self.send(channel, commands.Queue.UnbindOk())
            case "Basic.Qos":
                self.send(channel, commands.Basic.QosOk())
            case "Basic.Consume":
                broker.consumers[what.queue] = self, channel, what.consumer_tag
                self.send(channel, commands.Basic.ConsumeOk(what.consumer_tag))
                broker.push(what.queue)
            case "Basic.Cancel":
                self.send(channel, commands.Basic.CancelOk(what.consumer_tag))
            case "Basic.Publish":
                self.pending[channel] = [what]
            case "Connection.TuneOk" | "Basic.Ack" | "Channel.CloseOk" | "Connection.CloseOk":
                pass
            case unknown:
                raise NotImplementedError(unknown)


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    broker = Broker()
    with place.here():
        server = await asyncio.start_server(
            lambda reader, writer: Session(broker, reader, writer).talk(),
            place.host,
            place.port,
            ssl=place.tls,
        )
    port = server.sockets[0].getsockname()[1]
    async with await aio_pika.connect(place.url("amqp", port), ssl_context=place.client_tls) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("orders")
        for item in ("tea", "milk", "x" * 200_000):
            await channel.default_exchange.publish(aio_pika.Message(item.encode()), routing_key="orders")
        got = []
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process():
                    got.append(message.body)
                if len(got) == 3:
                    break
        assert sorted(len(body) for body in got) == [3, 4, 200_000]


@everywhere(tls=False)
async def requests_and_replies(place: Place) -> None:
    broker = Broker()
    with place.here():
        server = await asyncio.start_server(
            lambda reader, writer: Session(broker, reader, writer).talk(), place.host, place.port
        )
    url = place.url("amqp", server.sockets[0].getsockname()[1])

    async def double(*, number: int) -> int:
        await asyncio.sleep(1)
        return number * 2

    async with await aio_pika.connect_robust(url) as one, await aio_pika.connect_robust(url) as other:
        answering = await RPC.create(await one.channel())
        await answering.register("double", double)
        asking = await RPC.create(await other.channel())
        assert await asyncio.gather(*(asking.proxy.double(number=n) for n in range(3))) == [0, 2, 4]
