"""What a route may ask of a request besides its path, and what is said where it does not fit."""

import re
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import interlace
from interlace import UnmatchedRequest, UsageError
from interlace.services.http.calls import Call, Upload
from interlace.services.order import Moment


def passes(program: Callable[..., Any]) -> interlace.Outcome:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome


def short(value: Any) -> bool:
    return len(value) < 4


FITTING: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], str, str]] = [
    # conditions, a request that fits, one that does not, why, how the route is shown
    (
        {"query": {"a": [1, 2]}},
        {"params": [("a", "1"), ("b", "x"), ("a", "2")]},
        {"params": [("a", "2"), ("a", "1")]},
        "its query has 'a': ['2', '1'], not ['1', '2']",
        "query a=['1', '2']",
    ),
    (
        {"query": {"a": re.compile(r"\d+")}},
        {"params": {"a": "12"}},
        {"params": {"a": "12x"}},
        "its query has 'a': '12x', which does not fit '\\\\d+'",
        "query a=/\\d+/",
    ),
    (
        {"query": {"a": short}},
        {"params": {"a": "12"}},
        {"params": {"a": "12345"}},
        "short says no to 'a': '12345' of its query",
        "query a=short",
    ),
    (
        {"query": {"a": None}},
        {"params": {"b": "1"}},
        {"params": {"a": ""}},
        "its query has 'a'",
        "query a=absent",
    ),
    (
        {"query": {"a": 1}},
        {"params": {"a": "1"}},
        {"params": {"b": "1"}},
        "its query has no 'a'",
        "query a='1'",
    ),
    (
        {"headers": {"X-Id": re.compile("[0-9a-f]{4}")}},
        {"headers": {"x-id": "12ab"}},
        {"headers": {"x-id": "12AB"}},
        "its header has 'x-id': '12AB', which does not fit",
        "header x-id: /[0-9a-f]{4}/",
    ),
    (
        {"headers": {"X-Id": None}},
        {},
        {"headers": {"X-Id": "1"}},
        "its header has 'x-id'",
        "header x-id: absent",
    ),
    (
        {"form": {"a": short, "b": None}},
        {"data": {"a": "1"}},
        {"data": {"a": "1", "b": "2"}},
        "its form has 'b'",
        "form a=short, form b=absent",
    ),
    (
        {"json": lambda data: data["n"] > 3},
        {"json": {"n": 4}},
        {"json": {"n": 3}},
        '<lambda> says no to its JSON: {"n": 3}',
        "json <lambda>",
    ),
    (
        {"body": short},
        {"content": b"abc"},
        {"content": b"abcd"},
        "short says no to its body: b'abcd'",
        "body short",
    ),
]


@pytest.mark.parametrize(("conditions", "fits", "misses", "why", "shown"), FITTING)
def test_what_fits(
    conditions: dict[str, Any], fits: dict[str, Any], misses: dict[str, Any], why: str, shown: str
) -> None:
    async def program(world: interlace.World) -> None:
        route = world.http("http://api").post("/", **conditions)
        assert shown in repr(route)
        async with httpx.AsyncClient() as client:
            assert (await client.post("http://api/", **fits)).status_code == 200
            assert (await client.post("http://api/", **misses)).status_code == 501

    error = interlace.run(program).error
    assert isinstance(error, UnmatchedRequest), error
    assert why in error.nearest[0]


def test_more_conditions_of_any_kind_answer_first() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        api.get("/").text("any")
        api.get("/", query={"page": re.compile(r"\d+")}).text("page")
        api.get("/", query={"page": None, "all": str.isalpha}).text("all")
        async with httpx.AsyncClient() as client:
            for query, answer in {"": "any", "?page=3": "page", "?page=x": "any", "?all=yes": "all"}.items():
                assert (await client.get(f"http://api/{query}")).text == answer

    passes(program)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"query": {"a": object()}}, "query has 'a': <object"),
    ({"query": {"a": [True]}}, "on the wire it is text"),
    ({"query": {"a": b"x"}}, "on the wire it is text"),
    ({"query": {1: "x"}}, "query has 1: 'x'"),
    ({"headers": {"a": re.compile(b"x")}}, "on the wire it is text"),
    ({"form": [("a", "b")]}, "give names and values"),
    ({"body": 3}, "give bytes or text"),
    ({"json": 1, "form": {}, "body": ""}, "a body has one form"),
]


