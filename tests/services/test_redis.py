"""A fake Redis: real clients, virtual time, waiting, channels, transactions, passwords, crashes."""

import asyncio
import sys
from typing import Any

import pytest
import redis
import redis.asyncio

import interlace
from interlace import UsageError
from interlace.services.redis.fake import load_fakeredis

URL = "redis://cache:6379"


def passes(program: Any) -> interlace.Outcome:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome


def client(url: str = URL, **options: Any) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(url, **options)


# -- clients -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_asyncio(protocol: int) -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(URL)
        async with client(protocol=protocol, decode_responses=True) as ask:
            assert await ask.set("tea", "assam")
            assert await ask.get("tea") == "assam"
            assert await ask.get("coffee") is None
            assert await ask.hset("user", mapping={"name": "ann", "age": 7}) == 2
            assert await ask.hgetall("user") == {"name": "ann", "age": "7"}
            assert await ask.sadd("letters", "a", "b") == 2
            assert set(await ask.smembers("letters")) == {"a", "b"}
            assert await ask.zadd("marks", {"ann": 1.5}) == 1
            assert await ask.zrange("marks", 0, -1, withscores=True) in ([("ann", 1.5)], [["ann", 1.5]])
            with pytest.raises(redis.ResponseError, match="WRONGTYPE|wrong kind"):
                await ask.incr("user")
            with pytest.raises(redis.ResponseError, match="unknown command"):
                await ask.execute_command("BREW", "tea")
        assert [call.name for call in cache.calls][:3] == ["SET", "GET", "GET"]
        assert cache.calls[0].text == "SET tea assam"

    passes(program)


def test_a_blocking_client_in_a_thread() -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(URL, latency="3ms")

        def work() -> list[Any]:
            with redis.Redis.from_url(URL) as ask:
                ask.rpush("jobs", "one")
                return [ask.blpop(["jobs"], timeout=2), ask.blpop(["jobs"], timeout=2)]

        assert await asyncio.to_thread(work) == [(b"jobs", b"one"), None]
        assert world.clock.elapsed > 2
        assert cache.data.llen("jobs") == 0

    passes(program)


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
def test_aiocache() -> None:
    aiocache = pytest.importorskip("aiocache")
    serializers = pytest.importorskip("aiocache.serializers")

    async def program(world: interlace.World) -> None:
        fake = world.redis(URL)
        cache = aiocache.RedisCache(endpoint="cache", port=6379, serializer=serializers.JsonSerializer())
        await cache.set("tea", {"kind": "assam"}, ttl=60)
        assert await cache.get("tea") == {"kind": "assam"}
        assert fake.data.ttl("tea") == 60
        await asyncio.sleep(61)
        assert await cache.get("tea") is None
        await cache.close()

    passes(program)


def test_over_tls() -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis("rediss://cache")
        async with client("rediss://cache") as ask:
            await ask.set("tea", "assam")
        assert cache.data.get("tea") == b"assam"

    passes(program)


# -- time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [URL, "redis://localhost"])
def test_keys_expire_in_virtual_time(url: str) -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(url, latency=0)
        async with client(url) as ask:
            await ask.set("a", 1, ex=3600)
            await ask.set("b", 1, px=1500)
            await ask.set("c", 1)
            await ask.pexpireat("c", round(world.clock.now().timestamp() * 1000) + 250)
            assert await ask.pttl("c") == 250
            await asyncio.sleep(0.25)
            assert await ask.get("c") is None, "its moment has come"
            await asyncio.sleep(1)
            assert await ask.get("b") == b"1"
            await asyncio.sleep(0.25)
            assert await ask.get("b") is None
            await asyncio.sleep(3500)
            assert 90 < await ask.ttl("a") < 100
            assert cache.data.keys() == [b"a"]
            await asyncio.sleep(100)
            assert cache.data.dbsize() == 0

    passes(program)


