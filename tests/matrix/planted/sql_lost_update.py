"""An account kept in SQLite by SQLAlchemy: two payments read the balance, then ask somebody, and one of them is lost."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import StaticPool

import interlace


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"
    owner: Mapped[str] = mapped_column(primary_key=True)
    balance: Mapped[int]


async def is_allowed(amount: int) -> bool:
    """Asks the service that knows about risks."""
    reader, writer = await asyncio.open_connection("risks", 80)
    writer.write(b"%d\n" % amount)
    allowed = await reader.readline() == b"yes\n"
    writer.close()
    return allowed


async def pay(session: AsyncSession, amount: int) -> None:
    account = (await session.scalars(select(Account))).one()
    if await is_allowed(amount):
        account.balance += amount
        await session.commit()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"yes\n")
    writer.close()


def paying(one_by_one: bool) -> Callable[[interlace.World], object]:
    async def program(world: interlace.World) -> None:
        with world.host("risks").here():
            server = await asyncio.start_server(answer, "0.0.0.0", 80)
        engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        opened = async_sessionmaker(engine)
        async with opened() as session, session.begin():
            session.add(Account(owner="ann", balance=100))

        lock = asyncio.Lock()

        async def payment(delay: float, amount: int) -> None:
            await asyncio.sleep(delay)
            async with lock if one_by_one else nullcontext(), opened() as session:
                await pay(session, amount)

        await asyncio.gather(payment(0, 10), payment(0.1, 20))
        async with opened() as session:
            assert await session.scalar(select(Account.balance)) == 130
        await engine.dispose()
        server.close()

    return program


bug = paying(one_by_one=False)
twin = paying(one_by_one=True)
