"""Warnings of the many runs of one test, of which each is passed on once."""

from __future__ import annotations

import warnings


class Recorded:
    """Warnings of many runs, of which each is passed on once."""

    def __init__(self) -> None:
        self._catching: warnings.catch_warnings[list[warnings.WarningMessage]] | None = None
        self._caught: list[warnings.WarningMessage] = []
        self._kept: dict[tuple[object, ...], warnings.WarningMessage] = {}

    def start(self) -> None:
        """Records from now on."""
        self._catching = warnings.catch_warnings(record=True)
        self._caught = self._catching.__enter__()

    def stop(self) -> None:
        """Stops recording."""
        if self._catching is None:
            return
        self._catching.__exit__(None, None, None)
        self._catching = None
        for warning in self._caught:
            key = warning.category, str(warning.message), warning.filename, warning.lineno
            self._kept.setdefault(key, warning)

    def give_back(self) -> None:
        """Gives what was recorded to whoever recorded before."""
        self.stop()
        kept, self._kept = self._kept, {}
        with warnings.catch_warnings():
            # What a filter makes an error of was raised in the test; what arrived here is to be shown.
            warnings.simplefilter("always")
            for warning in kept.values():
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno, source=warning.source
                )
