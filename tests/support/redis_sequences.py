"""Sequences of Redis commands, the same from run to run: what a fake and a real server are asked alike."""

import random
from typing import NamedTuple

TEMPLATES = {
    "strings": """
        SET {s} {v} | SET {s} {i} | SET {s} {v} NX | SET {s} {v} XX | SET {s} {v} GET | SET {s} {v} EX 100
        SET {s} {v} PX 100000 KEEPTTL | SET {s} {v} KEEPTTL | SETNX {s} {v} | SETEX {s} 100 {v} | PSETEX {s} 100000 {v}
        SETEX {s} 0 {v} | SETEX {s} x {v} | GET {s} | GETSET {s} {v} | GETDEL {s} | GETEX {s} EX 50 | GETEX {s} PERSIST
        MSET {s} {v} {s} {v} | MSETNX {s} {v} {s} {v} | MGET {s} {s} {any} | APPEND {s} {v} | STRLEN {s}
        GETRANGE {s} {i} {i} | SETRANGE {s} {n} {v} | SETRANGE {s} -1 {v} | INCR {s} | DECR {s} | INCRBY {s} {i}
        DECRBY {s} {i} | INCRBYFLOAT {s} {f} | INCRBY {s} x | LCS {s} {s} | LCS {s} {s} LEN
        SETBIT {s} {n} 1 | SETBIT {s} {n} 2 | GETBIT {s} {n} | BITCOUNT {s} | BITCOUNT {s} 0 -1 | BITPOS {s} 1
        BITOP AND {s} {s} {s} | BITOP NOT {s} {s} | BITFIELD {s} INCRBY u4 0 3 GET u4 0 | SUBSTR {s} 0 2
    """,
    "lists": """
        LPUSH {l} {v} {v} | RPUSH {l} {v} {v} | LPUSHX {l} {v} | RPUSHX {l} {v} | LPOP {l} | RPOP {l} | LPOP {l} 2
        RPOP {l} 0 | LPOP {l} -1 | LLEN {l} | LRANGE {l} 0 -1 | LRANGE {l} {i} {i} | LINDEX {l} {i} | LSET {l} {i} {v}
        LINSERT {l} BEFORE {v} {v} | LINSERT {l} AFTER {v} {v} | LINSERT {l} NEAR {v} {v} | LREM {l} {i} {v}
        LTRIM {l} {i} {i} | RPOPLPUSH {l} {l} | LMOVE {l} {l} LEFT RIGHT | LMOVE {l} {l} RIGHT LEFT
        LMOVE {l} {l} UP DOWN | LPOS {l} {v} | LPOS {l} {v} COUNT 0 | LPOS {l} {v} RANK -1 | LPOS {l} {v} RANK 0
        LMPOP 2 {l} {l} LEFT | LMPOP 1 {l} RIGHT COUNT 2 | LMPOP 0 {l} LEFT | BLPOP {l} {l} 0.01 | BRPOP {l} 0.01
        BLMOVE {l} {l} LEFT LEFT 0.01 | BLMPOP 0.01 1 {l} LEFT | BRPOPLPUSH {l} {l} 0.01 | BLPOP {l} -1 | BLPOP {l} x
        SORT {l} | SORT {l} ALPHA | SORT {l} ALPHA DESC LIMIT 0 2 | SORT {l} BY nosort GET # | SORT {l} ALPHA STORE {l}
    """,
    "hashes": """
        HSET {h} {m} {v} | HSET {h} {m} {v} {m} {v} | HSET {h} {m} | HSETNX {h} {m} {v} | HMSET {h} {m} {v} | HGET {h} {m}
        HMGET {h} {m} {m} | HGETALL {h} | HDEL {h} {m} {m} | HEXISTS {h} {m} | HLEN {h} | HKEYS {h} | HVALS {h}
        HSTRLEN {h} {m} | HINCRBY {h} {m} {i} | HINCRBYFLOAT {h} {m} {f} | HINCRBY {h} {m} x | HSCAN {h} 0
        HSCAN {h} 0 MATCH a* COUNT 100 | HRANDFIELD {h} 0 | HEXPIRE {h} 100 FIELDS 1 {m} | HTTL {h} FIELDS 1 {m}
        HPERSIST {h} FIELDS 1 {m} | HPTTL {h} FIELDS 2 {m} missing
    """,
    "sets": """
        SADD {t} {m} {m} | SREM {t} {m} | SMEMBERS {t} | SISMEMBER {t} {m} | SMISMEMBER {t} {m} {m} | SCARD {t}
        SINTER {t} {t} | SUNION {t} {t} | SDIFF {t} {t} | SINTERSTORE {t} {t} {t} | SUNIONSTORE {t} {t} {t}
        SDIFFSTORE {t} {t} {t} | SINTERCARD 2 {t} {t} | SINTERCARD 2 {t} {t} LIMIT 1 | SINTERCARD 0 {t} | SMOVE {t} {t} {m}
        SPOP {t} 10 | SPOP {t} 0 | SPOP {t} -1 | SRANDMEMBER {t} 0 | SRANDMEMBER {t} 20 | SSCAN {t} 0
        SSCAN {t} 0 COUNT 100 | SORT {t} ALPHA
    """,
    "zsets": """
        ZADD {z} {f} {m} | ZADD {z} {i} {m} {i} {m} | ZADD {z} NX {i} {m} | ZADD {z} XX CH {i} {m} | ZADD {z} GT {i} {m}
        ZADD {z} INCR {i} {m} | ZADD {z} NX GT {i} {m} | ZADD {z} x {m} | ZADD {z} inf {m} | ZREM {z} {m} | ZCARD {z}
        ZSCORE {z} {m} | ZMSCORE {z} {m} {m} | ZINCRBY {z} {f} {m} | ZRANK {z} {m} | ZREVRANK {z} {m}
        ZRANK {z} {m} WITHSCORE | ZCOUNT {z} -inf +inf | ZCOUNT {z} ({i} {i} | ZRANGE {z} 0 -1 | ZRANGE {z} 0 -1 WITHSCORES
        ZRANGE {z} {i} {i} REV | ZRANGE {z} -inf +inf BYSCORE LIMIT 0 2 | ZREVRANGE {z} 0 -1
        ZREVRANGE {z} 0 -1 WITHSCORES | ZRANGEBYSCORE {z} {i} +inf WITHSCORES | ZREVRANGEBYSCORE {z} +inf {i}
        ZRANGEBYSCORE {z} x y | ZREMRANGEBYRANK {z} {i} {i}
        ZREMRANGEBYSCORE {z} {i} {i} | ZPOPMIN {z} | ZPOPMAX {z} 2 | ZPOPMIN {z} -1
        ZUNION 2 {z} {z} WITHSCORES | ZINTER 2 {z} {z} | ZDIFF 2 {z} {z} WITHSCORES | ZUNIONSTORE {z} 2 {z} {z} WEIGHTS 2 3
        ZINTERSTORE {z} 2 {z} {z} AGGREGATE MAX | ZDIFFSTORE {z} 2 {z} {z} | ZINTERCARD 2 {z} {z} | ZMPOP 1 {z} MIN
        ZMPOP 2 {z} {z} MAX COUNT 2 | ZRANGESTORE {z} {z} 0 1 | BZPOPMIN {z} 0.01 | BZPOPMAX {z} {z} 0.01
        BZMPOP 0.01 1 {z} MIN | ZSCAN {z} 0 | ZRANDMEMBER {z} 0 | ZUNION 0 {z} | ZUNION 1 {t}
    """,
    "words": """
        ZADD y0 0 {m} | ZADD y0 0 {m} 0 {m} | ZADD y0 0 {m}{m} | ZREM y0 {m} | ZRANGE y0 [a [c BYLEX | ZRANGE y0 (c - BYLEX REV
        ZRANGEBYLEX y0 - + | ZRANGEBYLEX y0 [b + LIMIT 1 2 | ZREVRANGEBYLEX y0 + (a | ZLEXCOUNT y0 - [c
        ZREMRANGEBYLEX y0 [a (b | ZRANGEBYLEX y0 a b | ZLEXCOUNT y0 [b (d | ZRANGEBYLEX y9 - +
    """,
    "streams": """
        XADD {x} {e}-1 a {v} | XADD {x} {e}-1 a {v} b {v} | XADD {x} NOMKSTREAM {e}-2 a {v} | XADD {x} 0-0 a b | XLEN {x}
        XADD {x} MAXLEN 3 {e}-3 a {v} | XRANGE {x} - + | XRANGE {x} - + COUNT 2 | XREVRANGE {x} + - | XRANGE {x} {e} +
        XDEL {x} {e}-1 | XTRIM {x} MAXLEN 2 | XTRIM {x} MINID {e} | XREAD COUNT 2 STREAMS {x} 0 | XREAD STREAMS x0 x1 0 0
        XREAD BLOCK 10 STREAMS {x} $ | XREAD STREAMS {x} | XGROUP CREATE {x} g 0 MKSTREAM | XGROUP CREATE {x} g $
        XGROUP DESTROY {x} g | XGROUP CREATECONSUMER {x} g ann | XGROUP DELCONSUMER {x} g ann | XGROUP SETID {x} g 0
        XREADGROUP GROUP g ann COUNT 2 STREAMS {x} > | XREADGROUP GROUP g ann STREAMS {x} 0 | XACK {x} g {e}-1
        XREADGROUP GROUP g bob BLOCK 10 STREAMS {x} > | XPENDING {x} g
    """,
    "keys": """
        DEL {any} {any} | UNLINK {any} | EXISTS {any} {any} | TYPE {any} | KEYS * | KEYS s* | KEYS [a-l]? | DBSIZE | RENAME {any} {any}
        RENAMENX {any} {any} | COPY {any} {any} | COPY {any} {any} REPLACE | TOUCH {any} {any} | EXPIRE {any} 100
        EXPIRE {any} 100 NX | EXPIRE {any} 50 GT | EXPIRE {any} 200 LT | EXPIRE {any} 200 XX | EXPIRE {any} -1
        EXPIRE {any} x | PEXPIRE {any} 100000 | EXPIREAT {any} 9999999999 | EXPIRETIME {any} | PEXPIREAT {any} 9999999999000
        PEXPIRETIME {any} | TTL {any} | PERSIST {any} | SCAN 0 COUNT 100 | SCAN 0 MATCH s* COUNT 100 | SCAN 0 TYPE list COUNT 100
        SELECT 1 | SELECT 0 | SELECT x | SWAPDB 0 1 | MOVE {any} 1 | FLUSHDB | RANDOMKEY missing | ECHO {v} | PING
        PING {v} | BREW tea | BREW | GET | CLIENT SETNAME ann | CLIENT GETNAME
    """,
    "transactions": """
        MULTI | MULTI | EXEC | EXEC | EXEC | DISCARD | WATCH {any} | UNWATCH | SET {s} {v} | INCR {s} | LPUSH {l} {v} | GET {s}
        BLPOP {l} 1 | HSET {h} {m} {i} | SMEMBERS {t} | ZADD {z} {i} {m} | BREW tea | GET | LPOP {l} 2 | SADD {t} {m}
        ZRANGE {z} 0 -1 WITHSCORES | HGETALL {h} | ZSCORE {z} {m}
    """,
    "places": """
        GEOADD g{n} 13.361389 38.115556 {m} | GEOADD g{n} 15.087269 37.502669 {m} | GEOADD g{n} 2.35 48.85 {m} -0.12 51.5 {m}
        GEOADD g0 13.361389 38.115556 a 15.087269 37.502669 b | GEOADD g0 NX 10 10 {m} | GEOADD g0 200 100 {m}
        GEODIST g0 {m} none | GEOPOS g0 missing | GEOHASH g0 {m} missing
        GEOSEARCH g0 FROMLONLAT 15 37 BYRADIUS 200 km ASC | GEOSEARCH g0 FROMMEMBER {m} BYRADIUS 500 km DESC
        GEOSEARCH g0 FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 1 | GEORADIUS g0 15 37 200 km ASC
        PFADD p{n} {m} {m} | PFADD p0 {v} | PFCOUNT p0 | PFCOUNT p0 p1 p2 | PFMERGE p0 p1 p2 | PFCOUNT {s}
        PFADD p1 {m} {m} {m} | ZCARD g0 | TYPE g0
    """,
    "groups": """
        XADD w0 {e}-1 a {v} | XADD w0 {e}-2 a {v} b {v} | XGROUP CREATE w0 g 0 MKSTREAM | XGROUP CREATE w0 g 0
        XREADGROUP GROUP g ann COUNT 2 STREAMS w0 > | XREADGROUP GROUP g bob STREAMS w0 > | XREADGROUP GROUP g ann STREAMS w0 0
        XACK w0 g {e}-1 | XACK w0 g {e}-2 {e}-1 | XPENDING w0 g | XLEN w0 | XDEL w0 {e}-1 | XCLAIM w0 g bob 0 {e}-1 JUSTID
        XAUTOCLAIM w0 g bob 0 0 JUSTID | XINFO CONSUMERS w9 g | XGROUP DELCONSUMER w0 g ann | XTRIM w0 MAXLEN 5
        XREADGROUP GROUP g eve NOACK COUNT 1 STREAMS w0 > | XRANGE w0 - + COUNT 3 | XREVRANGE w0 + {e} COUNT 2
    """,
    "others": """
        SET {s} {v} | SORT {l} BY nosort | LPUSH {l} {i} {i} | SORT {l} DESC | SORT {l} LIMIT 1 1 | SORT {l} BY *w | SORT {z}
        ZADD {z} {i} {m} | SADD {t} {i} | SORT {t} | SORT {t} STORE {l} | GETEX {s} EX 0 | GETEX {s} PX 100000
        SET {s} {v} EX 10 PX 10 | SET {s} {v} NX XX | SET {s} {v} EX 10 KEEPTTL | SET {s} {v} EXAT 9999999999
        COPY {any} {any} DB 1 | LPOS {l} {i} COUNT 2 MAXLEN 3 | LPOS {l} {i} COUNT -1 | BITFIELD {s} SET u8 0 65 GET i8 0
        BITCOUNT {s} 0 0 BIT | BITPOS {s} 0 0 -1
        SINTER {any} {any} | ZRANGESTORE z0 z1 0 -1 REV | HSET {h} {m} {i} | HINCRBY {h} {m} 9223372036854775807
        INCRBY {s} 9223372036854775807 | APPEND {any} {v} | SETRANGE {s} 3 {v} | EXPIRE {s} 100
        PERSIST {s} | PTTL none | ZADD {z} {i} {m} {i} | HGETDEL {h} FIELDS 1 {m} | GETDEL {any} | LCS {s} {s} IDX
        CLIENT SETINFO LIB-NAME x | CONFIG GET databases | CONFIG GET maxmemory-p* nothing | ECHO | SELECT 99 | EXPIRETIME none
    """,
    "scripts": """
        EVAL "return 1" 0 | EVAL "return redis.call('set', KEYS[1], ARGV[1])" 1 {s} {v}
        EVAL "return redis.call('get', KEYS[1])" 1 {any} | EVAL "return {{1, 2, {{3, 'x'}}, false, 4.5}}" 0
        EVAL "return redis.pcall('incr', KEYS[1])" 1 {any} | EVAL "return redis.call('incr', KEYS[1])" 1 {any}
        EVAL "return redis.error_reply('ODD no')" 0 | EVAL "return redis.status_reply('FINE')" 0 | EVAL "return nil" 0
        EVAL "return redis.call('lrange', KEYS[1], 0, -1)" 1 {l} | EVAL "return {{KEYS[1], ARGV[1]}}" 1 a b | EVAL "return 1" x
        EVAL "return redis.call('lpop', KEYS[1])" 1 {l} | EVAL "return redis.call('hgetall', KEYS[1])" 1 {h}
        EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 | SCRIPT LOAD "return 7" | SCRIPT EXISTS missing | SET {s} {v}
        EVAL "return #redis.call('smembers', KEYS[1])" 1 {t} | EVAL "return redis.call('exists', KEYS[1]) == 1" 1 {any}
    """,
}
"""Commands by family: {s} is the key of a string, {l} of a list, {h} of a hash, {t} of a set, {z} of a sorted set,
{x} of a stream, {any} of any of these; {v} a value, {i} a number, {n} one from 0 up, {f} a fraction, {m} a member,
{e} a number that grows."""

