"""`tulou crypto new-certificate`: a certificate for a server, by a CA of one's own, as files."""

from __future__ import annotations

import argparse
import base64
import ipaddress
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from tulou_contracts.crypto import Algorithm, CryptoError, Primitives, Purpose, Subject
from tulou_crypto.x509.service import X509

DAY = 86_400_000_000
CA_DAYS = 3650
MOST_DAYS = 397
"""What browsers take of a server's certificate."""


_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "new-certificate", help="make a server's certificate, and at first a CA of your own",
        description="Writes server.pem and server.key, and at first ca.pem and ca.key, into the folder."
        " Give ca.pem to those who shall trust it, and keep ca.key.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a host name or IP address of the server")
    parser.add_argument(
        "--days", type=_days, default=MOST_DAYS, help=f"how long it holds (default: {MOST_DAYS})")
    parser.add_argument("--organization", default="", help="whose CA it is")
    parser.set_defaults(run=run)


def _days(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or not 0 < int(text) <= CA_DAYS:
        raise argparse.ArgumentTypeError(f"it must be a whole number from 1 to {CA_DAYS}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Make the files. Raises `CryptoError`, `OSError`."""
    from tulou_crypto.command import chosen_primitives

    primitives = chosen_primitives()
    x509 = X509(primitives)
    now = time.time_ns() // 1000
    subject = _subject(options.names)
    options.folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key = _ca(options.folder, x509, primitives, options.organization, now)
    key = primitives.new_private_key(Algorithm.ECDSA_P256)
    certificate = x509.issue(
        subject, primitives.public_key(key), issuer=ca, issuer_key=ca_key, not_before=now - DAY,
        not_after=now + options.days * DAY, purposes=[Purpose.SERVER])
    _write(options.folder / "server.key", "PRIVATE KEY", key)
    _write(options.folder / "server.pem", "CERTIFICATE", certificate)
    print(f"{options.folder / 'server.pem'} holds for {', '.join(options.names)}, {options.days} days")
    return 0


def _subject(names: list[str]) -> Subject:
    addresses = []
    hosts = []
    for name in names:
        try:
            addresses.append(str(ipaddress.ip_address(name)))
        except ValueError:
            hosts.append(_ascii(name))
    return Subject("", dns_names=tuple(hosts), ip_addresses=tuple(addresses))


def _ascii(name: str) -> str:
    """A host name as DNS has it (RFC 3490, RFC 1123 section 2.1); its first label may be ``*``."""
    with suppress(UnicodeError):
        host = name if name.isascii() else name.encode("idna").decode()
        labels = host.removeprefix("*.").removesuffix(".").split(".")
        if len(host) <= 253 and all(map(_LABEL.match, labels)):
            return host
    raise CryptoError(
        f"{name[:70]!r} cannot be the name of a host: its parts are 1 to 63 letters, digits and hyphens, with"
        " no hyphen at either end")


def _ca(folder: Path, x509: X509, primitives: Primitives, organization: str, now: int) -> tuple[bytes, bytes]:
    """The CA of the folder; made when there is none."""
    certificate_path, key_path = folder / "ca.pem", folder / "ca.key"
    if certificate_path.exists() or key_path.exists():
        return _read(certificate_path, "CERTIFICATE"), _read(key_path, "PRIVATE KEY")
    key = primitives.new_private_key(Algorithm.ECDSA_P256)
    certificate = x509.issue(
        Subject("Tulou CA", organization), primitives.public_key(key), issuer=None, issuer_key=key,
        not_before=now - DAY, not_after=now + CA_DAYS * DAY, ca=True, path_length=0)
    _write(key_path, "PRIVATE KEY", key)
    _write(certificate_path, "CERTIFICATE", certificate)
    return certificate, key


def _write(path: Path, kind: str, der: bytes) -> None:
    """PEM (RFC 7468) as a whole or not at all; a private key for its owner only."""
    lines = base64.encodebytes(der).decode().replace("\n", "")
    wrapped = "\n".join(lines[at:at + 64] for at in range(0, len(lines), 64))
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if "KEY" in kind else 0o644)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(f"-----BEGIN {kind}-----\n{wrapped}\n-----END {kind}-----\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def _read(path: Path, kind: str) -> bytes:
    text = path.read_text("ascii", errors="replace")
    _, begin, rest = text.partition(f"-----BEGIN {kind}-----")
    body, end, _ = rest.partition(f"-----END {kind}-----")
    try:
        return base64.b64decode("".join(body.split()), validate=True) if begin and end else b""
    except ValueError:
        raise CryptoError(f"{path} is damaged") from None
