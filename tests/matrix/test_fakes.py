"""Clients that the suite does not install, unmodified and pinned, on fakes: under many schedules, in two processes."""

from pathlib import Path

import pytest
from driving import check_runs, drive

HERE = Path(__file__).parent

SCHEDULES = 30

PINS = {
    "with_moto": (
        *("aiobotocore==3.10.0", "boto3==1.43.117", "botocore==1.43.117", "moto[dynamodb,s3,sqs]==5.2.5"),
        *("flask==3.1.3", "flask-cors==6.0.5", "aiohttp==3.14.5", "h11==0.16.0", "trustme==1.2.1"),
    ),
    "with_arq": ("arq==0.28.0", "fakeredis==2.41.0", "redis==5.3.1"),
    "with_redis": (
        *("aiocache==0.12.3", "coredis==6.9.0", "fakeredis[lua]==2.41.0", "redis==8.1.0", "valkey==6.2.0"),
        *("anyio==4.16.0", "trustme==1.2.1"),
    ),
}

# boto3 leaves it to the last reference to close a connection. Whoever looks at a thread, to see whether it waits,
# holds its frames for a moment, and so that reference: it is not the same moment in each process.
MAY_DIFFER = {"with_moto"}

pytestmark = [pytest.mark.matrix, pytest.mark.slow]


@pytest.mark.parametrize("name", PINS)
def test_clients_take_it_for_the_real_thing(name: str) -> None:
    file = HERE / "fakes" / f"{name}.py"
    check_runs(
        drive(file, PINS[name], SCHEDULES, hash_seed=1),
        drive(file, PINS[name], 0, hash_seed=2),
        may_differ=name in MAY_DIFFER,
    )
