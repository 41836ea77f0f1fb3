"""A fake web API: its routes, which of them a request is for, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from interlace.errors import UnmatchedRequest, UnusedRoute, UsageError
from interlace.services.http import replies
from interlace.services.http.address import Base
from interlace.services.http.answers import Reply, is_token
from interlace.services.http.asked import Asked
from interlace.services.http.calls import Call
from interlace.services.http.conditions import ABSENT, Conditions
from interlace.services.http.conversation import HttpConversation, load_h11
from interlace.services.http.frames import asks_for_websocket
from interlace.services.http.routes import Route
from interlace.services.http.templates import Template
from interlace.services.http.websockets import WsRoute
from interlace.services.order import Moment
from interlace.sim.latency import Latency, parse_latency

if TYPE_CHECKING:
    from interlace.services.http.openapi import Contract

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "*")
_SHOWN_ROUTES = 3


class HttpFake:
    """A fake web API at a host name. Made by `World.http`.

    Of the routes that are for a request, the one with the more literal path answers, then the one with more
    conditions, then the one that was made first.

    Args:
        base: where it is.
        now: returns the moment.
        complain: told what is wrong with the test.
        strict: whether a request that no route is for is wrong.
        latency: how long answers take of which nothing was said; None: as the network says.
        is_still: tells whether nothing is on its way through the network.

    Attributes:
        calls: all requests, in the order in which they arrived, answered by a route or not.
        routes: the routes, in the order in which they were made.
    """

    def __init__(
        self,
        base: Base,
        now: Callable[[], Moment],
        complain: Callable[[BaseException], None],
        *,
        strict: bool = True,
        latency: Latency | None = None,
        is_still: Callable[[], bool] = lambda: True,
    ) -> None:
        load_h11()
        if latency is not None:
            parse_latency(latency)
        if not isinstance(strict, bool):
            raise UsageError(f"strict={strict!r}: give True or False")
        self._base = base
        self._now = now
        self._complain = complain
        self._strict = strict
        self._latency = latency
        self._is_still = is_still
        self.calls: list[Call] = []
        self.routes: list[Asked] = []
        self._contracts: list[Contract] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._base.shown}{self._base.path}>"

    # -- routes ----------------------------------------------------------------------------------

    def route(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        json: Any = ABSENT,
        form: Mapping[str, Any] | None = None,
        body: bytes | str | Callable[[bytes], object] | None = None,
        when: Callable[[Call], object] | None = None,
    ) -> Route:
        """Makes a route: it is for the requests that fit all that is given.

        Args:
            method: such as `"GET"`; `"*"`: any.
            path: a template: `/users/{id}`; `{path:rest}` at its end takes all that follows.
            query, headers, form: names and values that it has; it may have more. See `Conditions`.
            json: what the body is, read as JSON; or a function that is given that.
            body: what the body is, as bytes or text; or a function that is given the bytes.
            when: called with the `Call`; whether the route is for it.

        Raises:
            UsageError: an argument that cannot work, or an earlier route answers all of these requests.
        """
        if not isinstance(method, str) or method.upper() not in _METHODS:
            raise UsageError(f"{method!r} is no method of HTTP: give one of {', '.join(_METHODS)}")
        template = Template(path, self._base.path)
        made = Route(method.upper(), template, Conditions(query, headers, json, form, body, when))
        self._add(made)
        return made

    def ws(
        self,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        when: Callable[[Call], object] | None = None,
        subprotocols: Iterable[str] = (),
        latency: Latency | None = None,
    ) -> WsRoute:
        """Makes a route for websockets.

        Args:
            path: as for `route`, and so are query, headers and when.
            subprotocols: those it speaks, the best one first; then it is for requests that offer one of them.
            latency: how long it takes to accept a connection, and to answer a message.

        Raises:
            UsageError: an argument that cannot work, websockets is not installed, or an earlier route answers all of
                these requests.
        """
        spoken = (subprotocols,) if isinstance(subprotocols, str) else tuple(subprotocols)
        if not all(isinstance(one, str) and is_token(one) for one in spoken):
            raise UsageError(f"subprotocols={spoken!r}: give words without spaces, such as ['graphql-ws']")
        made = WsRoute(
            Template(path, self._base.path),
            Conditions(query, headers, when=when),
            spoken,
            self._latency if latency is None else latency,
            self._now,
            self._complain,
            self._is_still,
        )
        self._add(made)
        return made

    def openapi(self, source: Any, *, latency: Latency | None = None, validate: bool = True) -> Contract:
        """Has the fake keep to a document of OpenAPI 3.0 or 3.1: answers are its examples, else made from its schemas.

        Routes go before what the document answers, and need not be in it.

        Args:
            source: the path of the document (.yaml, .yml, .json), or a dict. Its paths begin at the base URL of the fake.
            latency: how long answers take, as for `World.latency`.
            validate: whether a request that the document does not allow fails the test; it is answered by 400.

        Raises:
            UsageError: the document cannot be read or is not right, another argument cannot work, or the libraries
                of `interlace[openapi]` are not installed.
        """
        from interlace.services.http.openapi import Contract, load

        contract = Contract(load(source), self._base.path, latency, validate)
        for route in contract.routes:
            self._add(route)
        self._contracts.append(contract)
        return contract

    def _add(self, made: Asked) -> None:
        for other in self.routes:
            if (
                other.limit is None
                and other.likeness == made.likeness
                and other.conditions == made.conditions
            ):
                raise UsageError(
                    f"route {made} would never be asked: {other} answers the same requests. For one answer after the "
                    "other write .sequence(first, second) or .once() at the first one; else tell them apart by query=, "
                    "headers=, json=, form=, body= or when="
                )
        self.routes.append(made)

    def get(self, path: str, **conditions: Any) -> Route:
        """Makes a route for GET; arguments and errors as for `route`."""
        return self.route("GET", path, **conditions)

    def post(self, path: str, **conditions: Any) -> Route:
        """Makes a route for POST; arguments and errors as for `route`."""
        return self.route("POST", path, **conditions)

    def put(self, path: str, **conditions: Any) -> Route:
        """Makes a route for PUT; arguments and errors as for `route`."""
        return self.route("PUT", path, **conditions)

    def patch(self, path: str, **conditions: Any) -> Route:
        """Makes a route for PATCH; arguments and errors as for `route`."""
        return self.route("PATCH", path, **conditions)

    def delete(self, path: str, **conditions: Any) -> Route:
        """Makes a route for DELETE; arguments and errors as for `route`."""
        return self.route("DELETE", path, **conditions)

    def head(self, path: str, **conditions: Any) -> Route:
        """Makes a route for HEAD; arguments and errors as for `route`."""
        return self.route("HEAD", path, **conditions)

    def options(self, path: str, **conditions: Any) -> Route:
        """Makes a route for OPTIONS; arguments and errors as for `route`."""
        return self.route("OPTIONS", path, **conditions)

    # -- what the network asks it ----------------------------------------------------------------

    def connect(self) -> HttpConversation:
        """Returns the conversation for a new connection."""
        return HttpConversation(self._now, self._answer)

    def unused(self) -> UnusedRoute | None:
        """Returns what is wrong if routes were asked less often than they must be; None if nothing is."""
        wants = tuple(f"{self._base.shown}: {wants}" for route in self.routes if (wants := route.wants))
        return UnusedRoute(wants) if wants else None

    def _answer(self, call: Call) -> Generator[Any, Any, Reply]:
        self.calls.append(call)
        try:
            route = self._route_for(call)
            if route is None:
                return self._refuse(call)
            for contract in self._contracts:
                broken = contract.check(call, self._shown(call))
                if broken is not None:
                    self._complain(broken)
                    return replies.text(f"{broken}\n", 400)
            reply = yield from route.take(call)
        except Exception as error:  # of a function that the test has given
            self._complain(error)
            return replies.text(f"the fake has failed: {type(error).__name__}: {error}", 500)
        return reply.after(self._latency)

    def _route_for(self, call: Call) -> Asked | None:
        found = [route for route in self.routes if not route.misses(call)]
        return min(found, key=lambda route: (route.precedence, route.rank), default=None)

    def _shown(self, call: Call) -> str:
        return f"{call.method} {self._base.shown}{call.target}"

    def _refuse(self, call: Call) -> Reply:
        path = call.full_path.removeprefix(self._base.path) or "/"
        known = call.method in _METHODS and path.startswith("/") and not {*"{}"} & {*path}
        name = call.method.lower() if call.method.lower() in dir(self) else ""
        call_text = f"api.{name}({path!r})" if name else f"api.route({call.method!r}, {path!r})"
        answer = ".json(...)"
        if asks_for_websocket(call):
            call_text, answer = f"api.ws({path!r})", ".script(...)"
        example = f"make one: {call_text}{answer}; or " if known else ""
        error = UnmatchedRequest(
            self._shown(call),
            self._nearest(call),
            f"If the request is right, {example}let it be, with strict=False: it is answered by 501",
        )
        if self._strict:
            self._complain(error)
        return replies.text(f"{error}\n", 501)

    def _nearest(self, call: Call) -> tuple[str, ...]:
        """Returns a line for each of the nearest routes, and why it is not for a request."""
        found = []
        for number, route in enumerate(self.routes):
            missed = route.misses(call)
            fits = route.template.match(call.raw_path) is not None
            likeness = SequenceMatcher(None, self._base.path + route.template.text, call.full_path).ratio()
            other = route.method not in ("*", call.method)
            found.append(
                ((not fits, other, len(missed), -likeness, number), f"{route!r}: {'; '.join(missed)}")
            )
        return tuple(line for _, line in sorted(found)[:_SHOWN_ROUTES])
