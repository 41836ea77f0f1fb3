"""One packet of chips is left. ann wants it, bob comes a moment later, carol wants nuts.

Nothing in these files knows of interlace: on the stock event loop each of the tests takes an hour.
"""

import asyncio

from aiohttp.test_utils import TestServer
from fixed_machine import FixedMachine
from machine import VendingMachine
from warehouse import warehouse


async def customer(machine: VendingMachine, snack: str, *, comes_after: float = 0) -> str:
    await asyncio.sleep(comes_after)
    return await machine.buy(snack, coins=3)


async def three_customers(kind: type[VendingMachine]) -> None:
    shelves = {"chips": ["chips"], "nuts": ["nuts", "nuts"]}
    async with TestServer(warehouse()) as server, kind(server.make_url("/"), shelves) as machine:
        ann = asyncio.create_task(customer(machine, "chips"), name="ann")
        bob = asyncio.create_task(customer(machine, "chips", comes_after=0.08), name="bob")
        carol = asyncio.create_task(customer(machine, "nuts", comes_after=600), name="carol")
        assert await asyncio.gather(ann, bob, carol) == ["chips", "chips", "nuts"]
        assert machine.till == 2 + 2 + 3


async def test_the_last_chips() -> None:
    await three_customers(VendingMachine)


async def test_the_last_chips_from_the_fixed_machine() -> None:
    await three_customers(FixedMachine)
