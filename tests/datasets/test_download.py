"""Downloads from a real server on this machine that cuts, lies, refuses or is not there."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from latentbook import datasets
from latentbook.datasets import download
from latentbook.errors import LatentbookError

from .conftest import ROLES, idx_gz, npz

LOAD = "from latentbook import datasets; print(datasets.load('mnist').source)"


def serve_npz(project, server, folder="good", content=None):
    path = f"/{folder}/mnist.npz"
    server.files[path] = npz(project.mnist) if content is None else content
    return f"{server.url}/{folder}/{{file}}", path


def leftovers(project):
    return [p for p in (project.cache / "data" / ".unfinished").rglob("*") if p.is_file()]


def test_a_download_is_verified_kept_and_not_repeated(project, server):
    mirror, path = serve_npz(project, server)
    project.write_registry([mirror])
    first = datasets.load("mnist")
    again = datasets.load("mnist")
    assert server.log == [(path, None)]
    assert first.source == again.source == str(project.cache / "data" / "mnist.npz")
    np.testing.assert_array_equal(first.x, again.x)
    assert first.sha256 == again.sha256
    assert not leftovers(project)


def test_nothing_is_downloaded_if_that_is_not_wanted(project, server):
    mirror, _ = serve_npz(project, server)
    project.write_registry([mirror])
    with pytest.raises(LatentbookError, match="latentbook data fetch mnist"):
        datasets.load("mnist", download=False)
    assert not server.log


def test_the_four_idx_files_go_to_a_folder_of_their_own(project, server):
    for role, name in ROLES.items():
        server.files[f"/{name}"] = idx_gz(project.mnist[role])
    project.write_registry([], [f"{server.url}/{{file}}"])
    assert datasets.load("mnist").source == f"{project.cache / 'data' / 'mnist'} (4 files)"


def test_a_server_that_has_files_unpacked_on_the_way_is_understood(project, server):
    """Some stores declare a .gz file as the encoding of its content, and clients unpack it."""
    for role, name in ROLES.items():
        server.files[f"/{name}"] = idx_gz(project.mnist[role])
    server.headers["Content-Encoding"] = "gzip"
    project.write_registry([], [f"{server.url}/{{file}}"])
    assert len(datasets.load("mnist")) == 400


@pytest.mark.parametrize("cuts", [1, 4])
def test_a_cut_connection_is_resumed(project, server, cuts):
    mirror, path = serve_npz(project, server)
    server.cuts[path] = cuts
    project.write_registry([mirror])
    np.testing.assert_array_equal(datasets.load("mnist").y[:300], project.mnist["y_train"])
    starts = [int(asked.strip("bytes=-")) for _, asked in server.log if asked]
    assert len(starts) == cuts
    assert starts == sorted(set(starts))
    half = len(server.files[path]) // 2
    assert half - download._BLOCK <= starts[0] <= half


def test_a_server_without_ranges_is_asked_from_the_start(project, server):
    mirror, path = serve_npz(project, server)
    server.cuts[path] = 1
    server.ranges = False
    project.write_registry([mirror])
    assert len(datasets.load("mnist")) == 400


def test_a_connection_that_is_always_cut_gives_up(project, server):
    mirror, path = serve_npz(project, server)
    server.cuts[path] = 99
    server.ranges = False
    project.write_registry([mirror])
    with pytest.raises(LatentbookError, match="the connection was cut"):
        datasets.load("mnist")
    assert not (project.cache / "data" / "mnist.npz").exists()


def test_a_killed_download_is_resumed_by_the_next(project, server):
    mirror, path = serve_npz(project, server)
    server.slow = 0.05
    project.write_registry([mirror])
    process = subprocess.Popen([sys.executable, "-c", LOAD])
    deadline = time.monotonic() + 60
    while not any(part.stat().st_size for part in leftovers(project)):
        assert time.monotonic() < deadline, "the download never started"
        assert process.poll() is None, "the download was too quick to be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (project.cache / "data" / "mnist.npz").exists()
    assert leftovers(project)
    server.slow = 0
    assert len(datasets.load("mnist")) == 400
    assert server.log[-1][0] == path
    assert server.log[-1][1] is not None, "started anew instead of resumed"
    assert not leftovers(project)


@pytest.mark.parametrize("size", [1000, 10**7])
def test_a_stale_unfinished_file_does_not_spoil_the_data(project, server, size):
    """Half of an older version of the file, or more than the whole of the new one."""
    mirror, path = serve_npz(project, server)
    server.cuts[path] = 99
    server.ranges = False
    project.write_registry([mirror])
    with pytest.raises(LatentbookError):
        datasets.load("mnist")
    (part,) = leftovers(project)
    part.write_bytes(b"x" * size)
    server.cuts.clear()
    server.ranges = True
    assert len(datasets.load("mnist")) == 400


def test_a_corrupt_file_is_refused_and_the_next_mirror_asked(project, server):
    bad, bad_path = serve_npz(project, server, "bad", npz(project.fashion))
    good, good_path = serve_npz(project, server)
    project.write_registry([bad, good])
    np.testing.assert_array_equal(datasets.load("mnist").y[:300], project.mnist["y_train"])
    assert [path for path, _ in server.log] == [bad_path, good_path]
    assert not leftovers(project)


def test_after_404_the_next_mirror_is_asked(project, server):
    good, good_path = serve_npz(project, server)
    project.write_registry([f"{server.url}/absent/{{file}}", good])
    assert len(datasets.load("mnist")) == 400
    assert [path for path, _ in server.log] == ["/absent/mnist.npz", good_path]


def test_another_container_is_tried_when_all_mirrors_of_the_first_fail(project, server):
    for role, name in ROLES.items():
        server.files[f"/idx/{name}"] = idx_gz(project.mnist[role])
    project.write_registry([f"{server.url}/absent/{{file}}"], [f"{server.url}/idx/{{file}}"])
    assert len(datasets.load("mnist")) == 400


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_without_a_network_every_place_and_the_way_out_are_named(project, server):
    corrupt, _ = serve_npz(project, server, "corrupt", b"nothing of use")
    nobody = f"http://127.0.0.1:{closed_port()}/"
    unknown = "http://no-such-host.invalid/"
    mirrors = [f"{nobody}{{file}}", f"{unknown}{{file}}", f"{server.url}/gone/{{file}}", corrupt]
    project.write_registry(mirrors)
    with pytest.raises(LatentbookError) as caught:
        datasets.load("mnist")
    message = str(caught.value)
    for part in (
        f"{nobody} (no connection)",
        f"{unknown} (no connection)",
        f"{server.url}/gone/ (404 Not Found)",
        f"{server.url}/corrupt/ (its files are not the published ones)",
        str(project.cache / "data"),
        str(project.keras / "datasets"),
        "without a network, copy mnist.npz from another machine into",
    ):
        assert part in message
    assert "\n" not in message


def test_data_without_a_mirror_say_so(project):
    project.write_registry()
    with pytest.raises(LatentbookError, match=r"no mirror delivers it: none is known"):
        datasets.load("mnist")


def test_two_processes_share_one_download(project, server):
    mirror, path = serve_npz(project, server)
    server.slow = 0.05
    project.write_registry([mirror])
    processes = [
        subprocess.Popen([sys.executable, "-c", LOAD], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert answers == [str(project.cache / "data" / "mnist.npz")] * 2
    assert server.log == [(path, None)]


def test_threads_share_one_download(project, server):
    mirror, path = serve_npz(project, server)
    project.write_registry([mirror])
    with ThreadPoolExecutor(4) as pool:
        sizes = list(pool.map(lambda _: len(datasets.load("mnist")), range(4)))
    assert sizes == [400] * 4
    assert server.log == [(path, None)]


def test_a_cache_below_a_file_is_one_sentence(project, server):
    mirror, _ = serve_npz(project, server)
    project.write_registry([mirror])
    project.cache.write_text("a file, not a folder")
    with pytest.raises(LatentbookError, match=r"cannot download to .*set LATENTBOOK_CACHE"):
        datasets.load("mnist")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that not even root may write")
def test_a_cache_that_the_system_forbids_is_one_sentence(project, server, monkeypatch):
    mirror, _ = serve_npz(project, server)
    project.write_registry([mirror])
    monkeypatch.setenv("LATENTBOOK_CACHE", "/proc/latentbook")
    with pytest.raises(LatentbookError, match=r"cannot download to /proc/latentbook/data: "):
        datasets.load("mnist")


def test_a_read_only_cache_is_one_sentence(project, server, request):
    if os.geteuid() == 0:
        pytest.skip("root may write to read-only folders")
    mirror, _ = serve_npz(project, server)
    project.write_registry([mirror])
    project.cache.mkdir()
    project.cache.chmod(0o555)
    request.addfinalizer(lambda: project.cache.chmod(0o755))
    with pytest.raises(LatentbookError, match=r"Permission denied; .*set LATENTBOOK_CACHE"):
        datasets.load("mnist")


def test_a_read_only_cache_that_holds_the_data_serves(project):
    project.store("mnist.npz", npz(project.mnist))
    (project.cache / "data").chmod(0o555)
    assert len(datasets.load("mnist")) == 400
    (project.cache / "data").chmod(0o755)


def test_a_full_disk_is_one_sentence(project, server):
    """The kernel refuses to let the file grow, as it does on a full disk."""
    mirror, _ = serve_npz(project, server)
    project.write_registry([mirror])
    script = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from latentbook.book import cli\n"
        "from latentbook.datasets import download\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "raise SystemExit(cli.main(['data', 'fetch', 'mnist']))"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", script],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "cannot download to" in done.stderr
    assert "Traceback" not in done.stderr