def test_a_field_of_a_hash_expires() -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)
        async with client() as ask:
            await ask.hset("user", mapping={"name": "ann", "token": "x"})
            await ask.execute_command("HEXPIRE", "user", 60, "FIELDS", 1, "token")
            await asyncio.sleep(59)
            assert await ask.hlen("user") == 2
            await asyncio.sleep(2)
            assert await ask.hkeys("user") == [b"name"]

    passes(program)


def test_the_server_tells_the_virtual_time() -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)
        async with client() as ask:
            await asyncio.sleep(5)
            assert (await ask.time())[0] == int(world.clock.now().timestamp())

    passes(program)


@pytest.mark.parametrize(
    "command",
    [
        "BLPOP jobs 3",
        "BRPOP jobs 3",
        "BLMOVE jobs done LEFT RIGHT 3",
        "BRPOPLPUSH jobs done 3",
        "BLMPOP 3 1 jobs LEFT",
        "BZPOPMIN marks 3",
        "BZPOPMAX marks 3",
        "BZMPOP 3 1 marks MIN",
        "XREAD BLOCK 3000 STREAMS events $",
        "WAIT 1 3000",
    ],
)
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_command_waits_in_virtual_time(command: str, protocol: int) -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL, latency=0)
        async with client(protocol=protocol) as ask:
            begin = world.clock.elapsed
            nothing = await ask.execute_command(*command.split())
            assert nothing == (0 if command.startswith("WAIT") else None) or nothing in ([], {})
            assert round(world.clock.elapsed - begin, 6) == 3

    passes(program)


def test_what_waits_is_woken_and_the_first_one_is_served_first() -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(URL, latency=0)
        got: list[tuple[str, bytes]] = []

        async def take(name: str, after: float) -> None:
            await asyncio.sleep(after)
            async with client() as ask:
                got.append((name, (await ask.blpop(["jobs"], timeout=0))[1]))

        async with asyncio.TaskGroup() as group:
            for number, name in enumerate("cab"):
                group.create_task(take(name, 0.1 * number))
            await asyncio.sleep(1)
            async with client() as ask:
                assert await ask.rpush("jobs", "one", "two") == 2
                await asyncio.sleep(1)
                await ask.rpush("jobs", "three")
        assert got == [("c", b"one"), ("a", b"two"), ("b", b"three")]
        assert world.clock.elapsed < 2.01
        assert cache.data.exists("jobs") == 0

    passes(program)


def test_what_a_transaction_or_a_script_puts_in_wakes_after_it() -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)
        async with client() as ask, client() as other:
            waiting = asyncio.create_task(ask.blpop(["jobs"], timeout=3))
            await asyncio.sleep(1)
            async with other.pipeline(transaction=True) as both:
                both.rpush("jobs", "one").rpush("jobs", "two").llen("jobs")
                assert await both.execute() == [1, 2, 2]
            assert await waiting == (b"jobs", b"one")
            assert await other.lrange("jobs", 0, -1) == [b"two"]

    passes(program)


def test_a_stream_is_read_as_it_grows() -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL, latency=0)
        async with client() as ask, client() as other:
            await ask.xgroup_create("events", "workers", mkstream=True)
            reading = asyncio.create_task(ask.xreadgroup("workers", "ann", {"events": ">"}, block=3000))
            await asyncio.sleep(1)
            await other.xadd("events", {"kind": "tea"})
            found = await reading
            assert b"tea" in repr(found).encode()
            assert round(world.clock.elapsed, 6) == 1

    passes(program)


def test_a_wait_that_never_ends_is_a_deadlock() -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)
        async with client(socket_timeout=None) as ask:
            await ask.blpop(["jobs"], timeout=0)

    assert isinstance(interlace.run(program).error, interlace.Deadlock)


def test_a_client_that_goes_away_while_it_waits_takes_nothing() -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(URL, latency=0)
        async with client() as ask:
            waiting = asyncio.create_task(ask.blpop(["jobs"], timeout=100))
            await asyncio.sleep(1)
            waiting.cancel()
            await asyncio.wait([waiting])
        async with client() as other:
            await asyncio.sleep(1)
            await other.rpush("jobs", "one")
            assert cache.data.llen("jobs") == 1
        assert world.clock.elapsed < 3

    passes(program)


