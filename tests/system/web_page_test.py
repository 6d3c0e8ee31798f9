"""The web page of tools/examples in a real browser, with a real broker, the router, and the simulated thermometer and lamp.

$VSCPROUTER_PICTURES: a folder where pictures of the page are saved.
"""

import contextlib
import functools
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import unittest
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "tools/examples/web"
sys.path.insert(0, str(ROOT / "tests/support"))
import browser as chromium  # noqa: E402
from broker import Broker  # noqa: E402
from daemon import Daemon, poll  # noqa: E402

CONTROL, TURN_ON, TURN_OFF = 30, 5, 6


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *unused):
        pass


@contextlib.contextmanager
def web_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(WEB)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def simulator(daemon, *celsius):
    """The example's thermometer and lamp; gives a function that returns what they have printed."""
    log = daemon.folder / "simulator"
    with open(log, "wb") as out:
        process = subprocess.Popen([sys.executable, str(WEB / "simulator.py"), "--port", str(daemon.port), "--every", "0.3", "--celsius",
                                    *map(str, celsius)], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   env={**os.environ, "VSCP_USER": "admin", "VSCP_PASSWORD": "secret"})
    try:
        poll(lambda: "Connected" in log.read_text(), 20, "the simulator")
        yield log.read_text
    finally:
        process.kill()
        process.wait()


def mqtt_section(broker):
    """That of the example's configuration, with the test's broker."""
    config = json.loads(re.sub(r"^\s*//.*$", "", (WEB / "config.json").read_text(), flags=re.M))
    return {**config["mqtt"], "host": "127.0.0.1", "port": broker.port, "reconnect": {"delay": 0, "delay-max": 1}}


class WebPageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if chromium.missing():
            print("not installed:", *chromium.missing())
            sys.exit(77)
        cls.stack = contextlib.ExitStack()
        try:
            cls.broker = cls.stack.enter_context(Broker(websockets=True))
            cls.daemon = cls.stack.enter_context(Daemon(config={"mqtt": mqtt_section(cls.broker)}))
            page = cls.stack.enter_context(web_server())
            cls.address = page + "?" + urllib.parse.urlencode({"broker": f"ws://127.0.0.1:{cls.broker.ws_port}/"})
            cls.browser = chromium.Browser()
            cls.stack.callback(cls.browser.close)
        except BaseException:
            cls.stack.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def open_page(self, **parameters):
        self.browser.open(self.address + "&" + urllib.parse.urlencode(parameters) if parameters else self.address)
        self.browser.wait_text("#connection-text", "Live")

    def save_picture(self, name, browser=None):
        if folder := os.environ.get("VSCPROUTER_PICTURES"):
            # The fading of the lamp is part of the page, but not of the picture.
            poll(lambda: (browser or self.browser).run("return document.querySelector('.lamp').getAnimations({subtree: true}).every(a => a.playState != 'running')"), 20)
            (browser or self.browser).picture(Path(folder) / name)

    def test_temperature(self):
        with simulator(self.daemon, 21.5, -3.4):
            self.open_page()
            self.browser.wait_text("#temperature", "21.5")
            self.browser.wait_text("#temperature", "\u22123.4")
            self.browser.wait_text("#temperature-low", "\u22123.4")
            self.browser.wait_text("#temperature-high", "21.5")
        self.browser.open("about:blank")
        self.open_page()  # the broker has kept the last value, and nobody sends a new one
        poll(lambda: self.browser.text("#temperature") in ("21.5", "\u22123.4"), what="the retained temperature")

    def test_other_sensors_are_not_shown(self):
        self.open_page(thermometer="01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10", sensor="2")
        with self.daemon.login() as node:
            for coding, celsius in ((0x89, 30), (0x8a, 17), (0x89, 31)):  # sensors 1, 2 and 1
                node.ok(f"SEND 0,10,6,0,,,01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10,{coding},0,{celsius}")
            self.browser.wait_text("#temperature", "17.0")
            node.ok(f"SEND 0,10,6,0,,,01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10,{0x92},0,50")  # in degrees Fahrenheit
            self.browser.wait_text("#temperature", "10.0")

    def press(self, state):
        self.browser.click("#switch")
        self.browser.wait_text("#lamp-state", state)

    def test_button_switches_the_lamp_through_the_router(self):
        with simulator(self.daemon, 21.3, 21.4, 21.6, 21.7, 21.9, 22.0, 21.8, 21.7, 21.4) as printed, self.daemon.login() as watcher:
            watcher.ok(f"SFLT 0,{CONTROL},0,-")
            watcher.ok("SMSK 0,0xffff,0,-")
            watcher.ok("RCVLOOP")
            self.open_page()
            self.browser.wait_text("#lamp-state", "Off")
            self.press("On")
            self.assertIn("The lamp is on", printed())
            event = watcher.read_event()
            self.assertEqual((event.vscp_class, event.vscp_type, event.data), (CONTROL, TURN_ON, [0, 1, 1]))
            if os.environ.get("VSCPROUTER_PICTURES"):
                poll(lambda: self.browser.run("return shown.length") >= 24, 30)
            self.save_picture("lamp_on.png")
            self.browser.open("about:blank")
            self.open_page()  # knows the state from what the broker has kept
            self.browser.wait_text("#lamp-state", "On")
            self.press("Off")
            self.assertEqual(watcher.read_event().vscp_type, TURN_OFF)
            self.assertIn("The lamp is off", printed())
            self.assertEqual(self.browser.errors(), [])

    def test_a_lamp_elsewhere_is_not_switched(self):
        with simulator(self.daemon, 20) as printed:
            self.open_page(zone="7")
            self.browser.wait_text("#lamp-state", "Off")
            self.browser.click("#switch")
            self.browser.wait_text("#notice-text", "The lamp does not answer.")
            self.browser.wait_text("#lamp-state", "Off")
            self.assertNotIn("The lamp is on", printed())
            self.save_picture("no_answer.png")

    def test_broker_goes_away_and_comes_back(self):
        with simulator(self.daemon, 19.5):
            self.open_page()
            self.browser.wait_text("#lamp-state", "Off")
            self.broker.kill()
            self.browser.wait_text("#connection-text", "Offline")
            self.assertFalse(self.browser.run("return document.getElementById('notice').hidden"))
            self.assertTrue(self.browser.run("return document.getElementById('switch').disabled"))
            self.save_picture("offline.png")
            self.broker.start()
            self.browser.wait_text("#connection-text", "Live", 30)
            self.assertEqual(self.browser.text("#notice"), "")
            poll(lambda: "connected" in json.dumps(self.daemon.admin("stat")["drivers"]), 20, "the router's connection")
            self.press("On")
            self.press("Off")

    def test_phone(self):
        phone = chromium.Browser((390, 844), phone=True)
        try:
            with simulator(self.daemon, 22.4):
                phone.open(self.address)
                phone.wait_text("#lamp-state", "Off")
                phone.wait_text("#temperature", "22.4")
                self.assertLessEqual(phone.run("return document.documentElement.scrollWidth"), 390, "nothing is wider than the screen")
                phone.click("#switch")
                phone.wait_text("#lamp-state", "On")
                self.save_picture("phone.png", phone)
                phone.click("#switch")
                phone.wait_text("#lamp-state", "Off")
        finally:
            phone.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
