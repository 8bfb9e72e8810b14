"""The built pages in a browser that cannot reach any server but this one."""

import asyncio
import contextlib
import functools
import http.server
import itertools
import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tornado.websocket import websocket_connect

pytestmark = pytest.mark.book

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --remote-debugging-port=0 "
    "--host-resolver-rules=MAP|*|~NOTFOUND,EXCLUDE|127.0.0.1"
)
PHONE = 390
LOOK = """
(async () => {
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  await new Promise(done => setTimeout(done, 200));
  const shade = colour => colour.match(/[\\d.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 765;
  const style = getComputedStyle(document.body);
  const wide = [...document.querySelectorAll('article *')].filter(
    e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map(
    e => e.tagName + '.' + e.className);
  return JSON.stringify({
    math: document.querySelectorAll('.math').length,
    rendered: document.querySelectorAll('mjx-container').length,
    wrong: document.querySelectorAll('mjx-merror').length,
    width: document.documentElement.scrollWidth,
    wide: wide,
    paper: shade(style.backgroundColor),
    ink: shade(style.color),
  });
})()
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that keeps its log to itself."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server(html):
    """Serve the built book on this machine."""
    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Start a browser; yield the address of its debugging protocol."""
    if PROGRAM is None:
        pytest.skip("no Chromium on this machine")
    folder = tmp_path_factory.mktemp("browser")
    options = [option.replace("|", " ") for option in OPTIONS.split()]
    process = subprocess.Popen(
        [PROGRAM, *options, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    port = folder / "DevToolsActivePort"
    limit = time.monotonic() + 60
    while not (port.exists() and port.read_text().count("\n")):
        assert time.monotonic() < limit, "the browser did not start"
        time.sleep(0.1)
    number, path = port.read_text().splitlines()
    yield f"ws://127.0.0.1:{number}{path}"
    process.terminate()
    process.wait(timeout=30)


class Tab:
    """One page of the browser, spoken to in the DevTools protocol."""

    def __init__(self, connection):
        self.connection, self.events, self.count = connection, [], itertools.count(1)

    async def ask(self, method, **parameters):
        """Send a command, keep the events that arrive before its answer, return the answer."""
        number = next(self.count)
        message = {"id": number, "method": method, "params": parameters}
        await self.connection.write_message(json.dumps(message))
        while (answer := await self.receive()).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    async def receive(self):
        """Return the next message; an event is kept too."""
        message = json.loads(await asyncio.wait_for(self.connection.read_message(), 60))
        if "method" in message:
            self.events.append(message)
        return message

    async def load(self, address):
        """Open a page and wait until it has loaded."""
        self.events.clear()
        await self.ask("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            await self.receive()

    async def look(self):
        """Return what the script LOOK sees."""
        found = await self.ask(
            "Runtime.evaluate", expression=LOOK, awaitPromise=True, returnByValue=True
        )
        return json.loads(found["result"]["value"])

    async def evaluate(self, expression):
        """Return the value of an expression in the page."""
        found = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def press(self, key):
        """Press a key and let it go."""
        code = {"Tab": 9, "Enter": 13, "ArrowRight": 39}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind, more in (("keyDown", text), ("keyUp", {})):
            await self.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more
            )

    async def press_until(self, selector):
        """Press Tab until an element that matches has the focus."""
        for _ in range(20):
            await self.press("Tab")
            if await self.evaluate(f"document.activeElement.matches('{selector}')"):
                return
        raise AssertionError(f"the key Tab does not reach {selector}")


@contextlib.asynccontextmanager
async def tab(browser, theme):
    """Open a tab of the width of a phone that prefers the theme ``light`` or ``dark``."""
    whole = Tab(await websocket_connect(browser))
    target = (await whole.ask("Target.createTarget", url="about:blank"))["targetId"]
    address = f"{browser.partition('/devtools')[0]}/devtools/page/{target}"
    connection = await websocket_connect(address, max_message_size=2**28)
    page = Tab(connection)
    for domain in ("Page", "Network", "Runtime", "Log"):
        await page.ask(f"{domain}.enable")
    await page.ask(
        "Emulation.setDeviceMetricsOverride",
        width=PHONE, height=844, deviceScaleFactor=1, mobile=True,
    )  # fmt: skip
    await page.ask(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}]
    )
    yield page
    await whole.ask("Target.closeTarget", targetId=target)
    connection.close()
    whole.connection.close()