def test_client_unblock() -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)
        async with client() as ask, client() as other:
            number = await ask.client_id()
            for error in (False, True):
                waiting = asyncio.create_task(ask.blpop(["jobs"], timeout=4))
                await asyncio.sleep(1)
                assert await other.client_unblock(number, error=error)
                if error:
                    with pytest.raises(redis.ResponseError, match="UNBLOCKED"):
                        await waiting
                else:
                    assert await waiting is None
            assert world.clock.elapsed < 3

    passes(program)


@pytest.mark.parametrize("waits", [False, True])
def test_client_kill(waits: bool) -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(URL)
        async with client(retry=None) as ask, client() as other:
            number = await ask.client_id()
            waiting = asyncio.create_task(ask.blpop(["jobs"], timeout=4)) if waits else None
            await asyncio.sleep(1)
            async with other.pipeline(transaction=False) as both:
                both.client_kill_filter(_id=number).rpush("jobs", "one")
                assert await both.execute() == [1, 1]
            with pytest.raises(redis.ConnectionError):
                await (waiting or ask.ping())
            assert cache.data.llen("jobs") == 1
            assert await ask.client_id() != number
            assert len(await other.client_list()) == 2

    passes(program)


# -- channels, transactions, scripts -------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3])
def test_channels(protocol: int) -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL, latency="1ms")
        heard: dict[str, list[Any]] = {"one": [], "two": []}

        async def listen(name: str, ask: redis.asyncio.Redis) -> None:
            async with ask.pubsub() as channels:
                await channels.subscribe("teas")
                await channels.psubscribe("tea*")
                async for message in channels.listen():
                    heard[name].append((message["type"], message["data"]))
                    if message["data"] == b"stop":
                        await channels.unsubscribe()
                        await channels.punsubscribe()
                        return

        async with client(protocol=protocol) as ask, client(protocol=protocol) as other:
            async with asyncio.TaskGroup() as group:
                for name in heard:
                    group.create_task(listen(name, other))
                await asyncio.sleep(1)
                assert await ask.pubsub_numsub("teas") == [(b"teas", 2)]
                assert await ask.publish("teas", "assam") == 4
                await asyncio.sleep(1)
                await ask.publish("teas", "stop")
            await asyncio.sleep(1)
            assert await ask.publish("teas", "nobody hears") == 0
            assert await ask.pubsub_channels() == []
        expected = [("subscribe", 1), ("psubscribe", 2), ("message", b"assam"), ("pmessage", b"assam")]
        assert heard["one"] == heard["two"] == [*expected, ("message", b"stop")]

    passes(program)


def test_who_is_gone_hears_nothing_any_more() -> None:
    async def program(world: interlace.World) -> None:
        world.redis("redis://cache")
        reader, writer = await asyncio.open_connection("cache", 6379)
        writer.write(b"SUBSCRIBE teas\r\n")
        await reader.readuntil(b":1\r\n")
        async with redis.asyncio.Redis(host="cache") as ask:
            assert await ask.publish("teas", "assam") == 1
            writer.close()
            await asyncio.sleep(1)
            assert await ask.publish("teas", "assam") == 0

    outcome = interlace.run(program)
    assert outcome.error is None, outcome.error


def test_a_subscriber_may_ask_with_resp3_only() -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL, latency=0)
        for version, answer in ((2, b"-ERR Can't execute 'get'"), (3, b"_\r\n")):
            reader, writer = await asyncio.open_connection("cache", 6379)
            writer.write(b"HELLO %d\r\nSUBSCRIBE teas\r\nGET a\r\n" % version)
            await asyncio.sleep(1)
            writer.write(b"QUIT\r\n")
            assert answer in await reader.read()
            writer.close()

    passes(program)


