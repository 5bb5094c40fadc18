"""Debian's Chromium, without a window, driven by its DevTools protocol over two pipes: nothing else is needed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
KEYS = {
    "ArrowRight": 39,
    "ArrowLeft": 37,
    "Home": 36,
    "End": 35,
    "PageUp": 33,
    "PageDown": 34,
    "Tab": 9,
    "Enter": 13,
    "ArrowDown": 40,
}
CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")
LOCAL = ("127.0.0.1", "localhost", "[::1]")


def found() -> str | None:
    """The path of the browser; None where none is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that has just been installed, for as long as this is inside."""
    program = found()
    assert program is not None, "no chromium is installed (apt: chromium)"
    theirs, to_browser = os.pipe()
    from_browser, ours = os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        # The protocol's pipes are descriptors 3 and 4; the shell puts them there.
        shell = ["bash", "-c", f'exec "$@" 3<&{theirs} 4>&{ours}', "browser", *command]
        process = subprocess.Popen(shell, pass_fds=(theirs, ours), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(theirs)
        os.close(ours)
        try:
            with os.fdopen(to_browser, "wb", 0) as write, os.fdopen(from_browser, "rb", 0) as read:
                yield Browser(write, read)
        finally:
            process.terminate()
            process.wait(timeout=20)


class Browser:
    """One process, whose pages know nothing of each other."""

    def __init__(self, write: IO[bytes], read: IO[bytes]) -> None:
        self._write, self._read = write, read
        self._number, self._rest = 0, b""
        self._pages: dict[str, Page] = {}

    @contextmanager
    def page(
        self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False, calm: bool = False
    ) -> Iterator[Page]:
        """A page that has loaded `url`. `calm`: the user prefers reduced motion."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._pages[session] = page = Page(self, session)
        try:
            page.open(url, width, height, dark=dark, calm=calm)
            yield page
        finally:
            del self._pages[session]
            self.call("Target.disposeBrowserContext", browserContextId=context)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """What the protocol answers; what it tells meanwhile goes to the pages that it is about."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._write.write(json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, f"{method}: {told['error']}"
                result: dict[str, Any] = told["result"]
                return result
            page = self._pages.get(told.get("sessionId", ""))
            if page:
                page.note(told["method"], told["params"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = self._read.read(1 << 16)
            assert more, "the browser has ended"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(line)
        return told


class Page:
    """One page: what it says, what it asked the network for, what it complained about; and keys to press."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.requested: list[str] = []
        self.complaints: list[str] = []

    def open(self, url: str, width: int, height: int, *, dark: bool, calm: bool) -> None:
        """Load `url` in a window of this size."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        self.resize(width, height)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ]
        self._call("Emulation.setEmulatedMedia", features=features)
        self._call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def resize(self, width: int, height: int) -> None:
        """As on a screen of this size, in CSS pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression; raises `AssertionError` where it throws."""
        told = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, expression: str, seconds: float = 20) -> None:
        """Wait until an expression is true. Raises `AssertionError` where that takes too long."""
        end = time.monotonic() + seconds
        while not self.ask(f"Boolean({expression})"):
            assert time.monotonic() < end, f"not within {seconds} s: {expression}; {self.complaints}"
            time.sleep(0.03)

    def press(self, key: str, times: int = 1) -> None:
        """Press a key where the focus is."""
        code = KEYS[key]
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        for _ in range(times):
            self._call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
            self._call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Write text where the focus is."""
        self._call("Input.insertText", text=text)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A screenshot as PNG, of the whole page or of what the window shows."""
        told = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(told["data"]))

    def faults(self, check: str) -> list[str]:
        """What a check of `checks.js` finds: "faint", "wide" or "nameless"."""
        found: list[str] = self.ask(f"({CHECKS}).{check}()")
        return found

    def foreign(self) -> list[str]:
        """What was asked of any other machine than this one."""
        parts = [(url, urlsplit(url)) for url in self.requested]
        return [u for u, p in parts if p.scheme not in ("data", "about", "blob") and p.hostname not in LOCAL]

    def note(self, method: str, content: dict[str, Any]) -> None:
        """Remember what was asked for, and complaints."""
        if method == "Network.requestWillBeSent":
            self.requested.append(content["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(content["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and content["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(content["args"])[:500])
        elif method == "Log.entryAdded" and content["entry"]["level"] in ("error", "warning"):
            self.complaints.append(content["entry"]["text"])

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)
