"""aiosqlite, which has a thread for each connection, and SQLAlchemy's asyncio side on it."""

from __future__ import annotations

import asyncio

import aiosqlite
from place import alone
from sqlalchemy import ForeignKey, func, select
from sqlalchemy.ext.asyncio import AsyncAttrs, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.pool import StaticPool


class Base(AsyncAttrs, DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list[Order]] = relationship()


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    item: Mapped[str]


@alone
async def with_aiosqlite() -> None:
    async with aiosqlite.connect(":memory:") as database:
        await database.execute("create table stock (item text primary key, number int)")

        async def add(item: str) -> None:
            await database.execute("insert into stock values (?, 1)", (item,))
            await database.commit()

        await asyncio.gather(*(add(item) for item in ("tea", "milk", "cups")))
        async with database.execute("select item from stock order by item") as rows:
            assert [row[0] async for row in rows] == ["cups", "milk", "tea"]
        try:
            await add("tea")
        except aiosqlite.IntegrityError:
            await database.rollback()
        else:
            raise AssertionError("tea twice")


@alone
async def with_several_connections() -> None:
    async def one(number: int) -> int:
        async with aiosqlite.connect(":memory:") as database, database.execute("select ?", (number,)) as rows:
            (answer,) = await rows.fetchone()
            return int(answer)

    assert await asyncio.gather(*map(one, range(3))) == [0, 1, 2]


@alone
async def with_sqlalchemy() -> None:
    engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    opened = async_sessionmaker(engine, expire_on_commit=False)
    async with opened() as session, session.begin():
        session.add_all(
            [Customer(name="ann", orders=[Order(item="tea"), Order(item="milk")]), Customer(name="bob")]
        )
    async with opened() as session:
        ann = (await session.scalars(select(Customer).where(Customer.name == "ann"))).one()
        assert sorted(order.item for order in await ann.awaitable_attrs.orders) == ["milk", "tea"]
        assert await session.scalar(select(func.count()).select_from(Customer)) == 2
    await engine.dispose()
