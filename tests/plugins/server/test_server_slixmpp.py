"""An independent client, slixmpp, finds everything as it expects it."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import trio
import trustme

PROGRAM = Path(__file__).with_name("slixmpp_process.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("slixmpp") is None, reason="slixmpp is not installed (pip install slixmpp)"),
]


@pytest.mark.parametrize("secure", [False, True])
async def test_slixmpp_sees_what_it_expects(serving, tmp_path, secure):
    certificate, ca_file = str(tmp_path / "server.pem"), str(tmp_path / "ca.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    authority.issue_cert("tulou.localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
    settings = {"tls_certificate": certificate} if secure else {}
    async with serving(tcp=True, tcp_port=0, **settings) as server:
        for name in ("lin", "wang"):
            await server.create_account(name, "secret")
        await server.create_account("mei", "secret", "梅")
        await server.befriend("lin", "wang")
        with trio.fail_after(120):
            done = await trio.run_process(
                [sys.executable, str(PROGRAM), str(server.tcp_port), ca_file if secure else ""],
                capture_stdout=True, capture_stderr=True, check=False,
            )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    told = json.loads(done.stdout)
    assert told["carbon"] == told["offline"] == "在吗？"
    assert told["archive"] == ["在吗？"]
    assert "lin@tulou.localhost" in told["roster"]
    assert told["vcard"] == "梅"
    assert told["secure"] is secure
    assert told["managed"] and told["ping"] and told["carbons offered"]
