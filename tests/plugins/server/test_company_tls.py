"""The service over HTTPS with a certificate of the company's own authority, and a client that checks it."""

from __future__ import annotations

import pytest
import trio
import trustme
from tulou_server.company.config import Config

from tulou import Composition, Kernel
from tulou_contracts.company import Company, CompanyService
from tulou_contracts.identity import Identity
from tulou_contracts.network import CertificateRefused
from tulou_contracts.server import ChatServer
from tulou_contracts.transport import ConnectionState, Transport

for each in ("store", "net", "crypto", "auth", "xmpp", "company"):
    pytest.importorskip(f"tulou_{each}", reason=f"needs {each}: this is a whole client")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    ca = trustme.CA()
    made = ca.issue_cert("localhost")
    made.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "chain.pem").write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    ca.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other.pem")
    return folder


def server(authority):
    return (Composition.load("server").with_config("server", port=0, scram_iterations=4096, announce=False)
            .with_config("company-service", port=0, announce=False, hosts=["localhost"],
                         certificate=str(authority / "chain.pem"), key=str(authority / "key.pem")))


def client(server_kernel, ca_file):
    chat, company = server_kernel.service(ChatServer), server_kernel.service(CompanyService)
    return (Composition.load("headless").with_plugin("company")
            .with_config("xmpp", endpoint=chat.endpoint).with_config("crypto", keyring="file")
            .with_config("net", ca_file=str(ca_file))
            .with_config("company", root_keys=[company.root_key], spread=0.0))


async def test_a_real_client_fetches_reports_and_hears_of_changes_over_https(authority, tmp_path):
    async with Kernel(server(authority), profile=tmp_path / "server").running() as serving:
        service = serving.service(CompanyService)
        assert service.url.startswith("https://localhost:")
        await service.publish("policy", {"附件": False})
        await serving.service(ChatServer).create_account("lin", "secret")
        composition = client(serving, authority / "ca.pem")
        async with Kernel(composition, profile=tmp_path / "lin").running() as kernel:
            await kernel.service(Identity).sign_in("lin@tulou.localhost", "secret")
            company = kernel.service(Company)
            with trio.fail_after(20):
                while company.document("policy") is None:
                    await trio.sleep(0.02)
            await service.publish("policy", {"附件": True}, account="lin@tulou.localhost")
            with trio.fail_after(20):
                while company.document("policy").account == "":
                    await trio.sleep(0.02)
            answer = await company.report("events", b'{"id":"1","name":"x"}\n', content_type="text/plain")
            assert answer.status == 200 and await service.counts("events") == {"x": 1}
        service_url = service.url
    offline = client_offline(composition)
    async with Kernel(offline, profile=tmp_path / "lin").running() as kernel:
        assert kernel.service(Company).document("policy").content == {"附件": True}, service_url


def client_offline(composition):
    return composition.with_config("xmpp", endpoint="ws://127.0.0.1:9/xmpp-websocket")


async def test_a_certificate_of_another_authority_is_refused_and_nothing_is_reported(authority, tmp_path):
    async with Kernel(server(authority), profile=tmp_path / "server").running() as serving:
        service = serving.service(CompanyService)
        await service.publish("policy", {"附件": False})
        await serving.service(ChatServer).create_account("lin", "secret")
        composition = client(serving, authority / "other.pem")
        async with Kernel(composition, profile=tmp_path / "lin").running() as kernel:
            await kernel.service(Identity).sign_in("lin@tulou.localhost", "secret")
            company = kernel.service(Company)
            with trio.fail_after(20):
                while kernel.service(Transport).state.state is not ConnectionState.ONLINE:
                    await trio.sleep(0.02)
            with pytest.raises(CertificateRefused):
                with trio.fail_after(20):
                    await company.report("logs", b"secret", content_type="text/plain")
            assert company.document("policy") is None
            assert await service.counts("logs") == {}


@pytest.mark.parametrize(("settings", "fault"), [
    ({"address": "0.0.0.0"}, "in clear"), ({"address": "192.0.2.1"}, "in clear"),
    ({"certificate": "x"}, "belong together"), ({"port": 99_999}, "port"), ({"audience": ""}, "audience"),
    ({"token_life": 1.0}, "token_life"), ({"address": "name.example"}, "in clear"),
])
def test_a_wrong_setting_is_a_sentence(settings, fault):
    with pytest.raises(ValueError, match=fault):
        Config(**settings)
