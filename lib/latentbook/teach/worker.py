"""The process in which a student's notebook runs: ``python -m latentbook.teach.worker IN OUT``.

It reads requests as lines of JSON from the file descriptor IN and answers on OUT. Cells run in
IPython's shell, so that magics work; what they print is kept up to a limit, and nothing else is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from latentbook.teach.sessions import Server


def main(inward: int, outward: int) -> None:
    """Answer requests until the other side goes."""
    requests = os.fdopen(inward, "r", encoding="utf-8", closefd=False)
    replies = os.fdopen(outward, "w", encoding="utf-8", closefd=False)
    server = _server()
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in requests:
        request = json.loads(line)
        reply = {"id": request["id"], **server.answer(request)}
        print(json.dumps(reply), file=replies, flush=True)


def _server() -> Server:
    """Return a server over a shell of IPython."""
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.showtraceback = lambda *_, **__: None
    shell._tee = lambda *_, **__: contextlib.nullcontext()  # it keeps all that is printed

    def run(code: str) -> None:
        done = shell.run_cell(code, store_history=False, silent=True)
        if error := done.error_before_exec or done.error_in_exec:
            raise error

    namespace: dict[str, Any] = shell.user_ns
    return Server(run, namespace)


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    main(*map(int, sys.argv[1:]))
