"""Which route answers, how often, and what is said where none does."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

import interlace
from interlace import UnmatchedRequest, UnusedRoute, UsageError

URL = "http://api"


async def ask(method: str, path: str, **options: Any) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session:
        async with session.request(method, URL + path, **options) as answer:
            return answer.status, await answer.text()


def outcome_of(program: Callable[..., Any], **options: Any) -> interlace.Outcome:
    return interlace.run(program, **options)


def passes(program: Callable[..., Any]) -> None:
    error = outcome_of(program).error
    if error is not None:
        raise error


def in_a_world(use: Callable[[Any], object]) -> BaseException | None:
    """What comes of using a fake in a world without asking it anything."""

    async def program(world: interlace.World) -> None:
        use(world.http(URL))

    return outcome_of(program).error


# -- which one answers ---------------------------------------------------------------------------


def test_the_more_literal_path_answers_whatever_the_order() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http(URL)
        api.get("/{path:rest}").text("rest")
        api.get("/{a}/b").text("hole first")
        api.get("/a/{b}").text("literal first")
        api.get("/a/b").text("literal")
        api.route("*", "/a/any").text("any")
        api.get("/v{number}.json").text("within")
        for path, answer in {
            "/a/b": "literal",
            "/a/c": "literal first",
            "/c/b": "hole first",
            "/c/d/e": "rest",
            "/a/any": "any",
            "/v12.json": "within",
        }.items():
            assert await ask("GET", path) == (200, answer)

    passes(program)


def test_more_conditions_answer_first_then_the_earlier_route() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http(URL)
        api.get("/x").text("none")
        api.get("/x", query={"a": 1}).text("a")
        api.get("/x", query={"b": 1}).text("b")
        api.get("/x", query={"a": 1, "b": 2}).text("both")
        assert (await ask("GET", "/x?a=1"))[1] == "a"
        assert (await ask("GET", "/x?a=1&b=1"))[1] == "a"
        assert (await ask("GET", "/x?a=1&b=2"))[1] == "both"
        assert (await ask("GET", "/x?b=1"))[1] == "b"
        assert (await ask("GET", "/x?b=3"))[1] == "none"

    passes(program)


def test_once_then_another() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http(URL)
        api.get("/x").once().text("first")
        api.get("/x").times(2).text("then")
        api.get("/x").text("at last").optional()
        assert [(await ask("GET", "/x"))[1] for _ in range(4)] == ["first", "then", "then", "at last"]

    passes(program)


def test_a_sequence_stays_at_its_last_answer() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http(URL)

        async def later(call: Any) -> Any:
            await asyncio.sleep(1)
            return {"n": len(route.calls)}

        route = api.get("/x").sequence(503, "text", lambda call: b"bytes", later, ["done"])
        answers = [await ask("GET", "/x") for _ in range(6)]
        assert (
            answers == [(503, ""), (200, "text"), (200, "bytes"), (200, '{"n": 4}')] + [(200, '["done"]')] * 2
        )
        assert [call.time for call in route.calls] == [0, 0, 0, 0, 1, 1]

    passes(program)


# -- how long ------------------------------------------------------------------------------------


def test_latency_is_that_of_the_answer_else_of_the_route_else_of_the_fake() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http(URL, latency="1s")
        api.get("/fake").text("x")
        api.get("/route").text("x", latency=2)
        api.get("/mixed").sequence(200, interlace.reply.text("x", latency="4s"), latency="3s..3.5s")
        for path, seconds in (("/fake", 1), ("/route", 2), ("/mixed", 3), ("/mixed", 4)):
            before = world.clock.elapsed
            await ask("GET", path)
            assert world.clock.elapsed - before == seconds

    passes(program)


def test_a_declared_latency_is_explored_and_kept() -> None:
    seen: set[float] = set()

    async def program(world: interlace.World) -> None:
        api = world.http(URL)
        route = api.get("/x").text("x", latency="150ms..1s")
        await ask("GET", "/x")
        seen.add(round(world.clock.elapsed - route.calls[0].time, 6))

    assert interlace.explore(program, schedules=60).verdict.status == "passed"
    assert min(seen) == 0.15
    # TCP may cut the answer, whose rest comes up to 0.1 s later
    assert max(seen) <= 1.3
    assert len(seen) > 5


@pytest.mark.parametrize(
    "latency", [-1, "-5ms", "-5ms..1s", "5ms..1ms", "soon", True, [], [["5ms"]], (1, 2, 3), {}, float("nan")]
)
def test_a_latency_that_cannot_be(latency: Any) -> None:
    for use in (
        lambda api: api.get("/x").text("x", latency=latency),
        lambda api: api.get("/x").reply("x", latency=latency),
        lambda api: interlace.after(latency),
    ):
        error = in_a_world(use)
        assert isinstance(error, UsageError)
        assert "latency" in str(error)

    async def program(world: interlace.World) -> None:
        world.http(URL, latency=latency)

    assert isinstance(outcome_of(program).error, UsageError)


def test_a_list_of_latencies_is_one_of_them() -> None:
    seen: set[float] = set()

    async def program(world: interlace.World) -> None:
        await world.latency(["5ms", "1s..2s"])
        seen.add(world.clock.elapsed)

    interlace.explore(program, schedules=60)
    assert 0.005 in seen
    assert all(time == 0.005 or 1 <= time <= 2 for time in seen)
    assert outcome_of(program).elapsed == 0.005


# -- where none answers --------------------------------------------------------------------------


def test_a_request_without_a_route_fails_the_test_and_says_why() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api/v1")
        api.get("/users/{id}").once().json({})
        api.post("/users").json({})
        api.get("/orders", query={"page": 1}, headers={"X-Token": "abc"}).json([]).optional()
        api.put("/orders", json={"a": 1, "b": 2}).optional()
        api.delete("/orders").optional()
        await ask("GET", "/v1/users/1")
        await ask("POST", "/v1/users")
        status, text = await ask("GET", "/v1/orders?page=2")
        assert status == 501
        assert "no route for GET http://api/v1/orders?page=2" in text
        await ask("PUT", "/v1/orders", json={"a": 1, "b": 3})

    error = outcome_of(program).error
    assert isinstance(error, UnmatchedRequest)
    assert isinstance(error, AssertionError)
    lines = str(error).splitlines()
    assert lines[0] == "no route for GET http://api/v1/orders?page=2. Nearest routes"
    assert lines[1] == (
        "  GET /orders (query page='1', header x-token: 'abc'): its query has 'page': '2', not '1'; its header has no 'x-token'"
    )
    assert lines[2] == '  PUT /orders (json {"a": 1, "b": 2}): it is PUT, not GET'
    assert lines[3] == "  DELETE /orders: it is DELETE, not GET"
    assert "api.get('/orders').json(...)" in lines[-1]
    assert "strict=False" in lines[-1]


@pytest.mark.parametrize(
    ("conditions", "request_options", "reason"),
    [
        ({"json": {"a": 1}}, {"json": {"a": 2}}, """its JSON has 'a': 2, not 1"""),
        ({"json": {"a": 1}}, {"json": {}}, """its JSON has no 'a'"""),
        ({"json": {}}, {"json": {"a": 1}}, """its JSON has 'a' besides"""),
        ({"json": [1]}, {"json": [2]}, """its JSON is [2], not [1]"""),
        ({"json": None}, {"data": b"{"}, """its body is no JSON: b'{'"""),
        ({"form": {"a": "1"}}, {"data": {"b": "1"}}, """its form has no 'a'"""),
        ({"body": "abc"}, {"data": b"abd"}, """its body is b'abd', not b'abc'"""),
        ({"when": lambda call: False}, {}, "says no"),
        ({"headers": {"Accept": "x"}}, {}, """its header has 'accept': '*/*', not 'x'"""),
    ],
)
def test_the_reason_is_told(conditions: Any, request_options: Any, reason: str) -> None:
    async def program(world: interlace.World) -> None:
        world.http(URL).post("/x", **conditions).optional()
        await ask("POST", "/x", **request_options)

    error = outcome_of(program).error
    assert isinstance(error, UnmatchedRequest)
    assert reason in str(error)


def test_a_route_that_is_used_up_says_so() -> None:
    async def program(world: interlace.World) -> None:
        world.http(URL).get("/x").times(2)
        for _ in range(3):
            await ask("GET", "/x")

    assert "GET /x: it has answered twice already, as often as it may" in str(outcome_of(program).error)


def test_it_is_told_in_the_place_of_what_it_led_to() -> None:
    async def program(world: interlace.World) -> None:
        world.http(URL)
        status, _ = await ask("GET", "/x")
        assert status == 200

    error = outcome_of(program).error
    assert isinstance(error, UnmatchedRequest)
    assert isinstance(error.__context__, AssertionError)
    assert "has no routes yet" in str(error)
    result = interlace.explore(program, schedules=5)
    assert result.failure is not None
    assert isinstance(result.failure.error, UnmatchedRequest)


def test_not_strict_it_is_only_answered() -> None:
    async def program(world: interlace.World) -> None:
        world.http(URL, strict=False)
        status, text = await ask("GET", "/x")
        assert (status, text.startswith("no route for GET http://api/x")) == (501, True)

    passes(program)


def test_a_route_that_was_not_asked_fails_the_test() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http(URL)
        api.get("/never").json({})
        api.get("/twice").times(2)
        api.get("/optional").optional()
        api.get("/optionally-twice").times(2).optional()
        await ask("GET", "/twice")

    error = outcome_of(program).error
    assert isinstance(error, UnusedRoute)
    assert error.routes == (
        "http://api: GET /never was never asked",
        "http://api: GET /twice was asked once, not twice",
    )


def test_an_error_of_the_test_itself_comes_first() -> None:
    async def program(world: interlace.World) -> None:
        world.http(URL).get("/never")
        raise KeyError("own")

    assert isinstance(outcome_of(program).error, KeyError)


def test_a_cancellation_that_was_injected_excuses_what_was_not_asked() -> None:
    async def program(world: interlace.World) -> None:
        world.http(URL).get("/x").text("x")
        task = asyncio.create_task(ask("GET", "/x"))
        await asyncio.wait([task])

    assert interlace.explore(program, schedules=60, faults=["cancel"]).verdict.status == "passed"


@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_that_fails_fails_the_test(is_async: bool) -> None:
    def answer(call: Any) -> Any:
        raise KeyError("in the fake")

    async def answer_later(call: Any) -> Any:
        await asyncio.sleep(1)
        raise KeyError("in the fake")

    async def program(world: interlace.World) -> None:
        world.http(URL).get("/x").reply(answer_later if is_async else answer)
        assert (await ask("GET", "/x"))[0] == 500

    assert isinstance(outcome_of(program).error, KeyError)


def test_a_function_that_returns_what_is_no_answer() -> None:
    for value, words in ((None, "has returned None"), (object(), "cannot be written as JSON"), (42.5, "")):

        async def program(world: interlace.World, value: Any = value) -> None:
            world.http(URL).get("/x").reply(lambda call: value)
            await ask("GET", "/x")

        error = outcome_of(program).error
        assert (error is None) == (not words)
        assert words in str(error)


# -- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda api: (api.get("/a/{x}"), api.get("/a/{y}")), "would never be asked"),
        (
            lambda api: (api.get("/a", query={"q": 1}), api.get("/a", query={"q": "1"})),
            "would never be asked",
        ),
        (lambda api: api.get("/a/{}"), "a hole without a name"),
        (lambda api: api.get("/a/{1x}"), "a hole '{1x}' that is none"),
        (lambda api: api.get("/{a}/{a}"), "twice"),
        (lambda api: api.get("/{a:rest}/b"), "put it last"),
        (lambda api: api.get("/{a:int}"), "that is none"),
        (lambda api: api.get("/a{"), "a brace without its partner"),
        (lambda api: api.get("/a}/b"), "a brace without its partner"),
        (lambda api: api.get("a"), "begins with '/'"),
        (lambda api: api.get("/a?b=1"), "query={'name': 'value'}"),
        (lambda api: api.get(None), "begins with '/'"),
        (lambda api: api.route("FETCH", "/"), "no method of HTTP"),
        (lambda api: api.get("/", query="a=1"), "give names and values"),
        (lambda api: api.get("/", query={"a": [{}]}), "on the wire it is text"),
        (lambda api: api.get("/", body=1), "give bytes or text"),
        (lambda api: api.get("/", body="a", json=1), "one of json=, form= and body="),
        (lambda api: api.get("/", when=1), "give a function"),
        (lambda api: api.get("/").json({1, 2}), "cannot be written as JSON"),
        (lambda api: api.get("/").json({"a": float("nan")}), "cannot be written as JSON"),
        (lambda api: api.get("/").json({}, "200"), "status '200'"),
        (lambda api: api.get("/").reply(100), "status 100"),
        (lambda api: api.get("/").text(b"x"), "give a text"),
        (lambda api: api.get("/").content("x"), "give bytes"),
        (lambda api: api.get("/").stream("x"), "give a list"),
        (lambda api: api.get("/").stream([1]), "stream() is given 1"),
        (lambda api: api.get("/").redirect("/x", 200), "from 300 to 399"),
        (lambda api: api.get("/").text("x", headers={"A": "b\r\nc"}), "which cannot be sent"),
        (lambda api: api.get("/").text("x", headers={"A B": "c"}), "which cannot be sent"),
        (lambda api: api.get("/").sequence(), "without answers"),
        (lambda api: api.get("/").text("x").text("y"), ".sequence(first, second)"),
        (lambda api: api.get("/").times(0), "times(0)"),
        (lambda api: api.get("/").times(True), "times(True)"),
        (lambda api: api.get("/").reply(dict), "give a function"),
        (lambda api: api.get("/").reply(object()), "cannot be written as JSON"),
    ],
)
def test_a_route_that_cannot_be(use: Callable[[Any], object], words: str) -> None:
    error = in_a_world(use)
    assert isinstance(error, UsageError), error
    assert words in str(error)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("api.example.com", "no base URL of HTTP"),
        ("ftp://x", "no base URL of HTTP"),
        ("http://", "no base URL of HTTP"),
        ("http://a:0", "no base URL of HTTP"),
        ("http://a:99999", "no base URL"),
        ("http://a/?q=1", "more than a host"),
        ("http://me@a/", "more than a host"),
        ("http://10.1.2.3/", "have names"),
        ("http://[::5]/", "have names"),
        (80, "no base URL"),
    ],
)
def test_a_base_url_that_cannot_be(url: Any, words: str) -> None:
    async def program(world: interlace.World) -> None:
        world.http(url)

    error = outcome_of(program).error
    assert isinstance(error, UsageError)
    assert words in str(error)


def test_two_at_one_place() -> None:
    async def program(world: interlace.World) -> None:
        world.http(URL)
        world.http(URL + "/v2")

    error = outcome_of(program).error
    assert isinstance(error, UsageError)
    assert "somebody listens at api:80 already" in str(error)


@pytest.mark.parametrize(("module", "line"), [("h11", "interlace[http]"), ("trustme", "interlace[tls]")])
def test_what_is_missing_is_named_with_its_install_line(
    module: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from interlace.sim.network import certificates

    certificates._authority.cache_clear()
    certificates._certificate.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, module, None)

    async def program(world: interlace.World) -> None:
        world.http("https://api")

    error = outcome_of(program).error
    certificates._authority.cache_clear()
    assert isinstance(error, UsageError)
    assert f"pip install '{line}'" in str(error)
