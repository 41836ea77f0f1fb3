"""Races in user code over real libraries: found within 50 schedules, and not in the twin without the race.

Each file in `planted` has a program `bug`, whose plain run passes, and a program `twin`, which is right under
every order. They are run by seek.py in the environment of the matrix.
"""

from pathlib import Path

import pytest
from driving import LIBRARIES, SCHEDULES, script

HERE = Path(__file__).parent
PLANTED = sorted(file.stem for file in (HERE / "planted").glob("*.py"))

TWIN_SCHEDULES = 200

pytestmark = [pytest.mark.matrix, pytest.mark.slow]


@pytest.mark.parametrize("name", PLANTED)
def test_the_race_is_found_and_its_twin_passes(name: str) -> None:
    file = HERE / "planted" / f"{name}.py"
    (found,) = script("seek.py", LIBRARIES, file, str(SCHEDULES), str(TWIN_SCHEDULES), hash_seed=1)
    assert found["plain"] == "None", "the race shows in the plain run: anybody would find it"
    assert found["status"] == "failed", found["report"]
    assert len(found["failures"]) == 1, found["report"]
    for failure in found["failures"]:
        assert failure["label"] == "real", found["report"]
        assert failure["again"] == failure["error"]
    assert f"planted/{name}.py" in found["report"]
    assert not found["twins"], "\n\n".join(found["twins"])


def test_there_are_races_over_http_redis_sql_and_websockets() -> None:
    assert {name.partition("_")[0] for name in PLANTED} >= {"http", "redis", "sql", "websockets"}
