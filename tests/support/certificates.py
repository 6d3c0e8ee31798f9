"""Authorities and certificates for tests of TLS, made by the program openssl with the commands that the README shows."""

import subprocess
from pathlib import Path

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _request(*arguments):
    subprocess.run(["openssl", "req", "-x509", *KEY, *arguments], check=True, capture_output=True, timeout=60)


class Site:
    """An authority and what it has signed, as NAME.pem and NAME.key in a folder."""

    def __init__(self, folder, name="site-ca"):
        self.folder = Path(folder)
        self.name = name
        _request("-days", "30", "-subj", f"/CN={name}", "-keyout", self.key(name), "-out", self.pem(name))

    def pem(self, name=None):
        return str(self.folder / f"{name or self.name}.pem")

    def key(self, name=None):
        return str(self.folder / f"{name or self.name}.key")

    def sign(self, name, alt="IP:127.0.0.1,DNS:localhost", days=30):
        """`days` less than 0: it has expired."""
        _request("-CA", self.pem(), "-CAkey", self.key(), "-days", str(max(days, 1)), "-subj", f"/CN={name}", "-addext",
                 f"subjectAltName={alt}", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", self.key(name),
                 "-out", self.pem(name))
        if days < 0:  # `openssl req -x509` makes no such thing
            request, extra = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
            extra.write_text(f"subjectAltName={alt}\n")
            subprocess.run(["openssl", "req", "-new", "-key", self.key(name), "-subj", f"/CN={name}", "-out", request],
                           check=True, capture_output=True, timeout=60)
            subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", self.pem(), "-CAkey", self.key(), "-CAcreateserial",
                            "-days", str(days), "-extfile", extra, "-out", self.pem(name)], check=True, capture_output=True, timeout=60)
        return self.pem(name), self.key(name)
