"""Check that every news fragment has a valid name and text, and that there is one, or a release."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TYPES = ("added", "changed", "fixed", "removed")


def problems() -> list[str]:
    found: list[str] = []
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    for path in fragments:
        parts = path.name.split(".")
        if len(parts) != 3 or parts[1] not in TYPES or parts[2] != "md":
            found.append(f"{path.name}: not named <issue>.<type>.md with a type of {', '.join(TYPES)}")
        elif not path.read_text().strip():
            found.append(f"{path.name}: empty")
    if not fragments and "\n## " not in (ROOT / "CHANGELOG.md").read_text():
        found.append("neither a fragment in changelog.d nor a release in CHANGELOG.md")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(problems()) or None)
