"""A headless Chromium for tests, by chromedriver and the W3C WebDriver protocol: JSON over HTTP, so that no library is needed."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from daemon import poll

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name that the protocol gives to references


def missing():
    """What is not installed; empty if all is there."""
    return [name for name in ("chromium", "chromedriver") if not shutil.which(name)]


class Browser:
    """One window. `phone`: that of a phone, with touch."""

    def __init__(self, size=(860, 640), phone=False):
        self.folder = Path(tempfile.mkdtemp(prefix="vscprouter-browser-"))
        self.session = None
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["chromedriver", "--port=0"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "HOME": str(self.folder), "TMPDIR": str(self.folder)})
        try:
            port = poll(lambda: re.search(r"successfully on port (\d+)", (self.folder / "log").read_text(errors="replace")), 30, "chromedriver")
            self.address = f"http://127.0.0.1:{port.group(1)}"
            self._open(size, phone)
        except BaseException:
            self.close()
            raise

    def _open(self, size, phone):
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                            "--disable-background-networking", "--lang=en", f"--window-size={size[0]},{size[1]}",
                            f"--user-data-dir={self.folder}/profile"]}
        if phone:
            options["mobileEmulation"] = {"deviceMetrics": {"width": size[0], "height": size[1], "pixelRatio": 2, "touch": True}}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}})
        self.session = answer["sessionId"]

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode(errors='replace')[:500]}") from None

    def _in_session(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}{path}", body)

    def open(self, address):
        self._in_session("POST", "/url", {"url": address})

    def run(self, script, *arguments):
        """The value that the script returns."""
        return self._in_session("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector):
        """What a person sees of the element; empty if it is hidden."""
        element = self._in_session("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]
        return self._in_session("GET", f"/element/{element}/text")

    def click(self, selector):
        """As a person does: fails if something is in front of it."""
        element = self._in_session("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]
        self._in_session("POST", f"/element/{element}/click", {})

    def wait_text(self, selector, text, deadline_s=20):
        try:
            poll(lambda: self.text(selector) == text, deadline_s)
        except AssertionError:
            raise AssertionError(f"{selector} shows {self.text(selector)!r}, not {text!r}; the page: {self.text('body')!r}") from None

    def picture(self, path):
        Path(path).write_bytes(base64.b64decode(self._in_session("GET", "/screenshot")))

    def errors(self):
        """What the page wrote to the console as an error since the last call."""
        return [entry["message"] for entry in self._in_session("POST", "/se/log", {"type": "browser"}) if entry["level"] == "SEVERE"]

    def close(self):
        if self.session:
            try:
                self._in_session("DELETE", "")
            except (AssertionError, OSError):
                pass
            self.session = None
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(80)
        shutil.rmtree(self.folder, ignore_errors=True)
