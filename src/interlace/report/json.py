"""The report as data: the schema `interlace/1`, see docs/reference/json.md."""

from __future__ import annotations

from typing import Any

from interlace.model.outcome import Outcome
from interlace.model.verdict import Failure, Findings
from interlace.report.story import LIMIT, tell

SCHEMA = "interlace/1"
"""The name of the schema. It changes when a field is renamed or removed, not when one is added."""


def findings_to_json(findings: Findings) -> dict[str, Any]:
    """Returns the report of a search as data that `json.dumps` takes."""
    verdict = findings.verdict
    return {
        "schema": SCHEMA,
        "verdict": {
            "status": verdict.status,
            "extent": verdict.extent,
            "kind": verdict.kind,
            "number": verdict.number,
            "note": verdict.note,
        },
        "runs": findings.runs,
        "failure": None if findings.failure is None else _failure(findings.failure),
        "further": [_failure(failure) for failure in findings.failures[1:]],
        "latent": [_failure(failure) for failure in findings.latent],
        "needed": list(findings.needed),
        "plain": _plain(findings.plain),
    }


def _plain(outcome: Outcome) -> dict[str, Any]:
    return {
        "virtual_seconds": outcome.elapsed,
        "steps": len(outcome.trace),
        "trace_hash": outcome.trace_hash,
        "passed": not outcome.failed,
    }


def _failure(failure: Failure) -> dict[str, Any]:
    smallest = failure.smallest
    return {
        "type": failure.type,
        "message": failure.message,
        "values": list(smallest.asserted),
        "label": failure.label,
        "token": failure.token,
        "constraints": list(failure.constraints),
        "runs_to_failure": failure.runs_to_failure,
        "shrink_replays": failure.shrink_replays,
        "note": failure.note,
        "background": list(smallest.background),
        "deviations": [
            {
                "kind": deviation.kind,
                "subject": deviation.subject,
                "option": deviation.option,
                "occurrence": deviation.occurrence,
            }
            for deviation in failure.deviations
        ],
        "story": _story(failure),
        "virtual_seconds": smallest.elapsed,
        "trace_hash": smallest.trace_hash,
    }


def _story(failure: Failure) -> list[dict[str, Any]]:
    return [
        {
            "time": row.time / 1e9,
            "task": row.task,
            "file": row.place.file,
            "line": row.place.line,
            "function": row.place.function,
            "source": row.text,
            "role": row.role,
        }
        for row in tell(failure.smallest, failure.twin, limit=LIMIT).rows
        if row.place is not None
    ]
