"""A real headless Chromium, driven through its own debugging pipe: no driver, no port, no network."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
LOOKED_AT = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
SECONDS = 60.0


def program() -> str:
    """Return the path of a Chromium, installed from the distribution where there is none."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        subprocess.run(["apt-get", "update", "-qq"], check=True, timeout=300)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(install, check=True, timeout=900, env=environment, stdout=subprocess.DEVNULL)
        found = shutil.which("chromium")
    assert found, "the distribution has no package chromium that brings a program of this name"
    return found


@dataclass
class Page:
    """One tab, and what it said and asked for."""

    to: int
    answers: int
    session: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    rest: bytes = b""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Say one thing to the browser and return its answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while (heard := self._hear()).get("id") != number:
            self.events.append(heard)
        assert "error" not in heard, f"{method}: {heard.get('error')}"
        answer: dict[str, Any] = heard["result"]
        return answer

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            more = os.read(self.answers, 1 << 20)
            assert more, "the browser is gone"
            self.rest += more
        message, _, self.rest = self.rest.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        return heard

    def open(self, path: Path, width: int, scheme: str, height: int = 900) -> None:
        """Show a file, as wide as a screen, light or dark, and wait until it is there."""
        phone = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._hear())

    def ask(self, expression: str) -> Any:
        """Return what a piece of JavaScript evaluates to in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """Return what stands in the console, errors that nobody has caught among it."""
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in LOOKED_AT]

    def requests(self) -> list[str]:
        """Return the addresses that the page has asked for."""
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def picture(self, path: Path) -> None:
        """Save the whole page as a PNG."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextlib.contextmanager
def opened(profile: Path) -> Iterator[Page]:
    """Give a tab of a browser with a profile of its own; the browser ends with it."""
    hear_us, to = os.pipe()
    answers, answer = os.pipe()
    # It reads from 3 and writes to 4. Of the shells, not every one can name a number above 9.
    command = ["/bin/bash", "-c", f'exec 3<&{hear_us} 4>&{answer}; exec "$@"', "bash", program(), *FLAGS]
    with subprocess.Popen(
        [*command, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(hear_us, answer),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(hear_us)
        os.close(answer)
        # One that hangs is ended: then the pipe ends, too.
        watch = threading.Timer(SECONDS, process.kill)
        watch.start()
        page = Page(to, answers)
        try:
            targets = page.call("Target.getTargets")["targetInfos"]
            tab = next(target for target in targets if target["type"] == "page")
            page.session = page.call("Target.attachToTarget", targetId=tab["targetId"], flatten=True)[
                "sessionId"
            ]
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.call(f"{domain}.enable")
            yield page
        finally:
            watch.cancel()
            process.kill()
            os.close(to)
            os.close(answers)
