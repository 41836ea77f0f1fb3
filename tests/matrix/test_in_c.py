"""Libraries that do their own input and output in C, unmodified and pinned, are refused by name and never connect."""

from pathlib import Path

import pytest
from driving import check_runs, drive

PINS = (
    "aiodns==4.0.4",
    "aiohttp==3.14.5",
    "curl_cffi==0.17.0",
    "grpcio==1.85.3",
    "psycopg[binary]==3.3.9",
    "pycares==5.2.1",
    "pytest==9.2.0",
    "pyzmq==27.3.0",
    "uvloop==0.23.0",
)

pytestmark = [pytest.mark.matrix, pytest.mark.slow]


def test_they_are_refused() -> None:
    file = Path(__file__).parent / "in_c" / "refused.py"
    check_runs(drive(file, PINS, 20, hash_seed=0), drive(file, PINS, 0, hash_seed=1), may_differ=True)
