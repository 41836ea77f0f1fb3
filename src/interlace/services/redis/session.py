"""One connection to a fake Redis: fakeredis' own, whose replies are bytes and whose waiting takes virtual time.

fakeredis parks a thread or a task for a command that waits, goes through subscribers in the order of their
addresses, and gives the members of a set in the order of their hashes. None of this repeats from run to run, so it
is done here, or in `store`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

import redis
from fakeredis._commands import COMMANDS_WITH_SUB, SUPPORTED_COMMANDS, Signature
from fakeredis._helpers import NoResponse, SimpleError, decode_command_bytes

from interlace.errors import UsageError
from interlace.services.redis.commands import OWN, Commands
from interlace.services.redis.shapes import coded, plain, shaped
from interlace.services.redis.wire import NO_ARRAY, Malformed, Push, Requests, Several, encode

if TYPE_CHECKING:
    from interlace.services.redis.store import Store
    from interlace.sim.network.service import Outlet

_OPEN_TO_ALL = frozenset({"auth", "hello", "quit", "reset"})
_ABOUT_CHANNELS = frozenset(
    {
        *("subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"),
        *("ping", "quit", "reset"),
    }
)
_ALSO_OF_VALKEY = frozenset(
    {
        *("hexpire", "hexpireat", "hexpiretime", "hpersist", "hpexpire", "hpexpireat", "hpexpiretime"),
        *("hpttl", "httl", "hsetex", "hgetex", "hgetdel"),
    }
)
"""Commands of Redis that Valkey has as well since 9.0, and fakeredis' Valkey has not."""

_SCRIPTS = frozenset({"eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro", "script", "function"})

_LISTENS = "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
_MOST_SHOWN = 128
"""Characters of a command that are shown when it is not known, as in Redis (src/server.c)."""

_NEEDS_AUTH = "NOAUTH Authentication required."


class Waiter:
    """A command that waits for something to be there.

    Args:
        session: whose command it is.
        attempt: tries it again: returns None while there is nothing.
        shape: makes the reply of what that has returned, or of None when the time is over.
    """

    def __init__(self, session: Session, attempt: Callable[[], Any], shape: Callable[[Any], Any]) -> None:
        self.session = session
        self.attempt = attempt
        self.shape = shape
        self.forget: Callable[[], None] = lambda: None


