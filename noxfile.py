"""Tests against the built wheel on every supported Python, so that what is shipped is what is tested."""

from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = True

IS_INSTALLED = "import interlace; assert 'site-packages' in interlace.__file__, interlace.__file__"


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    dist = Path(session.create_tmp())
    for old in dist.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", str(dist), ".")
    session.install(f"{next(dist.glob('*.whl'))}[test]")
    session.run("python", "-c", IS_INSTALLED)
    session.run(
        *("pytest", "-n", "2", "-m"),
        "not corpus and not suites and not peers and not matrix and not cpython",
        *session.posargs,
    )


@nox.session
def lint(session: nox.Session) -> None:
    session.install("-e", ".[dev]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("pyright")
    session.run("lint-imports", "--no-logo")
    session.run("python", "scripts/check_changelog.py")