def test_a_watched_key_that_has_changed_stops_the_transaction() -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(URL)
        async with client() as ask, ask.pipeline(transaction=True) as both:
            await both.watch("n")
            cache.data.set("n", 5)
            both.multi()
            both.incr("n")
            with pytest.raises(redis.WatchError):
                await both.execute()
            both.incr("n")
            assert await both.execute() == [6]

    passes(program)


def test_scripts() -> None:
    pytest.importorskip("lupa")

    async def program(world: interlace.World) -> None:
        world.redis(URL)
        async with client() as ask:
            add = ask.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
            assert await add(keys=["n"], args=[3]) == 3
            assert await add(keys=["n"], args=[4]) == 7
            lock = ask.lock("door", timeout=10)
            assert await lock.acquire()
            assert not await ask.lock("door", timeout=10).acquire(blocking_timeout=1)
            await lock.release()

    passes(program)


def test_databases() -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(f"{URL}/2")
        async with client() as zero, client(f"{URL}/2") as two:
            await zero.set("n", 0)
            await two.set("n", 2)
            assert (cache.data.get("n"), cache.client(db=0).get("n")) == (b"2", b"0")
            await zero.swapdb(0, 2)
            assert await zero.get("n") == b"2"
        assert {call.db for call in cache.calls if call.name == "SET"} == {0, 2}

    passes(program)


# -- who may ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize(
    ("given", "right", "wrong"),
    [
        ("redis://:se%2Fcret@cache", "redis://:se%2Fcret@cache", "redis://:other@cache"),
        ("redis://:secret@cache", "redis://default:secret@cache", "redis://ann:secret@cache"),
        ("redis://ann:secret@cache", "redis://ann:secret@cache", "redis://ann:other@cache"),
        ("redis://ann:secret@cache", "redis://ann:secret@cache", "redis://:secret@cache"),
        ("redis://cache", "redis://cache", "redis://:secret@cache"),
    ],
)
def test_passwords(given: str, right: str, wrong: str, protocol: int) -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(given)
        async with client(right, protocol=protocol) as ask:
            assert await ask.set("tea", "assam")
        async with client(wrong, protocol=protocol) as ask:
            with pytest.raises((redis.AuthenticationError, redis.ResponseError)):
                await ask.get("tea")
        if "@" in given:
            async with client("redis://cache", protocol=protocol) as ask:
                with pytest.raises(redis.AuthenticationError):
                    await ask.get("tea")
        assert cache.data.get("tea") == b"assam"

    passes(program)


def test_after_reset_the_password_is_asked_for_again() -> None:
    async def program(world: interlace.World) -> None:
        world.redis("redis://:secret@cache")
        reader, writer = await asyncio.open_connection("cache", 6379)
        writer.write(b"GET a\r\nAUTH secret\r\nGET a\r\nRESET\r\nGET a\r\nQUIT\r\n")
        said = (await reader.read()).split(b"\r\n")
        refused = b"-NOAUTH Authentication required."
        assert said == [refused, b"+OK", b"$-1", b"+RESET", refused, b"+OK", b""]
        writer.close()

    passes(program)


# -- crashes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durable", [False, True])
def test_what_a_crash_leaves(durable: bool) -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(URL, durable=durable)
        two = cache.client(db=2, decode_responses=True)
        two.hset("user", "name", "ann")
        async with client(retry=None) as ask, client() as other:
            await ask.set("tea", "assam")
            waiting = asyncio.create_task(ask.blpop(["jobs"], timeout=4))
            await asyncio.sleep(1)
            world.host("cache").crash()
            with pytest.raises(redis.ConnectionError):
                await waiting
            with pytest.raises(redis.ConnectionError):
                await ask.get("tea")
            world.host("cache").restart()
            assert await other.get("tea") == (b"assam" if durable else None)
            await other.rpush("jobs", "one")
            assert cache.data.llen("jobs") == 1, "who waited is gone"
            assert len(await other.client_list()) == 1
            assert two.hgetall("user") == ({"name": "ann"} if durable else {})
            two.set("db", 2)
            assert (await other.get("db"), cache.client(db=2).get("db")) == (None, b"2")

    passes(program)


