"""`interlace doctor`: reads a suite without running it, and says who runs what and what to change."""

from __future__ import annotations

import argparse
import os
import sys

from interlace.cli.doctor.advice import changes
from interlace.cli.doctor.collecting import start_of
from interlace.cli.doctor.data import to_json
from interlace.cli.doctor.examined import examine
from interlace.cli.doctor.installed import find_packages, read_packages, switch_off
from interlace.cli.doctor.settings import find_settings
from interlace.cli.doctor.show import to_text
from interlace.cli.terminal import check_writable, wants_color, width, write_json

__all__ = ["doctor"]


def doctor(options: argparse.Namespace) -> int:
    """Examines the suite that was named and returns 1 if there is something to change."""
    start = start_of(options.path)
    if options.json is not None:
        check_writable(options.json)
    installed = read_packages(find_packages())
    settings = find_settings(start, os.environ, installed.pytest_version)
    examined = examine(start, settings, switch_off(installed, settings))
    found = changes(examined)
    sys.stdout.write(to_text(examined, found, color=wants_color(), width=width(), verbose=options.verbose))
    if options.json is not None:
        write_json(options.json, to_json(examined, found))
    return 1 if any(change.must for change in found) else 0
