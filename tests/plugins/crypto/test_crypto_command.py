"""`tulou crypto`."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from crypto_providers import PROVIDERS
from tulou_crypto.command import main
from tulou_crypto.public_seal import HpkeSeal


@pytest.fixture
def key(tmp_path: Path) -> tuple[Path, str]:
    """The file of a secret key, and its public key."""
    path = tmp_path / "钥匙.key"
    with redirect_stdout(StringIO()) as output:
        assert main(["new-key", str(path)]) == 0
    return path, output.getvalue().strip()


def sealed(public_key: str, *lines: bytes, finish: bool = True) -> bytes:
    part = HpkeSeal(PROVIDERS[0]()).begin(public_key, b"log")
    return b"".join([part.header, *map(part.seal, lines), part.finish() if finish else b""])


def test_what_was_sealed_is_read(
    key: tuple[Path, str], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path, public_key = key
    (tmp_path / "a.log").write_bytes(sealed(public_key, "第一行\n".encode()))
    (tmp_path / "b.log").write_bytes(sealed(public_key, b"two\n", finish=False))
    assert main(["open", "--key", str(path), str(tmp_path / "a.log"), str(tmp_path / "b.log")]) == 3
    output = capsysbinary.readouterr()
    assert output.out == "第一行\ntwo\n".encode()
    assert b"b.log: it was not finished" in output.err


def test_damage_is_told(
    key: tuple[Path, str], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path, public_key = key
    (tmp_path / "a.log").write_bytes(sealed(public_key, b"one\n", b"two\n")[:-5])
    assert main(["open", "--key", str(path), str(tmp_path / "a.log")]) == 3
    output = capsysbinary.readouterr()
    assert output.out == b"one\ntwo\n" and b"was not written to its end" in output.err


def test_the_public_key_can_be_printed_again(
    key: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["public-key", str(key[0])]) == 0
    assert capsys.readouterr().out.strip() == key[1]


def test_a_secret_key_is_private_and_never_overwritten(
    key: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = key[0].read_bytes()
    assert key[0].stat().st_mode & 0o077 == 0
    assert main(["new-key", str(key[0])]) == 1
    said = capsys.readouterr().err
    assert "is there already" in said and "Errno" not in said and key[0].read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"tulou-seal-public-1." + b"A" * 43, b"x" * 10_000])
def test_what_is_no_key_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "a.log").write_bytes(b"")
    assert main(["open", "--key", str(tmp_path / "key"), str(tmp_path / "a.log")]) == 1
    assert "tulou crypto: " in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(
    key: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["open", "--key", str(key[0]), str(tmp_path / "none.log")]) == 1
    said = capsys.readouterr().err
    assert "none.log: No such file" in said and "Errno" not in said


def test_only_a_file_that_was_finished_ends_with_0(
    key: tuple[Path, str], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    whole, log = sealed(key[1], b"one\n", b"two\n"), tmp_path / "a.log"
    header = len(sealed(key[1], finish=False))
    for size in (len(whole), *range(header, len(whole), 7)):
        log.write_bytes(whole[:size])
        assert (main(["open", "--key", str(key[0]), str(log)]) == 0) == (size == len(whole))
        output = capsysbinary.readouterr()
        assert b"one\ntwo\n".startswith(output.out) and bool(output.err) == (size < len(whole))
    log.write_bytes(b"")
    assert main(["open", "--key", str(key[0]), str(log)]) != 0 and capsysbinary.readouterr().err


def test_a_name_that_is_too_long_is_not_repeated(
    key: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for order in (["new-key"], ["public-key"], ["open", "--key", str(key[0])]):
        assert main([*order, "x" * 60_000]) == 1
        assert len(capsys.readouterr().err) < 300
