"""Commands that fakeredis has not, or answers otherwise than Redis does."""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal, localcontext
from typing import Any

from fakeredis import _msgs
from fakeredis._command_args_parsing import Float, Int, Timeout
from fakeredis._commands import Key, Signature
from fakeredis._core import CommandItem
from fakeredis._helpers import OK, NoResponse, SimpleError, SimpleString, compile_pattern
from fakeredis._socket import FakeSocket
from fakeredis.model import ExpiringMembersSet, Hash

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
        _needs_no_password: whether it needs none.
        _only_user: who may use it, where the default user may not; else "".
    """

    _version: str
    _is_known: bool
    _needs_no_password: bool
    _only_user: str
    _passwords = 0

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

    def reset(self) -> SimpleString:
        """Has the connection be as a new one, whose client has to give the password again."""
        result: SimpleString = super().reset()
        self._is_known = self._needs_no_password
        return result

    def own_quit(self, *_: bytes) -> SimpleString:
        """Ends the connection."""
        self._killed = True
        return OK

    def own_info(self, *sections: bytes) -> bytes:
        """Tells what clients look for: versions, the role, how many clients and keys there are."""
        server = self._server
        kind = server.server_type
        about = {
            "server": {
                f"{kind}_version": self._version,
                "redis_version": self._version,
                "redis_mode": "standalone",
            },
            "clients": {
                "connected_clients": len(server.sockets),
                "blocked_clients": sum(one._blocked for one in server.sockets),
            },
            "replication": {"role": "master", "connected_slaves": 0},
            "keyspace": {
                f"db{number}": f"keys={len(db)},expires={sum(item.expireat is not None for item in db.values())},avg_ttl=0"
                for number, db in sorted(server.dbs.items())
                if len(db)
            },
        }
        wanted = {section.decode("utf-8", "replace").lower() for section in sections} - {
            "all",
            "default",
            "everything",
        }
        lines: list[str] = []
        for section, values in about.items():
            if not wanted or section in wanted:
                lines += [
                    f"# {section.capitalize()}",
                    *(f"{name}:{value}" for name, value in values.items()),
                    "",
                ]
        return "\r\n".join(lines).encode()

    def own_acl_genpass(self, *bits: bytes) -> bytes:
        """Makes a password, the same in every run."""
        size = Int.decode(bits[0]) if bits else 256
        if not 0 < size <= 4096:
            raise SimpleError(
                "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"
            )
        self._passwords += 1
        made = hashlib.shake_256(f"{self._client_info['id']} {self._passwords}".encode())
        return made.hexdigest(size // 8 + 1)[: (size + 3) // 4].encode()

    def own_config_get(self, *patterns: bytes) -> dict[bytes, bytes]:
        """Tells the settings: those that were set, and some that clients look for."""
        settings = {**_SETTINGS, **self._server.config}
        wanted = [compile_pattern(pattern.lower()) for pattern in patterns]
        return {name: value for name, value in settings.items() if any(one.match(name) for one in wanted)}

    def own_client_getname(self) -> bytes | None:
        """Returns the name that the client has given itself."""
        return str(self._client_info.get("name", "")).encode() or None

    def own_wait(self, replicas: int, milliseconds: int) -> Any:
        """Waits for replicas, of which there are none."""
        if milliseconds < 0:
            raise SimpleError("ERR timeout is negative")
        if replicas <= 0:
            return 0
        return self._blocking(milliseconds / 1000, lambda _: None, lambda _: 0)

    # -- strings and hashes ----------------------------------------------------------------------

    def own_incrbyfloat(self, key: CommandItem, amount: bytes) -> bytes:
        """Adds a fraction to a number, with the digits of a long double."""
        result = _sum(key.get(b"0"), amount, _msgs.INVALID_FLOAT_MSG)
        key.update(result)
        return result

    def own_hincrbyfloat(self, key: CommandItem, field: bytes, amount: bytes) -> bytes:
        """The same in a hash."""
        result = _sum(key.value.get(field, b"0"), amount, "ERR hash value is not a float")
        key.value.update({field: result}, clear_expiration=False)
        key.updated()
        self.add_subkey_event(b"hincrbyfloat", key.key, (field,))
        return result

    # -- lists -----------------------------------------------------------------------------------

    def own_lmove(self, source: bytes, target: bytes, wherefrom: bytes, whereto: bytes) -> Any:
        """Moves an element from list to list."""
        return self._carry(source, target, _is_left(wherefrom), _is_left(whereto), True)

    def own_blmove(
        self, source: bytes, target: bytes, wherefrom: bytes, whereto: bytes, timeout: float
    ) -> Any:
        """The same, and waits for an element."""
        sides = (_is_left(wherefrom), _is_left(whereto))
        return self._blocking(timeout, lambda is_first: self._carry(source, target, *sides, is_first))

    def _carry(self, source: bytes, target: bytes, from_left: bool, to_left: bool, is_first: bool) -> Any:
        taken = self._item(source, [])
        given = taken if source == target else self._item(target, [])
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

    def _item(self, key: bytes, default: Any = None) -> CommandItem:
        return CommandItem(key, self._db, item=self._db.get(key), default=default)

    # -- keys and sets ---------------------------------------------------------------------------

    def own_touch(self, *keys: bytes) -> int:
        """Counts the keys that are there."""
        return sum(key in self._db for key in keys)

    def own_sintercard(self, number: int, *args: bytes) -> int:
        """Counts the members that sets have in common."""
        keys, rest = args[:number], args[number:]
        if number < 1:
            raise SimpleError(_msgs.NUMKEYS_GREATER_THAN_ZERO_MSG)
        if number > len(args):
            raise SimpleError(_msgs.TOO_MANY_KEYS_MSG)
        if rest and (len(rest) != 2 or rest[0].lower() != b"limit"):
            raise SimpleError(_msgs.SYNTAX_ERROR_MSG)
        limit = Int.decode(rest[1], _msgs.LIMIT_NEGATIVE_MSG) if rest else 0
        if limit < 0:
            raise SimpleError(_msgs.LIMIT_NEGATIVE_MSG)
        sets = [self._item(key).value for key in keys]
        if any(one is not None and not isinstance(one, ExpiringMembersSet) for one in sets):
            raise SimpleError(_msgs.WRONGTYPE_MSG)
        if not all(sets):
            return 0
        size = sum(all(member in one for one in sets) for member in sets[0])
        return min(size, limit) if limit else size

    def own_pfmerge(self, target: CommandItem, *sources: CommandItem) -> SimpleString:
        """Adds what others have counted to what one has."""
        merged = ExpiringMembersSet()
        for item in (target, *sources):
            merged.update(item.value)
        target.value = merged
        return OK


def _sum(number: bytes, amount: bytes, what: str) -> bytes:
    """Adds two numbers as Redis does in its long doubles: 17 digits after the point, without zeros at the end."""
    if not isinstance(number, bytes):
        raise SimpleError(_msgs.WRONGTYPE_MSG)
    values = (Float.decode(amount), Float.decode(number, decode_error=what))
    if not all(map(math.isfinite, values)) or not math.isfinite(sum(values)):
        raise SimpleError(_msgs.NONFINITE_MSG)
    with localcontext() as digits:
        digits.prec = 400
        total = (Decimal(number.decode()) + Decimal(amount.decode())).quantize(Decimal("1e-17"))
        text = f"{total:f}".rstrip("0").rstrip(".")
    return b"0" if text == "-0" else text.encode()


def _is_left(where: bytes) -> bool:
    if where.lower() not in (b"left", b"right"):
        raise SimpleError(_msgs.SYNTAX_ERROR_MSG)
    return where.lower() == b"left"


def _command(name: str, *fixed: Any, repeat: tuple[Any, ...] = (), flags: str = "") -> Signature:
    return Signature(name, f"own_{name}", fixed, repeat, flags=flags)


_SETTINGS = {
    b"appendonly": b"no",
    b"databases": b"16",
    b"maxmemory": b"0",
    b"maxmemory-policy": b"noeviction",
    b"notify-keyspace-events": b"",
    b"requirepass": b"",
    b"save": b"",
    b"timeout": b"0",
}

_SET = Key(ExpiringMembersSet)

OWN = {
    "quit": _command("quit", repeat=(bytes,)),
    "wait": _command("wait", Int, Int),
    "info": _command("info", repeat=(bytes,)),
    "acl genpass": _command("acl_genpass", repeat=(bytes,)),
    "config get": _command("config_get", bytes, repeat=(bytes,)),
    "client getname": _command("client_getname"),
    "lmove": _command("lmove", bytes, bytes, bytes, bytes),
    "pfmerge": _command("pfmerge", _SET, repeat=(_SET,)),
    "touch": _command("touch", bytes, repeat=(bytes,)),
    "sintercard": _command("sintercard", Int, bytes, repeat=(bytes,)),
    "incrbyfloat": _command("incrbyfloat", Key(bytes), bytes),
    "hincrbyfloat": _command("hincrbyfloat", Key(Hash), bytes, bytes),
    "blmove": _command("blmove", bytes, bytes, bytes, bytes, Timeout, flags=_msgs.FLAG_NO_SCRIPT),
}
"""The commands that are looked for here first."""