# -- what cannot be ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("cache:6379", {}, "no URL of Redis: write such as 'redis://cache:6379'"),
        (6379, {}, "no URL of Redis"),
        ("http://cache", {}, "no URL of Redis"),
        ("unix:///tmp/redis.sock", {}, "no URL of Redis"),
        ("redis://cache:0", {}, "no URL of Redis"),
        ("redis://cache:x", {}, "no URL of Redis"),
        ("redis://cache/shop", {}, "'shop' is no number of a database"),
        ("redis://ann@cache", {}, "a user without a password"),
        ("redis://10.1.2.3", {}, "have names"),
        (URL, {"latency": "-1ms"}, "below zero"),
        (URL, {"latency": -1}, "-1"),
        (URL, {"durable": "yes"}, "give True or False"),
    ],
)
def test_arguments_that_cannot_work(url: Any, options: dict[str, Any], words: str) -> None:
    async def program(world: interlace.World) -> None:
        world.redis(url, **options)

    error = interlace.run(program).error
    assert isinstance(error, UsageError)
    assert words in str(error)


def test_fakeredis_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)

    monkeypatch.setitem(sys.modules, "fakeredis", None)
    error = interlace.run(program).error
    assert isinstance(error, UsageError)
    assert "pip install 'interlace[redis]'" in str(error)


def test_fakeredis_may_be_built_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)

    load_fakeredis()
    monkeypatch.delattr("interlace.services.redis.store")
    monkeypatch.delitem(sys.modules, "interlace.services.redis.store")
    monkeypatch.setitem(sys.modules, "fakeredis._core", None)
    error = interlace.run(program).error
    assert isinstance(error, UsageError)
    assert "is not built as this version of interlace knows it" in str(error)


def test_scripts_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from fakeredis._commands import SUPPORTED_COMMANDS

    async def program(world: interlace.World) -> None:
        world.redis(URL)
        async with client() as ask:
            with pytest.raises(redis.ResponseError, match=r"pip install 'fakeredis\[lua\]'"):
                await ask.eval("return 1", 0)

    monkeypatch.delitem(SUPPORTED_COMMANDS, "eval", raising=False)
    passes(program)


def test_what_fakeredis_fails_at_is_told_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)
        async with client() as ask:
            with pytest.raises(redis.ResponseError, match="fakeredis .* cannot do this: KeyError"):
                await ask.echo("tea")
            assert await ask.ping()

    monkeypatch.setattr("fakeredis._socket.FakeSocket.echo", lambda *_: {}["tea"])
    passes(program)


def test_a_client_without_wire_has_transactions_and_channels() -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(URL)
        assert cache.data.pipeline().incr("n").incr("n").execute() == [1, 2]
        with cache.data.pubsub() as channels:
            channels.subscribe("teas")
            async with client() as ask:
                await ask.publish("teas", "assam")
            kinds = [(channels.get_message() or {}).get("data") for _ in range(3)]
        assert kinds == [1, b"assam", None]
        assert [call.name for call in cache.calls] == ["PUBLISH"]

    passes(program)


def test_two_at_one_port() -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)
        world.redis(URL)

    assert "somebody listens at cache:6379 already" in str(interlace.run(program).error)


def test_a_client_without_wire_does_not_wait() -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis(URL)
        cache.data.blpop(["jobs"], timeout=1)

    error = interlace.run(program).error
    assert isinstance(error, UsageError)
    assert "BLPOP would have to wait" in str(error)


@pytest.mark.parametrize("sent", [b"*1\r\n+PING\r\n", b"*x\r\n", b"*1\r\n$x\r\n", b'SET a "b\r\n'])
def test_what_is_no_command_ends_the_connection(sent: bytes) -> None:
    async def program(world: interlace.World) -> None:
        world.redis(URL)
        reader, writer = await asyncio.open_connection("cache", 6379)
        writer.write(sent)
        assert (await reader.read()).startswith(b"-ERR Protocol error: ")
        writer.close()

    passes(program)