@pytest.mark.parametrize(("conditions", "told"), BAD)
def test_bad_input(conditions: dict[str, Any], told: str) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").post("/", **conditions)

    error = interlace.run(program).error
    assert isinstance(error, UsageError), error
    assert told in str(error)


def test_the_same_conditions_twice_are_an_error() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        api.get("/", query={"a": re.compile("x"), "b": short})
        api.get("/", query={"a": re.compile("y"), "b": short})
        api.get("/", query={"a": re.compile("x"), "b": short})

    assert "would never be asked" in str(interlace.run(program).error)


# -- forms with files ----------------------------------------------------------------------------


async def upload_by_httpx(url: str, fields: dict[str, str], name: str, file: Upload) -> int:
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            url, data=fields, files={name: (file.filename, file.content, file.media_type)}
        )
        return answer.status_code


async def upload_by_aiohttp(url: str, fields: dict[str, str], name: str, file: Upload) -> int:
    form = aiohttp.FormData(quote_fields=False)
    for key, value in fields.items():
        form.add_field(key, value)
    form.add_field(name, file.content, filename=file.filename, content_type=file.media_type)
    async with aiohttp.ClientSession() as session, session.post(url, data=form) as answer:
        return answer.status


UPLOADS = {"httpx": upload_by_httpx, "aiohttp": upload_by_aiohttp}


@pytest.mark.parametrize("client", UPLOADS)
def test_a_form_with_a_file(client: str) -> None:
    picture = Upload("tea ü.png", "image/png", bytes(range(256)) + b"\r\n--x\r\n\n\r")

    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        route = api.post("/", form={"user": "ann lee", "picture": picture.content}).status(201)
        assert (
            await UPLOADS[client]("http://api/", {"user": "ann lee", "more": "ü"}, "picture", picture) == 201
        )
        call = route.calls[0]
        assert call.form == {"user": "ann lee", "more": "ü"}
        assert call.files == {"picture": picture}

    passes(program)


@pytest.mark.parametrize("client", UPLOADS)
def test_a_form_with_another_file(client: str) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").post("/", form={"picture": b"abc"}).status(201)
        await UPLOADS[client]("http://api/", {}, "picture", Upload("x", "text/plain", b"abd"))

    assert "its form has 'picture': b'abd', not b'abc'" in str(interlace.run(program).error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300), st.text("ab\r\n-", max_size=20))
def test_what_httpx_puts_into_a_form_comes_out_of_it(content: bytes, text: str) -> None:
    request = httpx.Request("POST", "http://x/", data={"t": text}, files={"f": ("n", content, "a/b")})
    call = Call("POST", "/", list(request.headers.items()), request.read(), Moment(0, 0))
    assert call.forms == (("t", text),)
    assert call.uploads == (("f", Upload("n", "a/b", content)),)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=a", b"no boundary at all"),
        ("multipart/form-data; boundary=a", b"--a\r\nbroken"),
        ("multipart/form-data; boundary=a", b""),
    ],
)
def test_a_form_that_is_torn(kind: str, body: bytes) -> None:
    call = Call("POST", "/", [("Content-Type", kind)], body, Moment(0, 0))
    assert call.form == {}
    assert call.files == {}


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "python_multipart.multipart", None)
    call = Call("POST", "/", [("Content-Type", "multipart/form-data; boundary=a")], b"", Moment(0, 0))
    with pytest.raises(UsageError, match=r"pip install 'interlace\[http\]'"):
        assert call.form
