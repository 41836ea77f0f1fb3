"""What was read of a suite, as data: the schema `interlace-doctor/1`, see docs/reference/json.md."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from interlace.cli.doctor.examined import Case, Change, Examined, Place
from interlace.cli.doctor.facts import UNKNOWN, Fixture, Mark, Spot

SCHEMA = "interlace-doctor/1"
"""The name of the schema. It changes when a field is renamed or removed, not when one is added."""


def to_json(examined: Examined, changes: Sequence[Change]) -> dict[str, Any]:
    """Returns the report as data that `json.dumps` takes; paths are relative to the rootdir."""
    settings, root = examined.settings, str(examined.settings.root)
    section = settings.section
    return {
        "schema": SCHEMA,
        "root": root,
        "configuration": {
            "file": None if section is None else os.path.relpath(section.file, root),
            "section": None if section is None else section.name,
            "options": {}
            if section is None
            else {key: _plain(value) for key, value in section.values.items()},
            "take_over": list(settings.take_over),
        },
        "pytest": examined.installed.pytest or None,
        "plugins": [
            {
                "package": one.package,
                "version": one.version,
                "names": list(one.names),
                "loaded": not one.disabled,
            }
            for one in examined.installed.plugins
        ],
        "files": len(examined.suite.modules),
        "sync_tests": len(examined.sync),
        "tests": [_test(case, root) for case in examined.cases],
        "fixtures": [_fixture(one, examined, root) for one in examined.async_fixtures],
        "changes": [_change(change, root) for change in changes],
    }


def _test(case: Case, root: str) -> dict[str, Any]:
    return {
        "name": case.test.function.name,
        **_spot(case.test.function.spot, root),
        "kind": case.claim.kind,
        "markers": [_mark(mark) for mark in case.test.marks],
        "without_interlace": case.claim.without,
        "with_interlace": case.claim.beside,
        "with_take_over": case.claim.instead,
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {"name": mark.name, "arguments": {key: _plain(value) for key, value in mark.arguments.items()}}


def _fixture(fixture: Fixture, examined: Examined, root: str) -> dict[str, Any]:
    return {
        "name": fixture.name,
        **_spot(fixture.function.spot, root),
        "declared_by": fixture.by,
        "scope": fixture.scope or None,
        "loop_scope": examined.fixture_loop(fixture) or None,
        "autouse": fixture.autouse,
    }


def _change(change: Change, root: str) -> dict[str, Any]:
    setting = change.setting
    return {
        "code": change.code,
        "must": change.must,
        "title": change.title,
        "places": [_place(place, root) for place in change.places],
        "setting": None if setting is None else {"where": setting[0], "type": setting[1]},
    }


def _place(place: Place, root: str) -> dict[str, Any]:
    return {
        **_spot(place.spot, root),
        "about": place.about,
        "type": [{**_spot(edit.spot, root), "text": edit.text} for edit in place.edits],
        "delete_to": place.delete or None,
    }


def _spot(spot: Spot, root: str) -> dict[str, Any]:
    return {"file": os.path.relpath(spot.file, root), "line": spot.line or None}


def _plain(value: object) -> object:
    """Returns a value that JSON has, or how it is written."""
    if value is UNKNOWN:
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return repr(value)
