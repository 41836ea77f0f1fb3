"""The report as data keeps to the schema that docs/reference/json.md promises."""

import json
from types import ModuleType
from typing import Any

from interlace.api import explore

PLACE = {"time": float, "task": str, "file": str, "line": int, "function": str, "source": str, "role": str}
FAILURE = {
    "type": str,
    "message": str,
    "values": [str],
    "label": str,
    "token": str,
    "constraints": [str],
    "runs_to_failure": int,
    "shrink_replays": int,
    "note": str,
    "background": [str],
    "deviations": [{"kind": str, "subject": str, "option": str, "occurrence": int}],
    "story": [PLACE],
    "virtual_seconds": float,
    "trace_hash": str,
}
REPORT = {
    "schema": str,
    "verdict": {"status": str, "extent": str, "kind": str, "number": int, "note": str},
    "runs": int,
    "failure": (FAILURE, None),
    "further": [FAILURE],
    "latent": [FAILURE],
    "needed": [str],
    "plain": {"virtual_seconds": float, "steps": int, "trace_hash": str, "passed": bool},
}


def check(value: Any, shape: Any, path: str = "report") -> None:
    """The value has exactly this shape."""
    if isinstance(shape, tuple):
        if value is not None:
            check(value, shape[0], path)
    elif isinstance(shape, dict):
        assert isinstance(value, dict), path
        assert set(value) == set(shape), path
        for key in shape:
            check(value[key], shape[key], f"{path}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), path
        for number, item in enumerate(value):
            check(item, shape[0], f"{path}[{number}]")
    else:
        assert type(value) is shape, f"{path} is {value!r}"


def test_a_failure_keeps_to_the_schema(shop: ModuleType) -> None:
    result = explore(shop.main)
    report = json.loads(json.dumps(result.to_json()))
    check(report, REPORT)
    assert report["schema"] == "interlace/1"
    failure = report["failure"]
    assert (failure["type"], failure["label"]) == ("AssertionError", "real")
    assert failure["values"] == ['prices["tea"] = 3']
    assert failure["story"][-1]["source"] == 'assert prices["tea"] == 5'
    assert failure["story"][-1]["role"] == "fails"
    assert [deviation["kind"] for deviation in failure["deviations"]] == ["delay"]
    assert report["plain"]["passed"] is True


def test_a_pass_with_latent_findings_keeps_to_the_schema(bank: ModuleType) -> None:
    report = json.loads(json.dumps(explore(bank.notes).to_json()))
    check(report, REPORT)
    assert report["failure"] is None
    assert [latent["label"] for latent in report["latent"]] == ["latent"]
