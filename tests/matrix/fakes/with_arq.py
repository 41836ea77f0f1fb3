"""arq, a queue of jobs, on a fake Redis: its worker polls, and jobs are tried again and deferred, in virtual time."""

import asyncio

import arq
from arq.connections import RedisSettings
from place import alone

import interlace


@alone
async def jobs_are_done_once(world: interlace.World) -> None:
    cache = world.redis("redis://cache", latency="1ms..20ms")
    brewed: list[str] = []

    async def brew(about: dict[str, int], tea: str) -> str:
        await asyncio.sleep(2)
        brewed.append(tea)
        if tea == "green" and about["job_try"] == 1:
            raise arq.Retry(defer=5)
        return tea.upper()

    settings = RedisSettings(host="cache")
    pool = await arq.create_pool(settings)
    jobs = [await pool.enqueue_job("brew", tea, _job_id=tea) for tea in ("assam", "green")]
    jobs.append(await pool.enqueue_job("brew", "late", _job_id="late", _defer_by=20))
    assert await pool.enqueue_job("brew", "assam", _job_id="assam") is None
    workers = [
        arq.worker.Worker(
            [arq.func(brew, name="brew")], redis_settings=settings, handle_signals=False, burst=True
        )
        for _ in range(2)
    ]
    await asyncio.gather(*(worker.async_run() for worker in workers))
    assert [await job.result(timeout=60) for job in jobs if job is not None] == ["ASSAM", "GREEN", "LATE"]
    assert sorted(brewed) == ["assam", "green", "green", "late"]
    assert world.clock.elapsed > 22
    assert cache.data.zcard("arq:queue") == 0
    for worker in workers:
        await worker.close()
    await pool.aclose()