TALKS = """
    a: WATCH {s} / b: SET {s} {v} / a: MULTI / a: INCR {s} / a: EXEC
    a: WATCH {s} {l} / b: GET {s} / a: MULTI / a: GET {s} / a: EXEC
    a: WATCH {s} / a: SET {s} 1 / a: MULTI / a: GET {s} / a: EXEC
    a: WATCH {s} / b: EXPIRE {s} 100 / a: MULTI / a: TTL {s} / a: EXEC
    a: WATCH {s} / b: FLUSHDB / a: MULTI / a: GET {s} / a: EXEC
    a: WATCH {s} / b: SET {s} {v} / a: UNWATCH / a: MULTI / a: EXEC
    a: BLPOP {l} {l} 5 ... / b: RPUSH {l} x y / a: ? / b: LRANGE {l} 0 -1
    a: BLPOP q1 q2 5 ... / b: RPUSH q2 x / a: ? / b: EXISTS q1 q2
    a: BRPOP q1 5 ... / b: MULTI / b: RPUSH q1 x y z / b: LLEN q1 / b: EXEC / a: ? / b: LLEN q1
    a: BLMOVE q1 q2 LEFT RIGHT 5 ... / b: LPUSH q1 x / a: ? / b: LRANGE q2 0 -1 / b: EXISTS q1
    a: BLMOVE q1 q2 LEFT RIGHT 5 ... / b: BLPOP q2 5 ... / c: LPUSH q1 x / a: ? / b: ? / c: EXISTS q1 q2
    a: BLPOP q1 5 ... / b: BLPOP q1 5 ... / c: RPUSH q1 x y z / a: ? / b: ? / c: LRANGE q1 0 -1
    a: BLMPOP 5 2 q1 q2 RIGHT COUNT 2 ... / b: RPUSH q2 x y z / a: ? / b: LRANGE q2 0 -1
    a: BRPOPLPUSH q1 q1 5 ... / b: RPUSH q1 x / a: ? / b: LRANGE q1 0 -1
    a: BLPOP q1 5 ... / b: SADD q1 x / b: DEL q1 / b: RPUSH q1 y / a: ?
    a: BLMOVE q1 q2 LEFT LEFT 5 ... / b: SET q2 x / b: LPUSH q1 y / a: ? / b: LRANGE q1 0 -1
    a: BLPOP q1 5 ... / b: EVAL "redis.call('rpush', KEYS[1], 'x') return redis.call('llen', KEYS[1])" 1 q1 / a: ?
    a: BZPOPMIN y1 5 ... / b: ZADD y1 2 b 1 a / a: ? / b: ZRANGE y1 0 -1
    a: BZPOPMAX y1 y2 5 ... / b: ZADD y2 2 b 1 a / a: ? / b: ZRANGE y2 0 -1 WITHSCORES
    a: BZMPOP 5 1 y1 MIN COUNT 2 ... / b: ZADD y1 1 a / a: ? / b: EXISTS y1
    a: XREAD BLOCK 5000 STREAMS {x} $ ... / b: XADD {x} 900-1 a b / a: ?
    a: XGROUP CREATE w1 g $ MKSTREAM / a: XREADGROUP GROUP g ann BLOCK 5000 STREAMS w1 > ... / b: XADD w1 5-1 a b / a: ? / a: XACK w1 g 5-1
    a: SUBSCRIBE c1 c2 / a: ? / b: PUBLISH c1 hi / a: ? / b: PUBSUB NUMSUB c1 c2 c3 / a: UNSUBSCRIBE c1 / a: UNSUBSCRIBE / b: PUBLISH c2 hi
    a: PSUBSCRIBE c* / b: PUBLISH c1 hi / a: ? / b: PUBSUB NUMPAT / b: PUBSUB CHANNELS / a: PUNSUBSCRIBE
    a: SUBSCRIBE c1 / a: PSUBSCRIBE c? / b: PUBLISH c1 hi / a: ? / a: ? / b: PUBSUB CHANNELS c*
    a: SUBSCRIBE c1 / a: GET {s} / a: PING / a: PING hi
    a: SSUBSCRIBE c1 / b: SPUBLISH c1 hi / a: ? / b: PUBSUB SHARDNUMSUB c1 / a: SUNSUBSCRIBE c1
    a: UNSUBSCRIBE / a: PUNSUBSCRIBE / a: UNSUBSCRIBE c1
    a: MULTI / a: SUBSCRIBE c1 / a: SET {s} 1 / a: EXEC / b: PUBLISH c1 hi
    a: SELECT 1 / a: SET {s} one / b: GET {s} / b: SWAPDB 0 1 / b: GET {s} / a: GET {s} / b: FLUSHALL / a: DBSIZE
    a: CLIENT REPLY OFF ... / a: SET {s} 1 ... / a: CLIENT REPLY ON / a: GET {s}
    a: CLIENT REPLY SKIP ... / a: SET {s} 1 ... / a: GET {s}
    a: MULTI / b: SET {s} 1 / a: INCR {s} / b: INCR {s} / a: EXEC / b: GET {s}
    a: MULTI / a: BREW tea / a: SET {s} 1 / a: EXEC / b: EXISTS {s}
    a: WAIT 0 10 / a: MULTI / a: WAIT 1 0 / a: EXEC
"""
"""What several connections say in turn: `...` does not wait for the answer, `?` reads the next one."""

