"""asyncpg with a real PostgreSQL, let in through world.passthrough."""

import asyncio
import os

import asyncpg
from place import alone

import interlace

WHERE = os.environ["SERVICE"]
DSN = "postgresql://postgres@db.internal/postgres?sslmode=disable"


@alone
async def queries_and_transactions(world: interlace.World) -> None:
    world.passthrough("db.internal:5432", to=WHERE)
    db = await asyncpg.connect(DSN)
    await db.execute("create temporary table stock (item text primary key, number int not null)")
    await db.executemany("insert into stock values ($1, $2)", [("tea", 3), ("milk", 1)])
    assert [tuple(row) for row in await db.fetch("select * from stock order by item")] == [
        ("milk", 1),
        ("tea", 3),
    ]
    try:
        async with db.transaction():
            await db.execute("update stock set number = 0")
            await db.execute("insert into stock values ('tea', 1)")
    except asyncpg.UniqueViolationError:
        pass
    assert await db.fetchval("select sum(number) from stock") == 4
    assert len(await db.fetch("select repeat('x', 1000) from generate_series(1, 2000)")) == 2000
    await db.copy_records_to_table("stock", records=[(f"no. {n}", n) for n in range(5000)])
    assert await db.fetchval("select count(*) from stock") == 5002
    async with db.transaction():
        rows = [row async for row in db.cursor("select number from stock order by number desc limit 120")]
    assert [row[0] for row in rows[:2]] == [4999, 4998]
    begun = world.clock.elapsed
    await db.execute("select pg_sleep(0.1)")  # the clock of the service is real
    assert world.clock.elapsed - begun <= 1
    await db.close()


@alone
async def a_pool(world: interlace.World) -> None:
    world.passthrough("db.internal:5432", to=WHERE, latency="1ms..20ms")
    async with asyncpg.create_pool(DSN, min_size=2, max_size=3) as pool:
        await pool.execute("drop table if exists visits")
        await pool.execute("create table visits (number int)")

        async def visit(number: int) -> None:
            async with pool.acquire() as db, db.transaction():
                await asyncio.sleep(0.01)
                await db.execute("insert into visits values ($1)", number)

        await asyncio.gather(*map(visit, range(6)))
        assert await pool.fetchval("select sum(number) from visits") == 15
