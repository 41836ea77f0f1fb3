"""Commands that fakeredis has not, or answers otherwise than Redis does."""

from __future__ import annotations

from typing import Any

from fakeredis import _msgs
from fakeredis._command_args_parsing import Int, Timeout
from fakeredis._commands import Signature
from fakeredis._core import CommandItem
from fakeredis._helpers import OK, NoResponse, SimpleError, SimpleString
from fakeredis._socket import FakeSocket

_NEEDS_AUTH = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> "
    "option can be used to authenticate the client and select the RESP protocol version at the same time"
)
_NO_PASSWORD = (
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
    "configuration is correct?"
)


class Commands(FakeSocket):
    """What a connection of fakeredis can be asked, and more.

    Attributes:
        _version: of the server, as it calls itself.
        _is_known: whether the client has given the password, or needs none.
        _only_user: who may use it, where the default user may not; else "".
    """

    _version: str
    _is_known: bool
    _only_user: str

    def _unsubscribe(self, channels: Any, subscribers: dict[bytes, Any], mtype: bytes) -> NoResponse:
        if not channels and not any(self in subs for subs in subscribers.values()):
            self.put_response([mtype, None, self._pubsub])
            return NoResponse()
        super()._unsubscribe(channels, subscribers, mtype)
        return NoResponse()

    def _auth(self, *args: bytes) -> SimpleString:
        if len(args) == 1 or args[:1] == (b"default",):
            if self._only_user:
                raise SimpleError(_msgs.AUTH_FAILURE)
            if len(args) == 1 and not self._server.config.get(b"requirepass"):
                raise SimpleError(_NO_PASSWORD)
        super()._auth(*args)
        self._is_known = True
        return OK

    def hello(self, *args: bytes) -> dict[str, Any]:
        """Chooses the version of RESP."""
        version = self._client_info.protocol_version
        if args:
            version = Int.decode(args[0], "ERR Protocol version is not an integer or out of range")
            if version not in (2, 3):
                raise SimpleError("NOPROTO unsupported protocol version")
        rest = list(args[1:])
        while rest:
            option = rest.pop(0).lower()
            if option == b"auth" and len(rest) > 1:
                self._auth(rest.pop(0), rest.pop(0))
            elif option == b"setname" and rest:
                self._client_info["name"] = rest.pop(0).decode("utf-8", "replace")
            else:
                raise SimpleError(f"ERR Syntax error in HELLO option '{option.decode('utf-8', 'replace')}'")
        if not self._is_known:
            raise SimpleError(_NEEDS_AUTH)
        self._client_info["resp"] = version
        return {
            "server": self._server.server_type,
            "version": self._version,
            "proto": version,
            "id": self._client_info["id"],
            "mode": "standalone",
            "role": "master",
            "modules": [],
        }

    def own_quit(self, *_: bytes) -> SimpleString:
        """Ends the connection."""
        self._killed = True
        return OK

    def own_wait(self, replicas: int, milliseconds: int) -> Any:
        """Waits for replicas, of which there are none."""
        if milliseconds < 0:
            raise SimpleError("ERR timeout is negative")
        if replicas <= 0:
            return 0
        return self._blocking(milliseconds / 1000, lambda _: None, lambda _: 0)

    def own_blmove(
        self, source: bytes, target: bytes, wherefrom: bytes, whereto: bytes, timeout: float
    ) -> Any:
        """Moves an element from list to list, and waits for one."""
        sides = (_is_left(wherefrom), _is_left(whereto))
        return self._blocking(timeout, lambda is_first: self._carry(source, target, *sides, is_first))

    def _carry(self, source: bytes, target: bytes, from_left: bool, to_left: bool, is_first: bool) -> Any:
        taken = CommandItem(source, self._db, item=self._db.get(source), default=[])
        given = (
            taken
            if source == target
            else CommandItem(target, self._db, item=self._db.get(target), default=[])
        )
        if not isinstance(taken.value, list):
            if is_first:
                raise SimpleError(_msgs.WRONGTYPE_MSG)
            return None
        if not taken.value:
            return None
        if not isinstance(given.value, list):
            raise SimpleError(_msgs.WRONGTYPE_MSG)
        element = taken.value.pop(0 if from_left else -1)
        given.value.insert(0 if to_left else len(given.value), element)
        for item in {id(taken): taken, id(given): given}.values():
            item.updated()
            item.writeback()
        return element


def _is_left(where: bytes) -> bool:
    if where.lower() not in (b"left", b"right"):
        raise SimpleError(_msgs.SYNTAX_ERROR_MSG)
    return where.lower() == b"left"


def _command(name: str, *fixed: Any, repeat: tuple[Any, ...] = (), flags: str = "") -> Signature:
    return Signature(name, f"own_{name}", fixed, repeat, flags=flags)


OWN = {
    "quit": _command("quit", repeat=(bytes,)),
    "wait": _command("wait", Int, Int),
    "blmove": _command("blmove", bytes, bytes, bytes, bytes, Timeout, flags=_msgs.FLAG_NO_SCRIPT),
}
"""The commands that are looked for here first."""
