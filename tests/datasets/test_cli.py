"""`latentbook data` as a user types it."""

import pytest

from latentbook.book import cli

from .conftest import npz


def test_list_names_every_data_set_and_its_place(project, capsys):
    path = project.store("mnist.npz", npz(project.mnist))
    assert cli.main(["data", "list"]) == 0
    shown = capsys.readouterr().out
    assert str(path) in shown
    assert "satimage" in shown
    assert "not here" in shown
    assert "CC BY 4.0" in shown


def test_verify_tells_ok_mismatch_and_missing(project, capsys):
    project.store("mnist.npz", npz(project.mnist))
    project.store("fashion_mnist.npz", npz(project.mnist))
    assert cli.main(["data", "verify"]) == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["digits"].split()[1] == "ok"
    assert lines["mnist"].split()[1] == "ok"
    assert lines["trades"].split()[1] == "ok"
    assert lines["fashion_mnist"].split()[1] == "mismatch"
    assert "it is the one of mnist" in lines["fashion_mnist"]
    assert lines["usps"].split()[1] == "missing"


def test_missing_data_are_a_fault_only_when_asked_for(project, capsys):
    assert cli.main(["data", "verify"]) == 0
    assert cli.main(["data", "verify", "usps"]) == 1
    assert cli.main(["data", "verify", "digits"]) == 0


def test_fetch_downloads_once(project, server, capsys):
    server.files["/mnist.npz"] = npz(project.mnist)
    project.write_registry([f"{server.url}/{{file}}"])
    for _ in range(2):
        assert cli.main(["data", "fetch", "mnist"]) == 0
        assert str(project.cache / "data" / "mnist.npz") in capsys.readouterr().out
    assert len(server.log) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [("digits", "scikit-learn (bundled)"), ("trades", "latentbook (simulated)")],
)
def test_what_comes_with_a_program_is_here_already(project, capsys, name, source):
    assert cli.main(["data", "fetch", name]) == 0
    assert capsys.readouterr().out == f"{name}: verified, at {source}\n"
    assert not (project.cache / "data").exists()


def test_bad_input_is_one_line_and_status_2(project, capsys):
    assert cli.main(["data", "fetch", "minst"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("latentbook: unknown data set 'minst'")
    assert shown.err.count("\n") == 1
    assert not shown.out


@pytest.mark.parametrize("argv", [[], ["data"], ["data", "lsit"]])
def test_misuse_shows_the_usage(argv, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(argv)
    assert stopped.value.code == 2
    assert "usage: latentbook" in capsys.readouterr().err