def complaints(events):
    """Return what a page's console reports as an error."""
    for event in events:
        details = event["params"]
        if event["method"] == "Runtime.exceptionThrown":
            thrown = details["exceptionDetails"]
            reason = thrown.get("exception", {}).get("description", thrown["text"])
            yield f"{reason} at {thrown.get('url', 'inline')}, line {thrown['lineNumber'] + 1}"
        elif event["method"] == "Log.entryAdded" and details["entry"]["level"] == "error":
            yield f"{details['entry']['text']} {details['entry'].get('url', '')}"
        elif event["method"] == "Runtime.consoleAPICalled" and details["type"] == "error":
            yield str([argument.get("value") for argument in details["args"]])


def requests(events):
    """Return the addresses that a page asked for."""
    sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    return [parameters["request"]["url"] for parameters in sent]


def test_a_page_in_the_browser(page: Path, html, server, browser):
    async def visit():
        address = f"{server}/{page.relative_to(html).as_posix()}"
        async with tab(browser, "light") as light:
            await light.load(address)
            seen = await light.look()
            events = list(light.events)
        async with tab(browser, "dark") as dark:
            await dark.load(address)
            return seen, await dark.look(), events + dark.events

    light, dark, events = asyncio.run(visit())
    assert [u for u in requests(events) if not u.startswith((server, "data:", "blob:"))] == []
    assert list(complaints(events)) == []
    assert light["wrong"] == 0, "MathJax could not read a formula"
    assert light["rendered"] > 0 or light["math"] == 0, "formulae were left as TeX"
    assert light["width"] <= PHONE, f"a phone must scroll sideways because of {light['wide']}"
    assert light["paper"] > 0.8 > light["ink"]
    assert dark["paper"] < 0.3 < dark["ink"], "dark mode is not dark"


def interactive(html, *, maps):
    """Return an interactive page of the book: a map of releases, or an embedding."""
    pages = sorted((html / "embeddings").glob("*.html"))
    found = [page for page in pages if page.name.startswith("source-") == maps]
    if not found:
        pytest.skip("the book has no such page")
    return found[0].relative_to(html).as_posix()


def test_an_embedding_is_used_by_keyboard_and_by_touch(html, server, browser):
    async def visit():
        async with tab(browser, "light") as page:
            await page.ask("Emulation.setTouchEmulationEnabled", enabled=True)
            await page.load(f"{server}/{interactive(html, maps=False)}")
            await page.look()
            said = [await page.evaluate("text.textContent")]
            spot = await page.evaluate(
                "(({ x, y, width }) => ({ x: x + width / 2, y: y + width / 2 }))"
                "([...document.querySelectorAll('.point')].at(-1).getBoundingClientRect())"
            )
            await page.ask("Input.synthesizeTapGesture", gestureSourceType="touch", **spot)
            said.append(await page.evaluate("text.textContent"))
            await page.press_until("#plot")
            await page.press("ArrowRight")
            said.append(await page.evaluate("text.textContent"))
            before = await page.evaluate("document.querySelectorAll('.point').length")
            await page.press_until("#legend button")
            await page.press("Enter")
            await page.look()
            after = await page.evaluate("document.querySelectorAll('.point').length")
            pressed = await page.evaluate("document.activeElement.getAttribute('aria-pressed')")
            return said, before, after, pressed

    said, before, after, pressed = asyncio.run(visit())
    assert said[0].startswith("Point at a dot")
    assert ", image " in said[1]
    assert ", image " in said[2]
    assert said[1] != said[2]
    assert 0 < after < before
    assert pressed == "false"


def test_the_map_of_releases_is_used_by_keyboard(html, server, browser):
    async def visit():
        async with tab(browser, "light") as page:
            await page.load(f"{server}/{interactive(html, maps=True)}")
            await page.look()
            await page.press_until("#ranked button")
            first = await page.evaluate("document.activeElement.textContent")
            before = await page.evaluate("get('map').getAttribute('aria-label')")
            await page.press("Enter")
            after = await page.evaluate("get('map').getAttribute('aria-label')")
            return first, before, after, await page.evaluate("document.activeElement.textContent")

    first, before, after, still = asyncio.run(visit())
    assert before.startswith("Plume released at ")
    assert after.startswith(f"Plume of {first.rpartition(' ')[0]} for the assigned pattern")
    assert still == first
