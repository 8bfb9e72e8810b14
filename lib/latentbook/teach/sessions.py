"""Where answers run: a namespace that executes code, and gives out what it defines.

A `Session` runs cells and hands over values; what cannot travel (a function, a fitted model) comes
as a `Proxy`, which calls it there.
`Local` is a session in this process, for our own solutions; `sandbox` has one for other people's.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any, Protocol

from latentbook.teach import wire
from latentbook.teach.checking import reason
from latentbook.teach.wire import Handle

#: Of what a cell prints, this much is kept.
PRINTED = 20_000


class AnswerError(Exception):
    """What happened in an answer, in a line."""


class Session(Protocol):
    """Executes cells one after the other in one namespace."""

    def run(self, code: str) -> str:
        """Execute a cell and return what it printed; raise `AnswerError` if it fails."""

    def value(self, name: str) -> Any:
        """Return what a name stands for; raise `AnswerError` if there is no such name."""


class Server:
    """The side of a student: executes cells, and answers questions about what they define.

    Parameters
    ----------
    execute : callable
        Executes a cell in `namespace`, and raises what it raises.
    namespace : dict
    """

    def __init__(self, execute: Callable[[str], None], namespace: dict[str, Any]) -> None:
        self.execute, self.namespace = execute, namespace
        self.kept: dict[int, Any] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request; errors of the student's code are answers too."""
        printed = Printed()
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                value = self._do(request)
            return {"value": wire.pack(value, self._keep), "printed": printed.text()}
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return {"error": reason(error)[:2000], "printed": printed.text()}

    def _keep(self, value: Any) -> int:
        self.kept[id(value)] = value
        return id(value)

    def _do(self, request: dict[str, Any]) -> Any:
        if request["do"] == "run":
            self.execute(request["code"])
            return None
        if request["do"] == "value":
            if request["name"] not in self.namespace:
                raise NameError(f"{request['name']} is not defined")
            return self.namespace[request["name"]]
        one = self.kept[request["handle"]]
        if request["do"] == "attribute":
            return getattr(one, request["name"])
        arguments = wire.unpack(request["arguments"], self._fetch)
        named = wire.unpack(request["named"], self._fetch)
        return one(*arguments, **named)

    def _fetch(self, handle: Handle) -> Any:
        return self.kept[handle.number]


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed, and counts the rest."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.kept = self.lost = 0

    def write(self, text: str) -> int:
        """Keep a text as far as there is room."""
        part = text[: max(0, PRINTED - self.kept)]
        if part:
            self.parts.append(part)
        self.kept += len(part)
        self.lost += len(text) - len(part)
        return len(text)

    def text(self) -> str:
        """Return what was kept, and say how much was not."""
        rest = f"\n... and {self.lost:,} characters more" if self.lost else ""
        return "".join(self.parts) + rest


class Proxy:
    """Stands for something in a session: it is called there, and has the attributes it has there.

    Parameters
    ----------
    ask : callable
        Sends a request to the session and returns the value.
    handle : Handle
    """

    def __init__(self, ask: Callable[[dict[str, Any]], Any], handle: Handle) -> None:
        self._ask, self._handle = ask, handle

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it where it is."""
        if not self._handle.callable:
            raise AnswerError(f"a value of type {self._handle.kind} cannot be called")
        return self._ask(
            {
                "do": "call",
                "handle": self._handle.number,
                "arguments": wire.pack(list(arguments), self._number),
                "named": wire.pack(named, self._number),
            }
        )

    def __getattr__(self, name: str) -> Any:
        """Return an attribute as it is there."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self._ask({"do": "attribute", "handle": self._handle.number, "name": name})

    def __repr__(self) -> str:
        """Say what it stands for."""
        return f"<{self._handle.kind} of the answer>"

    @staticmethod
    def _number(value: Any) -> int:
        if isinstance(value, Proxy):
            return value._handle.number
        raise TypeError(
            f"a test cannot pass a {type(value).__name__} to an answer: pass numbers, texts, "
            "arrays, tables, or what the answer itself returned"
        )


class Asking:
    """The side of the tests: what `Session` promises, over any way to send a request."""

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the reply."""
        raise NotImplementedError

    def run(self, code: str) -> str:
        """Execute a cell and return what it printed; raise `AnswerError` if it fails."""
        reply = self.ask({"do": "run", "code": code})
        if "error" in reply:
            raise AnswerError(str(reply["error"]))
        return str(reply.get("printed", ""))

    def value(self, name: str) -> Any:
        """Return what a name stands for; raise `AnswerError` if there is no such name."""
        return self._valued({"do": "value", "name": name})

    def _valued(self, request: dict[str, Any]) -> Any:
        reply = self.ask(request)
        if "error" in reply:
            raise AnswerError(str(reply["error"]))
        try:
            return wire.unpack(reply["value"], lambda handle: Proxy(self._valued, handle))
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerError(f"the answer could not be read: {reason(error)}") from None


class Local(Asking):
    """A session in this process, for code that is our own.

    Parameters
    ----------
    namespace : dict
        Names that are there from the beginning; it is changed.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.server = Server(lambda code: execute(code, namespace), namespace)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request."""
        return self.server.answer(request)


def execute(code: str, namespace: dict[str, Any], name: str = "<answer>") -> None:
    """Execute code of ours in a namespace."""
    exec(compile(code, name, "exec"), namespace)
