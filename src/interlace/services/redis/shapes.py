"""What Redis makes of the results of commands where fakeredis makes something else: nothing, sets, fractions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fakeredis import _msgs
from fakeredis._commands import Signature
from fakeredis._helpers import SimpleError

from interlace.services.redis.wire import NO_ARRAY, Unordered, shown

_SETS = frozenset({"smembers", "sinter", "sunion", "sdiff"})
_NO_ARRAYS = {
    **dict.fromkeys(("blpop", "brpop", "bzpopmin", "bzpopmax", "blmpop", "bzmpop", "lmpop", "zmpop"), 0),
    **dict.fromkeys(("brpoplpush", "blmove", "exec", "xread", "xreadgroup"), 0),
    "lpop": 2,
    "rpop": 2,
    "zrank": 3,
    "zrevrank": 3,
}
"""Commands whose nothing is no array, where others have no string; and with how many arguments."""

_EMPTY_IF_MORE = frozenset({"hrandfield", "srandmember", "zrandmember", "spop"})
"""Commands that have an empty array where they are asked for a number of things."""

_NEVER = 1 << 30
_SCRIPTS = frozenset({"eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro"})

_PLAIN = _msgs.FLAG_SKIP_CONVERT_TO_RESP2


@lru_cache(maxsize=1024)
def plain(signature: Signature) -> Signature:
    """Returns a signature by which fakeredis leaves a result as it is, where it would write fractions in its own way."""
    if _PLAIN in signature.flags:
        return signature
    flags = "".join(sorted({*signature.flags, _PLAIN}))
    name, repeat, arguments = signature.name, signature.repeat, signature.command_args
    return Signature(
        name, signature.func_name, signature.fixed, repeat, arguments, flags, signature.server_types
    )


def shaped(name: str, count: int, result: Any, version: int) -> Any:
    """Returns the result of a command as Redis gives it.

    Args:
        name: of the command, in small letters.
        count: how many arguments it had.
        result: what fakeredis gives.
        version: of RESP, or of the replies that a script has chosen.
    """
    kind = type(result)
    if kind is bytes or kind is int:
        return result
    if result is None:
        if count >= _NO_ARRAYS.get(name, _NEVER):
            return NO_ARRAY
        if count > 1 and name in _EMPTY_IF_MORE:
            return Unordered() if name == "spop" else []
        return None
    if kind is list and name in _SETS:
        return Unordered(sorted(result))
    if kind is list and name == "spop":
        return Unordered(result)
    if not result and name in ("xread", "xreadgroup"):
        return NO_ARRAY
    if isinstance(result, SimpleError):
        return coded(name, result)
    if name == "xpending" and kind is list and count == 2:
        consumers = [[who, b"%d" % number] for who, number in result[3]]
        result = [*result[:3], consumers or NO_ARRAY]
    elif name == "geopos" and kind is list:
        result = [NO_ARRAY if place is None else place for place in result]
    elif name == "geodist" and kind is float:
        return b"%.4f" % result
    elif name == "zrandmember" and count == 1 and not result:
        return None
    elif name == "zscan" and kind is list:
        scores = result[1]
        result = [result[0], [shown(float(one)) if at % 2 else one for at, one in enumerate(scores)]]
    return flat(result) if version == 2 else result


def flat(value: Any) -> Any:
    """Returns a result in the types of RESP2: fractions and texts are bytes, maps are lists."""
    kind = type(value)
    if kind is bytes or kind is int or value is None:
        return value
    if isinstance(value, dict):
        return [flat(item) for pair in value.items() for item in pair]
    if isinstance(value, (list, tuple)):
        return kind([flat(item) for item in value])
    if isinstance(value, float):
        return shown(value)
    return value.encode() if isinstance(value, str) else value


def coded(name: str, error: SimpleError) -> SimpleError:
    """Returns an error that begins with its code; scripts may have codes of their own, or none."""
    if name in _SCRIPTS:
        return error
    text = error.value.removeprefix("ERR BUSYGROUP ").removeprefix("BUSYGROUP ")
    if text != error.value:
        return SimpleError(f"BUSYGROUP {text}")
    if name == "xreadgroup" and text == _msgs.XGROUP_KEY_NOT_FOUND_MSG:
        return SimpleError("NOGROUP No such key or consumer group in XREADGROUP with GROUP option")
    code = text.partition(" ")[0]
    return SimpleError(f"ERR {text}") if not code.isupper() or code == "RANK" else error
