"""The same machine, mended: nothing is awaited between the look at the shelf and the grip into it."""

from machine import NotEnough, VendingMachine


class FixedMachine(VendingMachine):
    async def buy(self, snack: str, coins: int) -> str:
        price = await self.price(snack)
        if coins < price:
            raise NotEnough(f"{snack} costs {price}, not {coins}")
        while not self.shelves[snack]:
            await self.restock(snack)
        self.till += price
        return self.shelves[snack].pop()
