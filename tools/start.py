"""The front of the study on every system: ``python tools/start.py TARGET [ARGUMENT ...]``.

``make TARGET ARGS="..."`` calls it where there is make.  Every target makes the environment
first, which costs nothing twice.  CORES in the environment limits the processors (default: all).
Standard library only, and nothing that an old Python cannot parse.
"""

import os
import shutil
import subprocess
import sys

import setup_env
from installers import python_in

ROOT = setup_env.ROOT
#: Target -> what it needs of the environment, and what it does.
TARGETS = (
    ("help", None, "show this list"),
    ("env", "book", "make the environment .venv, nothing else"),
    ("book", "book", "run every chapter at profile quick and render the book"),
    ("paper", "book", "the same at full scale (profile paper): hours without a GPU"),
    ("sweep", "book", "full scale on all data sets and seeds; stop and start it at will"),
    ("claims", "book", "rewrite the numbers of sentences after new records"),
    ("student", "teach", "write notebooks for students, archives for graders, samples"),
    ("grade", "teach", "mark a folder of notebooks: grade SUBMISSIONS=folder"),
    ("lab", "teach", "open JupyterLab"),
    ("test", "test", "run the fast tests"),
    ("lint", "test", "check form, types, and which room uses which"),
    ("bench", "test", "measure against the budgets"),
    ("lock", "book", "resolve the locks anew"),
    ("clean", None, "remove what make book made (.venv and finished sweep runs are kept)"),
)
#: What ``clean`` removes, and the beginnings of names in _build that it removes too.
MADE = ("_build/html", "_build/chapters", "_build/records", ".snakemake")
MADE += ("book/chapters", "book/generated", "book/runs", "book/extra", "book/exercises")
MADE_HIDDEN = (".b", ".r", ".h")


def program(name):
    """Return a program of the environment."""
    python = python_in(setup_env.FOLDER)
    return os.path.join(os.path.dirname(python), name + (".exe" if os.name == "nt" else ""))


def run(command):
    """Run a command in the folder of the project; return its exit status."""
    environment = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONUTF8="1")
    # .venv is ours: without its bytecode every kernel compiles TensorFlow's anew, ten seconds each
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # it was told too, and finishes by itself
            pass


def help_text():
    """Return one line a target."""
    front = "" if os.name == "nt" else "make "
    return "\n".join("  %s%-7s %s" % (front, name, words) for name, _, words in TARGETS)


def submissions():
    """Return the folder that the variable SUBMISSIONS names, as an argument."""
    folder = os.environ.get("SUBMISSIONS")
    return [folder] if folder else []


def commands(target, arguments):
    """Return the commands of a target in their order."""
    python, cores = python_in(setup_env.FOLDER), os.environ.get("CORES") or "all"
    os.environ["CORES"] = cores
    return {
        "test": [
            [python, "tools/compile_ahead.py"],
            [python, "-m", "pytest", "-n", "auto" if cores == "all" else cores] + arguments,
        ],
        "lint": [
            [program("ruff"), "check", "--quiet", "."],
            [program("ruff"), "format", "--quiet", "--check", "."],
            [program("mypy")],
            [program("lint-imports"), "--no-cache"],
        ],
        "claims": [[python, "-m", "latentbook.book.claims"] + arguments],
        "student": [[python, "-m", "latentbook.teach.command", "student"] + arguments],
        "grade": [[python, "-m", "latentbook.teach.command", "grade"] + submissions() + arguments],
        "lab": [[python, "-m", "jupyterlab"] + arguments],
        "bench": [[python, "bench/budgets.py"] + arguments],
        "lock": [[python, "tools/lock.py"] + arguments],
    }.get(target) or [[python, "tools/study.py", target] + arguments]


def clean():
    """Remove what was made; the environment and finished runs of a sweep are kept."""
    build = os.path.join(ROOT, "_build")
    hidden = os.listdir(build) if os.path.isdir(build) else []
    made = [os.path.join("_build", name) for name in hidden if name.startswith(MADE_HIDDEN)]
    for name in MADE + tuple(made):
        path = os.path.join(ROOT, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)


def main(arguments):
    """Do what a target says; return the exit status."""
    needs = {name: needed for name, needed, _ in TARGETS}
    target = arguments[0] if arguments else "help"
    if target not in needs:
        print("latentbook: there is no target %r; there are:" % target, file=sys.stderr)
    if target not in needs or target == "help":
        print(help_text(), file=sys.stderr if target not in needs else sys.stdout)
        return 0 if target == "help" else 2
    if target == "clean":
        clean()
        return 0
    status = setup_env.main([needs[target]])
    if status:
        return status
    for command in commands(target, arguments[1:]) if target != "env" else []:
        status = run(command)
        if status:
            return status
    if target in ("book", "paper"):
        print("The book is ready: open _build/html/index.html in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