class Session(Commands):
    """One connection.

    Args:
        store: the server it is a connection to.
        outlet: where its replies go.
        asks: told of each command: its name and its words; None: it is a client without wire, who needs no
            password, and does not wait.

    Attributes:
        number: the how-manieth connection it is.
        is_over: whether it is closed.
    """

    def __init__(
        self, store: Store, outlet: Outlet, asks: Callable[[Session, str, list[bytes]], None] | None
    ) -> None:
        info = {"addr": outlet.peer, "fd": 8, "name": "", "flags": "N"}
        super().__init__(store.server, 0, client_class=redis.Redis, client_info=info)
        self._store = store
        self.outlet = outlet
        self._asks = asks
        self.number: int = self._client_info["id"]
        self._requests = Requests()
        self._replies: list[bytes] = []
        self._name = ""
        self._words: list[bytes] = []
        self._answers = False
        self._version = store.version
        self._only_user = store.user
        self._is_known = self._needs_no_password = store.password is None or asks is None
        self.is_over = False

    @property
    def db(self) -> int:
        """The number of the database that it has selected."""
        number: int = self._db_num
        return number

    # -- what the connection tells it ------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Takes bytes, and answers the commands in them."""
        self._requests.feed(data)
        self.go_on()
        self._store.settle()

    def go_on(self) -> None:
        """Answers what has arrived, up to a command that waits."""
        while not (self._blocked or self.is_over):
            try:
                words = self._requests.next()
            except Malformed as error:
                self._say(SimpleError(f"ERR Protocol error: {error}"))
                self.finish()
                return
            if words is None:
                return
            if words:
                self._process_command(words)
                if self._store.changed:
                    self._store.serve()

    def go_on_as(self, before: Session) -> None:
        """Takes over what the client of another session has chosen."""
        self._client_info["resp"] = before._client_info.protocol_version
        self.select(before.db)

    def finish(self) -> None:
        """Ends the connection, after what is still to be said."""
        self.flush()
        self.end()
        self.outlet.close()

    def end(self) -> None:
        """Lets go of everything: the connection is gone."""
        if not self.is_over:
            self.is_over = True
            self._store.leave(self)
            self._clear_watches()

    def flush(self) -> None:
        """Sends what there is to say."""
        if self._replies:
            data = b"".join(self._replies)
            self._replies.clear()
            self.outlet.send(data, self._store.delays)

    # -- what fakeredis calls --------------------------------------------------------------------

    def _process_command(self, fields: list[bytes]) -> None:
        name = decode_command_bytes(fields[0])
        self._name, self._words = name, fields
        has_sub = name in COMMANDS_WITH_SUB
        if self._asks is not None:
            words = [name, decode_command_bytes(fields[1])] if has_sub and len(fields) > 1 else [name]
            self._asks(self, " ".join(words).upper(), fields[len(words) :])
        self._answers = False
        if name == "acl":
            self._store.is_open = False
        if not self._is_known and name not in _OPEN_TO_ALL:
            self._say(SimpleError(_NEEDS_AUTH))
            return
        if self._pubsub and name not in _ABOUT_CHANNELS and self._client_info.protocol_version == 2:
            # Only RESP3 tells messages from replies.
            self._say(SimpleError(_LISTENS.format(name)))
            return
        if self._transaction is not None and name in ("multi", "watch") and self.server_type == "valkey":
            self._transaction_failed = True
            self._say(SimpleError(f"ERR Command '{name}' not allowed inside a transaction"))
            return
        try:
            if self._transaction is not None or has_sub or name == "exec" or not self._is_usual:
                super()._process_command(fields)
            else:
                self._answer(name, fields[1:])
        except (SimpleError, UsageError):
            raise
        except Exception as error:
            what = f"ERR fakeredis {version_of('fakeredis')} cannot do this: {type(error).__name__}: {error}"
            self._say(SimpleError(what))
        self._answers = False
        if self._killed:  # by QUIT, or CLIENT KILL
            self.finish()

    def kill(self) -> None:
        """Is called by CLIENT KILL, of another client or this one: the connection ends once that is answered."""
        super().kill()
        self._store.stop_waiting(self)
        self._store.killed.append(self)

    @property
    def _is_usual(self) -> bool:
        """Whether the client may do anything, and is answered."""
        return self._store.is_open and not (self._reply_off or self._reply_skip)

    def _answer(self, name: str, args: list[bytes]) -> None:
        """Runs a command for which nothing else is to be looked at."""
        try:
            func, signature = self._name_to_func(name)
            with self._server.lock:
                result = self._run_command(func, signature, args, False)
        except SimpleError as error:
            result = error
        if not isinstance(result, NoResponse):
            self._say(coded(name, result) if isinstance(result, SimpleError) else result)

    def _name_to_func(self, cmd_name: str) -> tuple[Any, Signature]:
        own = OWN.get(cmd_name)
        if own is not None:
            return getattr(self, own.func_name), own
        if cmd_name in _ALSO_OF_VALKEY and cmd_name in SUPPORTED_COMMANDS:
            known = SUPPORTED_COMMANDS[cmd_name]
            return getattr(self, known.func_name), known
        func, signature = super()._name_to_func(cmd_name)
        return func, signature

    def _unknown_command(self, command: str, args: str | None = None) -> SimpleError:
        if command.split(" ")[0].lower() in _SCRIPTS:
            return SimpleError("ERR scripts need lupa, which is not installed: pip install 'fakeredis[lua]'")
        name, *words = [word.decode("utf-8", "replace") for word in self._words]
        shown = "".join(f"'{word}' " for word in words)[:_MOST_SHOWN]
        text = f"ERR unknown command '{name[:_MOST_SHOWN]}', with args beginning with: {shown}"
        return SimpleError(text.replace("\r", " ").replace("\n", " "))

    def _run_command(self, func: Any, sig: Signature, args: list[Any], from_script: bool) -> Any:
        name = sig.name
        told: list[Any] | None = [] if self._in_transaction and name in _ABOUT_CHANNELS else None
        self._told = told
        subscriptions = self._pubsub
        free = subscriptions and (name not in _ABOUT_CHANNELS or name == "quit")
        if free:
            self._pubsub = 0  # fakeredis refuses it, also with RESP3
        try:
            result = super()._run_command(func, plain(sig), args, from_script)
        finally:
            if free:
                self._pubsub = subscriptions
        if told:
            self._told = None
            return Several(told)
        result = shaped(name, len(args), result, self._resp_version)
        return None if from_script and result is NO_ARRAY else result

    def _decode_result(self, result: Any) -> Any:
        """Is called with the reply to a command, just before that is put."""
        self._answers = True
        return result

    def put_response(self, msg: Any) -> None:
        """Says something: the reply to a command, or a message."""
        if self._answers or not isinstance(msg, list):
            self._answers = False
            self._say(coded(self._name, msg) if isinstance(msg, SimpleError) else msg)
        elif self._told is not None:
            self._told.append(Push(msg))
        else:
            self._say(Push(msg))

    def _say(self, message: Any) -> None:
        if not self.is_over:
            self._replies.append(encode(message, self._client_info.protocol_version))
            self._store.speaks(self)

    def _keyspace_notifications(self, command_items: list[Any], event: bytes) -> None:
        if self._server.config.get(b"notify-keyspace-events"):  # fakeredis always sends them
            super()._keyspace_notifications(command_items, event)

    # -- waiting ---------------------------------------------------------------------------------

    def _blocking(
        self, timeout: float | None, func: Callable[[bool], Any], shape: Callable[[Any], Any] | None = None
    ) -> Any:
        made = shape or (lambda result: result)
        found = func(True)
        if found is not None or self._in_transaction:
            return made(found)
        if self._asks is None:
            raise UsageError(
                f"{self._name.upper()} would have to wait, and a client without wire waits for nobody: ask that of a "
                "client in a task"
            )
        self._blocked = True
        waiter = Waiter(self, lambda: func(False), made)
        if timeout:
            waiter.forget = self.outlet.later(
                round(timeout * 1e9), f"end of {self._name}", lambda: self._store.give_up(waiter)
            )
        self._store.waiters.append(waiter)
        return NoResponse()

    def wake(self, waiter: Waiter, found: Any) -> None:
        """Answers the command that waits; None: in vain."""
        waiter.forget()
        self._blocked = False
        self._unblock_reason = None
        result = found if isinstance(found, SimpleError) else waiter.shape(found)
        result = shaped(self._name, 0, result, self._client_info.protocol_version)
        self._say(result)

    @property
    def unblocked_by(self) -> bytes | None:
        """How CLIENT UNBLOCK has ended the wait: `timeout` or `error`; None if it has not."""
        reason: bytes | None = self._unblock_reason
        return reason