VALUES = ("", "a", "7", "-3", "2.5", "tea time", "ü", "x" * 40)


class Step(NamedTuple):
    """What is done on a connection.

    Args:
        who: which connection.
        words: the command; empty: only an answer is read.
        waits: whether an answer is read.
    """

    who: str
    words: tuple[bytes, ...]
    waits: bool


def sequence(family: str, seed: int, length: int = 25) -> list[Step]:
    """Makes a sequence of commands of a family, half of whose keys are there."""
    draw = random.Random(f"{family} {seed}")
    templates = [part.strip() for line in TEMPLATES[family].splitlines() for part in line.split(" | ")]
    templates = [template for template in templates if template]
    steps = [Step("a", words("DEL {any}", draw), True)]
    for _ in range(length):
        one = words(draw.choice(templates), draw)
        if draw.random() < 0.02 and one[0] != b"GEOPOS" and b"COUNT" not in one:
            one = one[:-1] or one
        steps.append(Step("a", one, True))
    return steps


def talks() -> list[list[Step]]:
    """Returns what several connections say in turn, each talk twice, with other keys."""
    made = []
    for number, line in enumerate(filter(None, map(str.strip, TALKS.splitlines()))):
        for again in range(2):
            draw = random.Random(f"{number} {again}")
            keys = {name: one_of(name, draw) for name in "slhtzxv"}
            steps = []
            for part in line.split(" / "):
                who, _, text = part.partition(": ")
                waits = not text.endswith(" ...")
                text = "" if text == "?" else text.removesuffix(" ...")
                steps.append(Step(who, split(text.format_map(keys)), waits))
            made.append(steps)
    return made


