"""The open checks of a question, as they stand in a notebook that is handed out."""

from __future__ import annotations

from types import TracebackType


class check:  # noqa: N801 - it is used as a statement: with check("fractional"):
    """Run the assertions of a block, and say in a line whether the answer passes them.

    A failed check does not stop the notebook.

    Parameters
    ----------
    question : str
        Name of the question.

    Examples
    --------
    >>> with check("fractional"):
    ...     assert 1 + 1 == 2, "two is what one and one make"
    fractional: the open checks pass
    >>> with check("fractional"):
    ...     assert 1 + 1 == 3, "three is what one and one make"
    fractional: not yet: three is what one and one make
    """

    def __init__(self, question: str) -> None:
        self.question = question

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        """Say what came of it; only an interruption goes on."""
        if kind is None:
            print(f"{self.question}: the open checks pass")
            return True
        if not issubclass(kind, Exception):
            return False
        print(f"{self.question}: not yet: {reason(error)}")
        return True


def reason(error: BaseException | None) -> str:
    """Return in a line why a check failed: its message, or the error of the answer."""
    text = " ".join(str(error).split())
    if isinstance(error, AssertionError):
        return text or "a check failed"
    name = type(error).__name__
    return f"{name}: {text}" if text else name
