"""Conformance of `Site`: files of a package's folder `web`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trio

from tulou_contracts.network import HttpHost
from tulou_contracts.testing.network.fixtures import HostFixture
from tulou_contracts.testing.network.peers import PATIENCE, WORDS, ask


class AssetsConformance(HostFixture):
    """Assets, and nothing else, are served."""

    @pytest.fixture
    def web_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """A package with a folder `web`, and secrets beside it."""
        package = tmp_path / "kit_web_package"
        (package / "web" / "sub").mkdir(parents=True)
        (package / "__init__.py").write_text("SECRET = 1\n")
        (package / "secret.txt").write_text("secret")
        (package / "website").mkdir()
        (package / "website" / "secret.txt").write_text("secret")
        (package / "web" / "app.js").write_text("export const 你好 = 1\n", encoding="utf-8")
        (package / "web" / "sub" / "页.html").write_text(f"<p>{WORDS}", encoding="utf-8")
        (package / "web" / "way-out").symlink_to(package / "secret.txt")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, package.name, raising=False)
        return package.name

    async def test_assets_have_type_and_etag(self, host: HttpHost, web_package: str) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.assets("/static", web_package, "web")
                script = await ask(site.port, "/static/app.js")
                assert script.body.decode() == "export const 你好 = 1\n"
                assert script.headers["content-type"].startswith("text/javascript")
                page = await ask(site.port, "/static/sub/%E9%A1%B5.html")
                assert page.body.decode() == f"<p>{WORDS}"
                assert page.headers["content-type"] == "text/html; charset=utf-8"
                etag = script.headers["etag"]
                for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
                    again = await ask(site.port, "/static/app.js", if_none_match=known)
                    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
                other = await ask(site.port, "/static/app.js", if_none_match='"other"')
                assert other.status == 200
                assert (await ask(site.port, "/static/app.js", method="HEAD")).body == b""
                site.remove("/static")
                assert (await ask(site.port, "/static/app.js")).status == 404

    @pytest.mark.parametrize(
        "way",
        [
            "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt",
            "sub/../../secret.txt", "..%5csecret.txt", "..\\secret.txt", "....//secret.txt",
            "../website/secret.txt", "%252e%252e/secret.txt", "./app.js", "//app.js", "app.js/",
            "app.js%00.html", "%00", "way-out", "sub", "", "/etc/passwd", "%2fetc%2fpasswd", "C:secret",
            "../__init__.py", "~/secret.txt", "sub/%ff",
        ],
    )
    async def test_nothing_outside_the_folder_is_served(
        self, host: HttpHost, web_package: str, way: str
    ) -> None:
        with trio.fail_after(PATIENCE):
            async with host.serve() as site:
                site.assets("/static", web_package, "web")
                answer = await ask(site.port, f"/static/{way}")
                assert answer.status in (400, 404)
                assert b"secret" not in answer.body.lower()

    async def test_assets_that_do_not_exist_are_told_at_once(
        self, host: HttpHost, web_package: str
    ) -> None:
        async with host.serve() as site:
            with pytest.raises(ValueError, match="no_such_package"):
                site.assets("/a", "no_such_package", "web")
            with pytest.raises(ValueError, match="no-such-folder"):
                site.assets("/a", web_package, "no-such-folder")
