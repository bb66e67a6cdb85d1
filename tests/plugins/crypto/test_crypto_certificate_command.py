"""`tulou crypto new-certificate`: what it makes is used by real TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tulou_crypto.command import main


def handshake(folder: Path, trusted: Path, name: str) -> str:
    """What is wrong with a TLS connection in memory; empty when nothing is."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    client = ssl.create_default_context(cafile=str(trusted))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return "" if ours.version() else "not finished"


def test_tls_takes_it_for_its_names_alone(tmp_path: Path) -> None:
    assert main(["new-certificate", str(tmp_path), "chat.example", "127.0.0.1", "会议.example"]) == 0
    for name in ("chat.example", "127.0.0.1", "xn--6oqu09l.example"):
        assert not handshake(tmp_path, tmp_path / "ca.pem", name)
    assert "mismatch" in handshake(tmp_path, tmp_path / "ca.pem", "other.example")


def test_the_ca_stays_and_another_is_not_trusted(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other, one):
        assert main(["new-certificate", str(folder), "chat.example"]) == 0
    assert not handshake(one, one / "ca.pem", "chat.example")
    assert handshake(one, other / "ca.pem", "chat.example")


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    main(["new-certificate", str(tmp_path), "chat.example"])
    for name in ("ca.key", "server.key"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert {path.name for path in tmp_path.iterdir()} == {"ca.key", "ca.pem", "server.key", "server.pem"}


@pytest.mark.parametrize("spoil", ["ca.pem", "ca.key"])
@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"])
def test_a_damaged_ca_is_told_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: str, content: str | None
) -> None:
    main(["new-certificate", str(tmp_path), "chat.example"])
    if content is None:
        (tmp_path / spoil).unlink()
    else:
        (tmp_path / spoil).write_text(content, "ascii")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["new-certificate", str(tmp_path), "chat.example"]) == 1
    assert capsys.readouterr().err.startswith("tulou crypto: ")
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize("arguments", [
    ["a b"], [""], ["x" * 3000 + ".example"], ["é" * 100], ["x" * 64 + ".example"], ["x" * 300],
    ["chat..example"], [".example"], ["--", "-x.example"], ["x-.example"], ["a.*.example"], ["*."],
    ["a.b." * 70 + "example"], ["chat.example", "a/b"], ["土" * 60 + ".example"]])
def test_wrong_names_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["new-certificate", str(tmp_path / "new"), *arguments]) == 1
    said = capsys.readouterr().err
    assert "tulou crypto: " in said and len(said) < 300
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("days", ["0", "-1", "3651", "nan", "1e2", "9" * 5000, "", "٣"])
def test_what_is_no_number_of_days_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], days: str
) -> None:
    with pytest.raises(SystemExit):
        main(["new-certificate", str(tmp_path), "chat.example", f"--days={days}"])
    assert "whole number from 1 to 3650" in capsys.readouterr().err
