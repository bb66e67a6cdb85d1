"""A real Prosody on free loopback ports, for tests that want to know how servers really behave."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

CONFIG = """
data_path = "{base}/data"
pidfile = "{base}/prosody.pid"
admin_socket = "{base}/prosody.sock"
plugin_paths = {{ "/usr/lib/prosody/modules" }}
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {tcp_port} }}
c2s_direct_tls_ports = {{ {tls_port} }}
certificates = "{base}/certs"
ssl = {{ certificate = "{base}/certs/{domain}.crt"; key = "{base}/certs/{domain}.key" }}
http_ports = {{ {http_port} }}
https_ports = {{ }}
http_interfaces = {{ "127.0.0.1" }}
http_default_host = "{domain}"
component_ports = {{ {component_port} }}
component_interfaces = {{ "127.0.0.1" }}
s2s_ports = {{ }}
c2s_require_encryption = true
consider_websocket_secure = true
allow_unencrypted_plain_auth = false
modules_enabled = {{
  "roster"; "saslauth"; "disco"; "posix"; "carbons"; "mam"; "smacks"; "csi"; "pep"; "private";
  "blocklist"; "vcard4"; "vcard_legacy"; "ping"; "time"; "version"; "register"; "websocket"; "offline"; "tls";
}}
modules_disabled = {{ "s2s" }}
allow_registration = true
min_seconds_between_registrations = 0
authentication = "{authentication}"
password_hash = "SHA-256"
default_storage = "internal"
storage = {{ archive = "memory"; accounts = "internal" }}
archive_expires_after = "never"
default_archive_policy = true
smacks_hibernation_time = 300
log = {{ {{ levels = {{ min = "{log_level}" }}, to = "file", filename = "{base}/prosody.log" }} }}
statistics = nil

VirtualHost "{domain}"

Component "conference.{domain}" "muc"
  modules_enabled = {{ "muc_mam" }}
  restrict_room_creation = false
  muc_log_by_default = true
  muc_room_locking = false

Component "company.{domain}"
  component_secret = "component-secret-土楼"
"""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Prosody:
    """A running (or stopped) server. Its accounts' passwords are the caller's choice."""

    base: Path
    domain: str = "prosody.test"
    http_port: int = field(default_factory=free_port)
    tcp_port: int = field(default_factory=free_port)
    component_port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    authority: trustme.CA = field(default_factory=trustme.CA)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where its WebSocket is."""
        return f"ws://127.0.0.1:{self.http_port}/xmpp-websocket"

    @property
    def ca_file(self) -> Path:
        """Who vouches for its certificate."""
        return self.base / "ca.pem"

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.base / "prosody.cfg.lua"

    def prepare(self, authentication: str = "internal_plain", log_level: str = "info") -> None:
        """Write the configuration and give the folder to the server's user."""
        (self.base / "data").mkdir(parents=True, exist_ok=True)
        certificate = self.authority.issue_cert(self.domain)
        (self.base / "certs").mkdir(exist_ok=True)
        certificate.private_key_pem.write_to_path(self.base / "certs" / f"{self.domain}.key")
        chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
        (self.base / "certs" / f"{self.domain}.crt").write_bytes(chain)
        self.authority.cert_pem.write_to_path(self.ca_file)
        self.config.write_text(CONFIG.format(
            base=self.base, domain=self.domain, http_port=self.http_port, tcp_port=self.tcp_port,
            tls_port=self.tls_port, component_port=self.component_port,
            authentication=authentication, log_level=log_level,
        ))
        if os.geteuid() == 0:
            self.base.chmod(0o755)
            user = pwd.getpwnam("prosody")
            for path in (self.base, *self.base.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)

    def start(self) -> None:
        """Start and wait until it listens."""
        assert self.process is None, "it runs already"
        with open(self.base / "out.log", "ab") as out:
            self.process = subprocess.Popen(
                [*_as_prosody(), "prosody", "--config", str(self.config), "-F"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )
        deadline = time.monotonic() + 20
        while not all(map(_listens, (self.http_port, self.tcp_port, self.tls_port))):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                log = self.base / "prosody.log"
                said = (self.base / "out.log").read_text() + (log.read_text() if log.exists() else "")
                raise RuntimeError(f"Prosody did not start: {said[-2000:]}")
            time.sleep(0.02)

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """Stop it, and wait until it is gone; SIGKILL is a crash."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(with_signal)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def create_user(self, name: str, password: str) -> str:
        """Make an account; its address."""
        subprocess.run(
            [*_as_prosody(), "prosodyctl", "--config", str(self.config), "register", name, self.domain,
             password],
            check=True, capture_output=True, timeout=30,
        )
        return f"{name}@{self.domain}"


def _as_prosody() -> list[str]:
    """Prosody refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=prosody", "--regid=prosody", "--clear-groups"]


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def prosody() -> Iterator[Prosody]:
    """A Prosody for the tests of one module; skips them where none is installed."""
    for program in ("prosody", "prosodyctl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: apt-get install prosody)")
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tulou-prosody-", dir=folder) as base:
        server = Prosody(Path(base))
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.stop()
