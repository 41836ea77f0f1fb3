"""Fakes that keep to a document of OpenAPI: answers out of it, and requests that it does not allow."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import interlace
from interlace import BrokenContract, UnmatchedRequest, UsageError

SHOP = """
openapi: 3.0.3
info: {title: Shop, version: "1"}
paths:
  /users/{user-id}:
    parameters:
      - {name: user-id, in: path, required: true, schema: {type: integer, minimum: 1}}
    get:
      operationId: getUser
      parameters:
        - {name: fields, in: query, explode: false, schema: {type: array, items: {type: string, enum: [id, name]}}}
        - {name: X-Trace, in: header, schema: {type: string, format: uuid}}
      responses:
        404: {description: no such user}
        200:
          description: the user
          headers:
            X-Limit: {required: true, schema: {type: integer, example: 10}}
          content:
            application/json:
              schema: {$ref: '#/components/schemas/User'}
    delete:
      responses: {204: {description: gone}}
  /users/me:
    get:
      responses:
        200:
          description: who asks
          content:
            application/json: {example: {id: 7, name: Me, born: 2001-02-03}}
  /users:
    get:
      operationId: listUsers
      parameters:
        - {name: page, in: query, required: true, schema: {type: integer}}
        - {name: all, in: query, schema: {type: boolean}}
        - {name: tag, in: query, schema: {type: array, items: {type: string}, maxItems: 2}}
        - {name: filter, in: query, style: deepObject, schema: {type: object, properties: {age: {type: integer}}}}
        - {name: session, in: cookie, schema: {type: string, minLength: 3}}
      responses:
        2XX: {description: ok, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/User'}}}}}
    post:
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/User'}}
          application/x-www-form-urlencoded: {schema: {$ref: '#/components/schemas/User'}}
          multipart/form-data:
            schema:
              type: object
              required: [name, photo]
              properties: {name: {type: string}, photo: {type: string, format: binary}}
      responses:
        201:
          description: made
          content:
            application/json:
              examples: {first: {value: {id: 1, name: Ann}}, second: {value: {id: 2, name: Bob}}}
  /health:
    get:
      responses: {default: {description: text, content: {text/plain: {schema: {type: string, example: well}}}}}
components:
  schemas:
    User:
      type: object
      required: [name]
      properties:
        id: {type: integer, minimum: 1, readOnly: true}
        name: {type: string, minLength: 2}
        email: {type: string, format: email, nullable: true}
        born: {type: string, format: date}
        password: {type: string, writeOnly: true}
        age: {type: integer, exclusiveMinimum: true, minimum: 0}
        friends: {type: array, items: {$ref: '#/components/schemas/User'}}
"""
DOCUMENT = yaml.load(SHOP, yaml.BaseLoader)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return path


def outcome_of(program: Callable[..., Any]) -> interlace.Outcome:
    return interlace.run(program)


def passes(program: Callable[..., Any]) -> None:
    error = outcome_of(program).error
    if error is not None:
        raise error


async def ask(method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url="http://shop/v1") as client:
        return await client.request(method, path, **options)


# -- answers -------------------------------------------------------------------------------------


def test_answers_are_examples_else_made_from_schemas(shop: Path) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://shop/v1")
        contract = api.openapi(shop, latency="1s")
        user = {
            "id": 1,
            "name": "string",
            "email": "user@example.com",
            "born": "2026-01-01",
            "age": 1,
            "friends": [],
        }
        answer = await ask("GET", "/users/42")
        assert world.clock.elapsed == 1
        assert (answer.status_code, answer.json()) == (200, user)
        assert answer.headers["x-limit"] == "10"
        assert (await ask("GET", "/users/me")).json() == {"id": 7, "name": "Me", "born": "2001-02-03"}
        assert (await ask("GET", "/users?page=1")).json() == [user]
        answer = await ask("POST", "/users", json={"name": "Ann"})
        assert (answer.status_code, answer.json()) == (201, {"id": 1, "name": "Ann"})
        answer = await ask("GET", "/health")
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (
            200,
            "well",
            "text/plain",
        )
        answer = await ask("DELETE", "/users/42")
        assert (answer.status_code, answer.content) == (204, b"")
        assert contract["getUser"].calls[0].path == {"user-id": "42"}
        assert len(contract["DELETE /users/{user-id}"].calls) == 1
        assert len(api.calls) == 6

    passes(program)


def test_the_same_from_json_and_from_a_dict(tmp_path: Path) -> None:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "paths": {
            "/n": {
                "get": {
                    "responses": {
                        "200": {
                            "description": "n",
                            "content": {
                                "application/json": {
                                    "schema": {
                                        "type": ["null", "number"],
                                        "exclusiveMinimum": 3,
                                        "multipleOf": 2,
                                    }
                                }
                            },
                        }
                    }
                }
            }
        },
    }
    path = tmp_path / "n.json"
    path.write_text(json.dumps(document))

    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(source)
        assert (await ask("GET", "/n")).json() == 4

    for given in (path, str(path), document):
        source = given
        passes(program)


def test_routes_go_before_the_document(shop: Path) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://shop/v1")
        api.openapi(shop)
        api.get("/users/{id}").once().status(404)
        api.get("/users/{user-id}".replace("-", "_"), query={"x": "1"}).text("x").optional()
        api.get("/other").text("not in the document")
        assert (await ask("GET", "/users/1")).status_code == 404
        assert (await ask("GET", "/users/me")).json()["name"] == "Me"
        assert (await ask("GET", "/users/1")).status_code == 200
        assert (await ask("GET", "/other")).text == "not in the document"

    passes(program)


def test_a_route_of_the_document_that_must_be_asked(shop: Path) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(shop)["listUsers"].required()

    assert "GET /users of shop.yaml was never asked" in str(outcome_of(program).error)


def test_references_to_other_files(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "user.yaml").write_text(
        "User: {type: object, required: [n], properties: {n: {$ref: '#/N'}}}\nN: {type: integer, minimum: 5}\n"
    )
    document = {
        "openapi": "3.0.0",
        "info": {"title": "x", "version": "1"},
        "paths": {
            "/u": {
                "post": {
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "parts/user.yaml#/User"}}}
                    },
                    "responses": {
                        "200": {
                            "description": "",
                            "content": {"application/json": {"schema": {"$ref": "./parts/user.yaml#/User"}}},
                        }
                    },
                }
            }
        },
    }
    (tmp_path / "x.yaml").write_text(yaml.dump(document))

    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(tmp_path / "x.yaml")
        assert (await ask("POST", "/u", json={"n": 6})).json() == {"n": 5}
        await ask("POST", "/u", json={"n": 4})

    error = outcome_of(program).error
    assert isinstance(error, BrokenContract), error
    assert error.problems == ("body.n: 4 is less than the minimum of 5 (user.yaml#/N/minimum)",)


# -- requests ------------------------------------------------------------------------------------

RIGHT: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/users?page=-3&all=true&tag=a&tag=b&filter[age]=3&other=1", {}),
    ("GET", "/users?page=1", {"headers": {"Cookie": "session=abc"}}),
    ("GET", "/users/1?fields=id,name", {}),
    ("GET", "/users/1", {"headers": {"X-Trace": "123e4567-e89b-12d3-a456-426614174000"}}),
    (
        "POST",
        "/users",
        {"json": {"name": "Ann", "email": None, "born": "2001-02-03", "age": 1, "password": "x"}},
    ),
    ("POST", "/users", {"data": {"name": "Ann", "age": "3"}}),
    ("POST", "/users", {"data": {"name": "Ann"}, "files": {"photo": ("x.png", b"\xff\x00", "image/png")}}),
]
WRONG: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "GET",
        "/users/ann",
        {},
        "path 'user-id': 'ann' is not of type 'integer' (shop.yaml#/paths/~1users~1{user-id}/parameters/0/schema/type)",
    ),
    ("GET", "/users/0", {}, "path 'user-id': 0 is less than the minimum of 1"),
    ("GET", "/users", {}, "query 'page' is missing (shop.yaml#/paths/~1users/get/parameters/0)"),
    ("GET", "/users?page=x", {}, "query 'page': 'x' is not of type 'integer'"),
    ("GET", "/users?page=1&all=yes", {}, "query 'all': 'yes' is not of type 'boolean'"),
    ("GET", "/users?page=1&tag=a&tag=b&tag=c", {}, "query 'tag': ['a', 'b', 'c'] is too long"),
    ("GET", "/users?page=1&filter[age]=old", {}, "query 'filter'.age: 'old' is not of type 'integer'"),
    ("GET", "/users?page=1", {"headers": {"Cookie": "session=a"}}, "cookie 'session': 'a' is too short"),
    ("GET", "/users/1?fields=id,age", {}, "query 'fields'[1]: 'age' is not one of ['id', 'name']"),
    ("GET", "/users/1", {"headers": {"X-Trace": "1"}}, "header 'X-Trace': '1' is not a 'uuid'"),
    ("POST", "/users", {}, "the body is missing (shop.yaml#/paths/~1users/post/requestBody)"),
    (
        "POST",
        "/users",
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        "the body is no JSON",
    ),
    (
        "POST",
        "/users",
        {"content": b"x", "headers": {"Content-Type": "text/plain"}},
        "the body is text/plain; the contract knows application/json, application/x-www-form-urlencoded, multipart/form-data",
    ),
    ("POST", "/users", {"json": {"age": 3}}, "body: 'name' is a required property"),
    (
        "POST",
        "/users",
        {"json": {"name": "Ann", "friends": [{"name": "Bob"}, {"name": 3}]}},
        "body.friends[1].name: 3 is not of type 'string' (shop.yaml#/components/schemas/User/properties/name/type)",
    ),
    ("POST", "/users", {"json": {"name": "Ann", "id": 3}}, "body"),
    (
        "POST",
        "/users",
        {"json": {"name": "Ann", "born": "yesterday"}},
        "body.born: 'yesterday' is not a 'date'",
    ),
    ("POST", "/users", {"json": {"name": "Ann", "age": 0}}, "body.age"),
    ("POST", "/users", {"data": {"name": "A"}}, "body.name: 'A' is too short"),
    (
        "POST",
        "/users",
        {"files": {"photo": ("x.png", b"x", "image/png")}},
        "body: 'name' is a required property",
    ),
]


@pytest.mark.parametrize(("method", "path", "options"), RIGHT)
def test_what_is_allowed(shop: Path, method: str, path: str, options: dict[str, Any]) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(shop)
        assert (await ask(method, path, **options)).status_code < 300

    passes(program)


@pytest.mark.parametrize(("method", "path", "options", "told"), WRONG)
def test_what_is_not_allowed(shop: Path, method: str, path: str, options: dict[str, Any], told: str) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(shop)
        answers.append(await ask(method, path, **options))

    answers: list[httpx.Response] = []
    error = outcome_of(program).error
    assert isinstance(error, BrokenContract), error
    assert isinstance(error, AssertionError)
    assert str(error).startswith(f"{method} http://shop/v1{path.partition('?')[0]}")
    assert told in error.problems[0]
    assert answers[0].status_code == 400
    assert told in answers[0].text


def test_without_looking_at_requests(shop: Path) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(shop, validate=False)
        assert (await ask("GET", "/users/ann")).status_code == 200

    passes(program)


def test_requests_that_routes_answer_are_looked_at_too(shop: Path) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://shop/v1")
        api.openapi(shop)
        api.get("/users").json([])
        await ask("GET", "/users?page=x")

    assert isinstance(outcome_of(program).error, BrokenContract)


def test_what_the_document_does_not_know(shop: Path) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(shop)
        assert (await ask("GET", "/user/3")).status_code == 501
        await ask("PATCH", "/users/3")

    error = outcome_of(program).error
    assert isinstance(error, UnmatchedRequest)
    assert "no route for GET http://shop/v1/user/3" in str(error)
    assert any(
        line.startswith("GET /users/{user-id} of shop.yaml: the path does not fit /users/{user-id}")
        for line in error.nearest
    )


# -- examples that are made up -------------------------------------------------------------------

MADE_UP: list[tuple[Any, Any]] = [
    ({"type": "string"}, "string"),
    ({"type": "string", "minLength": 8}, "stringxx"),
    ({"type": "string", "maxLength": 3}, "str"),
    ({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00Z"),
    ({"type": "string", "enum": ["b", "a"]}, "b"),
    ({"type": "string", "pattern": "^s"}, "string"),
    ({"type": "integer"}, 0),
    ({"type": "integer", "minimum": 3, "multipleOf": 5}, 5),
    ({"type": "integer", "maximum": -3}, -3),
    ({"type": "integer", "exclusiveMinimum": 0}, 1),
    ({"type": "integer", "exclusiveMaximum": 0}, -1),
    ({"type": "number", "exclusiveMinimum": 1}, 1.5),
    ({"type": "boolean"}, True),
    ({"type": "null"}, None),
    ({"type": ["null", "string"]}, "string"),
    ({"const": 7}, 7),
    ({"type": "integer", "default": 4}, 4),
    ({"type": "integer", "examples": [9, 8]}, 9),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2, "uniqueItems": True}, [0, 1]),
    ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, [0, "string"]),
    ({"type": "object"}, {}),
    ({"properties": {"a": {"type": "null"}}}, {"a": None}),
    (
        {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
        {"key1": 0, "key2": 0},
    ),
    ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
    ({"properties": {"c": {"const": 3}}, "allOf": [{"properties": {"a": {"const": 1}}}]}, {"c": 3, "a": 1}),
    ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "string"),
    ({"$ref": "#/components/schemas/Tree"}, {"name": "string", "below": []}),
    ({}, {}),
]


def document_of(schema: Any) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "paths": {
            "/x": {
                "get": {
                    "responses": {
                        "200": {"description": "", "content": {"application/json": {"schema": schema}}}
                    }
                }
            }
        },
        "components": {
            "schemas": {
                "Tree": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "below": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
                    },
                },
                "Endless": {
                    "required": ["next"],
                    "properties": {"next": {"$ref": "#/components/schemas/Endless"}},
                },
            }
        },
    }


@pytest.mark.parametrize(("schema", "made"), MADE_UP)
def test_a_made_up_example(schema: Any, made: Any) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(document_of(schema))
        answer = (await ask("GET", "/x")).json()
        assert (answer, type(answer)) == (made, type(made))

    passes(program)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string", "pattern": "^[0-9]{4}$"}, "the example: 'string' does not match '^[0-9]{4}$'"),
        ({"$ref": "#/components/schemas/Endless"}, "its schema goes round in circles"),
        ({"not": {}}, "the example"),
    ],
)
def test_an_example_that_cannot_be_made_up(schema: Any, told: str) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(document_of(schema))
        assert (await ask("GET", "/x")).status_code == 500

    error = outcome_of(program).error
    assert isinstance(error, UsageError), error
    assert told in str(error)
    assert "Write an 'example' into the document" in str(error)


# -- documents that are wrong --------------------------------------------------------------------


def changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(document_of({"type": "string"})), **changes}


BAD: list[tuple[Any, str]] = [
    ("/no/such/file.yaml", "'/no/such/file.yaml' cannot be read"),
    (3, "openapi(3): give the path of a document"),
    ({}, "the document is no document of OpenAPI 3.0 or 3.1: it has no 'openapi'"),
    ({"swagger": "2.0"}, "it has no 'openapi'"),
    (changed(openapi="2.0"), "its 'openapi' is '2.0'"),
    (changed(info={"title": "x"}), "'version' is a required property"),
    (changed(paths={"x": {}}), "at the document#/paths"),
    (document_of({"type": "text"}), "is no right document of OpenAPI"),
    (document_of({"$ref": "#/components/schemas/Nobody"}), "Nobody"),
    (document_of({"$ref": "https://example.com/x.yaml"}), "example.com"),
    ({"a": object()}, "a dict that is no JSON"),
]


@pytest.mark.parametrize(("source", "told"), BAD)
def test_a_document_that_is_wrong(source: Any, told: str) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(source)
        await ask("GET", "/x")

    error = outcome_of(program).error
    assert isinstance(error, UsageError), error
    assert told in str(error)


@pytest.mark.parametrize(("name", "text"), [("x.yaml", "a: [b"), ("x.json", "{"), ("x.yaml", "\x00")])
def test_a_file_that_is_torn(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(tmp_path / name)

    error = outcome_of(program).error
    assert isinstance(error, UsageError), error
    assert str(error).startswith(f"{name} is no {'JSON' if name == 'x.json' else 'YAML'}: ")


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (lambda api, shop: api.openapi(shop)["nothing"], "has no operation 'nothing': it has 'getUser'"),
        (lambda api, shop: api.openapi(shop, latency=-1), "latency -1"),
        (lambda api, shop: api.openapi(shop, validate="no"), "validate='no'"),
        (lambda api, shop: [api.openapi(shop), api.openapi(shop)], "would never be asked"),
    ],
)
def test_bad_input(shop: Path, use: Any, told: str) -> None:
    async def program(world: interlace.World) -> None:
        use(world.http("http://shop/v1"), shop)

    error = outcome_of(program).error
    assert isinstance(error, UsageError), error
    assert told in str(error)


@pytest.mark.parametrize("missing", ["yaml", "openapi_spec_validator", "openapi_schema_validator"])
def test_without_a_library(monkeypatch: pytest.MonkeyPatch, shop: Path, missing: str) -> None:
    monkeypatch.setitem(__import__("sys").modules, missing, None)

    async def program(world: interlace.World) -> None:
        world.http("http://shop/v1").openapi(shop)

    error = outcome_of(program).error
    assert isinstance(error, UsageError)
    assert f"{missing} is not installed: pip install 'interlace[openapi]'" in str(error)
