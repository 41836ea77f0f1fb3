"""distributed's comms, which are tornado's streams on asyncio: a listener and connectors that send Python objects."""

from __future__ import annotations

import asyncio
from typing import Any

from distributed.comm import CommClosedError, connect, listen
from place import Place, everywhere


@everywhere(tls=False)
async def comms(place: Place) -> None:
    async def shout(comm: Any) -> None:
        try:
            while True:
                message = await comm.read()
                await comm.write({"word": message["word"].upper(), "size": len(message["body"])})
        except CommClosedError:
            pass

    with place.here():
        listener = await listen(f"tcp://{place.host}:{place.port}", shout)
    port = listener.listen_address.rpartition(":")[2]

    async def talk(word: str) -> None:
        comm = await connect(f"tcp://{place.name}:{port}")
        for size in (0, 100_000):
            await comm.write({"word": word, "body": bytes(size)})
            assert await comm.read() == {"word": word.upper(), "size": size}
        await comm.close()

    await asyncio.gather(talk("tea"), talk("milk"))
    listener.stop()
