"""Write the tree of the library, one line a module, into CONTRIBUTING.md.

The lines are the first lines of the modules' docstrings, so that the tree says what the code says.
``--check`` changes nothing and fails where the two differ.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "lib" / "latentbook"
GUIDE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- tree: written by tools/house.py -->\n", "<!-- end of the tree -->\n"
#: Rooms in the order of the layers, each of which uses only those after it.
ROOMS = ("book", "teach", "chapters", "study", "weather", "autoencoders", "datasets", "tabular")


def summary(module: Path) -> str:
    """Return the first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")


def lines(folder: Path, depth: int = 0) -> list[str]:
    """Return a line for a folder of modules, and one for each module and folder in it."""
    own = f"{'  ' * depth}{folder.name}/"
    shown = [f"{own:34}{summary(folder / '__init__.py')}"]
    for module in sorted(folder.glob("*.py")):
        if module.name != "__init__.py":
            name = f"{'  ' * (depth + 1)}{module.name}"
            shown.append(f"{name:34}{summary(module)}")
    inner = [path.parent for path in folder.glob("*/__init__.py")]
    order = {name: i for i, name in enumerate(ROOMS)}
    for path in sorted(inner, key=lambda path: (order.get(path.name, 99), path.name)):
        shown += lines(path, depth + 1)
    return shown


def guide(text: str) -> str:
    """Return the guide with the tree of today between its two marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    tree = "\n".join(lines(LIBRARY))
    return f"{before}{BEGIN}```text\n{tree}\n```\n{END}{after}"


def main(options: list[str]) -> int:
    """Write the tree, or check it; return the exit status."""
    text = GUIDE.read_text(encoding="utf-8")
    fresh = guide(text)
    if "--check" in options:
        if fresh != text:
            print("the tree in CONTRIBUTING.md is not that of lib: run python tools/house.py")
        return int(fresh != text)
    GUIDE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