def words(template: str, draw: random.Random) -> tuple[bytes, ...]:
    """Fills a template in."""
    return split(_Filling(draw).fill(template))


class _Filling:
    def __init__(self, draw: random.Random) -> None:
        self._draw = draw

    def fill(self, template: str) -> str:
        return template.format_map(self)

    def __getitem__(self, name: str) -> str:
        return one_of(name, self._draw)


def one_of(name: str, draw: random.Random) -> str:
    """Returns what stands in a hole of a template."""
    if name == "any" or (name in "slhtzx" and draw.random() < 0.04):
        name = draw.choice("slhtzx")
    if name in "slhtzx":
        return f"{name}{draw.randrange(3)}"
    if name == "v":
        return _quoted(draw.choice(VALUES))
    if name == "f":
        return draw.choice(("0.5", "1.25", "-3", "2e2", "10", "0.1"))
    if name == "m":
        return draw.choice("abcd")
    if name == "e":
        return str(draw.randrange(1, 60))
    return str(draw.randrange(0 if name == "n" else -4, 7))


def _quoted(value: str) -> str:
    return f'"{value}"'


def split(text: str) -> tuple[bytes, ...]:
    """Splits a command at its blanks, other than those in double quotes."""
    parts = text.split('"')
    found: list[bytes] = []
    for number, part in enumerate(parts):
        found += [part.encode()] if number % 2 else [word.encode() for word in part.split()]
    return tuple(found)
