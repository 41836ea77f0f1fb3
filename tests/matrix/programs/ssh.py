"""asyncssh: its own client and server; commands, a forwarded port, SFTP."""

import asyncio
from functools import cache
from typing import Any

import asyncssh
from place import Place, everywhere


@cache
def key(name: str) -> Any:
    return asyncssh.generate_private_key("ssh-ed25519")


@everywhere(tls=False)
async def client_and_server(place: Place) -> None:
    async def run(process: Any) -> None:
        async for line in process.stdin:
            process.stdout.write(line.upper())
        process.exit(3)

    class Anybody(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, shown: Any) -> bool:
            return bool(shown == key("client").convert_to_public())

    with place.here():
        server = await asyncssh.listen(
            place.host,
            place.port,
            server_factory=Anybody,
            server_host_keys=[key("server")],
            process_factory=run,
        )
    port = server.sockets[0].getsockname()[1]
    known = asyncssh.import_known_hosts(f"* {key('server').export_public_key().decode()}")
    async with asyncssh.connect(
        place.name, port, username="ann", client_keys=[key("client")], known_hosts=known, config=None
    ) as connection:
        results = await asyncio.gather(*(connection.run("shout", input=f"tea {n}\n" * 50) for n in range(2)))
        assert [result.stdout for result in results] == ["TEA 0\n" * 50, "TEA 1\n" * 50]
        assert results[0].exit_status == 3
    server.close()
    await server.wait_closed()
