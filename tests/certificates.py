"""Makes certificates that sign themselves, right ones and wrong ones, with openssl."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs openssl to make a certificate"
)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files in the PEM format."""

    file: Path
    key: Path

    def for_server(self) -> ssl.SSLContext:
        """Return the context of a server that shows the certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


def make_certificate(
    folder: Path, *, name: str = "IP:127.0.0.1", valid_days: int = 2
) -> Certificate:
    """Make a certificate for `name`; a negative number of days is one that expired so long ago."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    request = folder / "request.pem"
    commands: list[list[str | Path]] = [
        ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
         "-addext", f"subjectAltName={name}", "-keyout", made.key, "-out", request],
        ["x509", "-req", "-in", request, "-signkey", made.key, "-copy_extensions", "copyall",
         "-days", f"{valid_days}", "-out", made.file],
    ]  # fmt: skip
    for command in commands:
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return made
