"""A real client library, node-vscp-tcp 1.1.4 from npm (MIT), works through the daemon: node/session.js."""

import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from daemon import ROOT, Daemon  # noqa: E402

# node-vscp, which the client library needs, uses node-vscp-class without naming it as a dependency.
PACKAGES = ["node-vscp-tcp@1.1.4", "node-vscp@1.1.26", "node-vscp-class@1.0.23"]
NO_NETWORK = r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT"


def program(name):
    """`name` from PATH, else Debian's."""
    return shutil.which(name) or shutil.which(name, path="/usr/bin")


class NodeClient(unittest.TestCase):
    def install(self):
        """The folder with node_modules, in the build folder; filled once."""
        node, npm = program("node"), program("npm")
        if not node:
            self.skipTest("node is not installed")
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        if int(re.match(r"v(\d+)", version)[1]) < 18:
            self.skipTest(f"node is {version}, needed is 18 or newer")
        folder = Path(os.environ.get("VSCPROUTER_NODE_FOLDER", ROOT / "build/node-client"))
        if not (folder / "node_modules/.package-lock.json").exists():
            if not npm:
                self.skipTest("npm is not installed")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "package.json").write_text('{"name": "client", "private": true}\n')
            done = subprocess.run(
                [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1",
                 "--fetch-timeout=20000", *PACKAGES], cwd=folder, capture_output=True, text=True, timeout=80, check=False)
            if done.returncode != 0:
                if re.search(NO_NETWORK, done.stderr):
                    self.skipTest(f"the npm registry cannot be reached: {done.stderr.strip()[:200]}")
                self.fail(f"npm install {PACKAGES}: {done.stderr}")
        return node, folder

    def test_session(self):
        node, folder = self.install()
        with Daemon() as daemon:
            environment = os.environ | {"NODE_PATH": str(folder / "node_modules")}
            done = subprocess.run([node, str(HERE / "node/session.js"), str(daemon.port)], env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
            print(done.stdout)
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout.rstrip().endswith("done"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
