"""`tulou crypto`: keys for sealing, opening what was sealed, certificates; with no app running."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tulou.errors import TulouError
from tulou_contracts.crypto import CryptoError, Primitives
from tulou_crypto import certificate_command
from tulou_crypto.public_seal import HpkeSeal


def main(arguments: list[str]) -> int:
    """Run one of the sub-commands; the exit status. 1: it could not be done; 3: done as far as it went,
    and what is damaged or missing was told."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        return status
    except TulouError as error:
        print(f"tulou crypto: {error}", file=sys.stderr)
    except FileExistsError as error:
        print(f"tulou crypto: {_named(error)} is there already, and nothing is overwritten", file=sys.stderr)
    except OSError as error:
        print(f"tulou crypto: {_named(error)}: {error.strerror or error}", file=sys.stderr)
    return 1


def _named(error: OSError) -> str:
    """The file of an error; a name that is too long for one is not repeated in full."""
    return "standard output" if error.filename is None else os.fspath(error.filename)[:200]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tulou crypto", description="Keys for sealed files, their reader, and certificates.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new_key = commands.add_parser("new-key", help="make a secret key and print its public key")
    new_key.add_argument("file", type=Path, help="where the secret key goes; it must not be there yet")
    new_key.set_defaults(run=_new_key)
    public_key = commands.add_parser("public-key", help="print the public key of a secret key")
    public_key.add_argument("file", type=Path)
    public_key.set_defaults(run=_public_key)
    opener = commands.add_parser("open", help="read files that were sealed to a public key")
    opener.add_argument("--key", type=Path, required=True, help="the file with the secret key")
    opener.add_argument("--purpose", default="log", help="what the file was sealed for (default: log)")
    opener.add_argument("file", type=Path, nargs="+")
    opener.set_defaults(run=_open)
    certificate_command.add_to(commands)
    return parser


def chosen_primitives() -> Primitives:
    """The quickest provider that is installed; all give the same bytes."""
    import logging

    from tulou_crypto.providers.choice import choose

    return choose("auto", logging.getLogger("tulou.crypto"))


def _seal() -> HpkeSeal:
    return HpkeSeal(chosen_primitives())


def _new_key(options: argparse.Namespace) -> int:
    seal = _seal()
    secret_key = seal.new_secret_key()
    descriptor = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(secret_key + "\n")
    print(seal.public_key(secret_key))
    return 0


def _public_key(options: argparse.Namespace) -> int:
    print(_seal().public_key(_secret_key(options.file)))
    return 0


def _open(options: argparse.Namespace) -> int:
    seal, secret_key = _seal(), _secret_key(options.key)
    faulty = False
    for path in options.file:
        opened = seal.open(secret_key, path.read_bytes(), options.purpose.encode())
        sys.stdout.buffer.write(opened.plaintext)
        sys.stdout.buffer.flush()
        for fault in opened.faults:
            print(f"{path}: {fault}", file=sys.stderr)
        if not opened.complete and not opened.faults:
            print(f"{path}: it was not finished, so lines may be missing at its end", file=sys.stderr)
        faulty |= bool(opened.faults) or not opened.complete
    return 3 if faulty else 0


def _secret_key(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(4096)
    try:
        return data.decode("ascii").strip()
    except UnicodeDecodeError:
        raise CryptoError(f"{path} is no file with a secret key") from None
