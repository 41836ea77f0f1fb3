"""A vending machine on the net: it asks the warehouse for prices, and for more snacks."""

from typing import Self

from aiohttp import ClientSession, ClientTimeout
from yarl import URL


class NotEnough(Exception):
    """The customer has put in less than the snack costs."""


class VendingMachine:
    def __init__(self, warehouse: URL, shelves: dict[str, list[str]]) -> None:
        self.shelves = shelves
        self.till = 0
        self._warehouse = warehouse

    async def buy(self, snack: str, coins: int) -> str:
        """Takes coins, hands out a snack; has some brought if none is left."""
        if not self.shelves[snack]:
            await self.restock(snack)
        price = await self.price(snack)
        if coins < price:
            raise NotEnough(f"{snack} costs {price}, not {coins}")
        self.till += price
        return self.shelves[snack].pop()

    async def price(self, snack: str) -> int:
        async with self._http.get(f"/prices/{snack}") as reply:
            return await reply.json()

    async def restock(self, snack: str) -> None:
        async with self._http.post("/orders", json={"snack": snack}) as reply:
            self.shelves[snack] += await reply.json()

    async def __aenter__(self) -> Self:
        # The warehouse answers an order when its courier has been here: be patient.
        patience = ClientTimeout(total=2 * 60 * 60)
        self._http = ClientSession(self._warehouse, timeout=patience)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._http.close()
