"""Bad days: a blocked loop, a locked or read-only profile, broken and duplicate distributions,
reloading code, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from tulou import Composition, Context, Kernel, ManifestError, Plugin, ProfileLocked, discovery
from tulou.profile import lock_profile
from tulou.testing import boot, states


def distribution(folder: Path, name: str, target: str, code: str | None, *, module: str = "",
                 version: str = "1.0") -> None:
    """A distribution as pip would leave it."""
    if code is not None:
        (folder / f"{module or target.split(':')[0]}.py").write_text(textwrap.dedent(code))
    info = folder / f"{name.replace('-', '_')}_dist-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-dist\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[tulou.plugins]\n{name} = {target}\n")


GOOD = """
    from contextlib import asynccontextmanager
    from tulou import Plugin
    plugin = Plugin(name="{name}", run="{module}:run", version="{version}")
    @asynccontextmanager
    async def run(ctx):
        yield
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, with an index of its own."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("TULOU_CACHE", str(tmp_path / "cache"))
    return folder


async def test_one_broken_distribution_hides_nobody_and_is_named(site: Path) -> None:
    fine = GOOD.format(name="fine-one", module="fine_one", version="1")
    distribution(site, "fine-one", "fine_one:plugin", fine)
    distribution(site, "torn-one", "torn_one:plugin", "import no_such_library")
    found = discovery.scan()
    assert "fine-one" in found.plugins
    [problem] = [each for each in found.problems if "torn-one" in each]
    assert "torn-one-dist 1.0" in problem and "no_such_library" in problem
    kernel = Kernel(Composition.of("fine-one", "torn-one", "not-there"), blocked_after=0)
    async with kernel.running():
        assert states(kernel) == {"fine-one": "running"}
        assert "no_such_library" in kernel.missing()["torn-one"]
        assert "not installed" in kernel.missing()["not-there"]


def test_two_plugins_of_one_name_are_reported_loudly(site: Path) -> None:
    distribution(site, "twin", "twin_a:plugin", GOOD.format(name="twin", module="twin_a", version="1"))
    info = site / "other_twin-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-twin\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[tulou.plugins]\ntwin = twin_a:plugin\ntwin2 = twin_a:plugin\n")
    (info / "entry_points.txt").write_text("[tulou.plugins]\ntwin = twin_b:plugin\n")
    (site / "twin_b.py").write_text(textwrap.dedent(GOOD.format(name="twin", module="twin_b", version="2")))
    [problem] = [each for each in discovery.scan().problems if "'twin'" in each]
    assert "other-twin 2.0" in problem and "twin-dist 1.0" in problem and "uninstall one" in problem


@pytest.mark.parametrize("own", ["tulou-twin", "Tulou_Twin", "twin"])
def test_a_stranger_does_not_take_the_name_of_a_plugin(site: Path, own: str) -> None:
    for name, module in (("aaa-stranger", "a_twin"), (own, "z_twin"), ("tulou-another", "b_twin")):
        code = GOOD.format(name="twin", module=module, version="1")
        (site / f"{module}.py").write_text(textwrap.dedent(code))
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[tulou.plugins]\ntwin = {module}:plugin\n")
    found = discovery.scan()
    assert (found.plugins["twin"].distribution, found.plugins["twin"].target) == (own, "z_twin:plugin")
    told = [each for each in found.problems if "'twin'" in each]
    assert len(told) == 2
    assert f"{own} 1.0 (z_twin:plugin) and aaa-stranger 1.0 (a_twin:plugin); the first is used" in told[0]


def test_a_name_that_differs_from_the_manifest_is_refused(site: Path) -> None:
    distribution(site, "alias", "alias_mod:plugin", GOOD.format(name="real", module="alias_mod", version="1"))
    with pytest.raises(ManifestError, match="make the two names equal"):
        discovery.scan().plugins["alias"].load()


def test_the_index_is_used_until_something_is_installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    discovery.installed()
    scans: list[int] = []
    real = discovery.scan
    monkeypatch.setattr(discovery, "scan", lambda: scans.append(1) or real())
    discovery.installed()
    assert not scans, "the index was valid"
    fresh = GOOD.format(name="fresh", module="fresh_mod", version="1")
    distribution(site, "fresh", "fresh_mod:plugin", fresh)
    assert "fresh" in discovery.installed().plugins
    assert scans == [1]
    discovery.index_file().write_bytes(b"damaged")
    assert "fresh" in discovery.installed().plugins


async def test_reload_takes_up_changed_code(site: Path) -> None:
    distribution(site, "living", "living:plugin", GOOD.format(name="living", module="living", version="1"))
    kernel = Kernel(Composition.of("living"), blocked_after=0)
    async with kernel.running():
        assert kernel.status()[0].version == "1"
        (site / "living.py").write_text(
            textwrap.dedent(GOOD.format(name="living", module="living", version="22")))
        await kernel.reload("living")
        assert kernel.status()[0].version == "22"
        assert states(kernel) == {"living": "running"}
        (site / "living.py").write_text("raise RuntimeError('torn')\n# longer than before, on purpose\n" * 3)
        with pytest.raises(ManifestError, match="torn"):
            await kernel.reload("living")
        assert states(kernel) == {"living": "disabled"}


async def test_a_plugin_installed_while_the_app_runs_can_be_enabled(site: Path) -> None:
    async with Kernel(Composition.of(), blocked_after=0).running() as kernel:
        with pytest.raises(ManifestError, match="not installed"):
            await kernel.enable("newcomer")
        distribution(site, "newcomer", "newcomer:plugin",
                     GOOD.format(name="newcomer", module="newcomer", version="1"))
        await kernel.enable("newcomer")
        assert states(kernel) == {"newcomer": "running"}


async def test_a_plugin_that_blocks_the_loop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        async def block() -> None:
            await trio.sleep(0.05)
            time.sleep(0.6)
        ctx.spawn(block)
        yield
    blocker = Plugin(name="blocker", run=run)
    async with boot(blocker, watch=0.1) as kernel:
        with trio.fail_after(10):
            while kernel.status()[0].faults == 0:
                await trio.sleep(0.02)
    [message] = [each.getMessage() for each in caplog.records if "has been blocked" in each.getMessage()]
    assert "plugin 'blocker'" in message and "in block" in message


async def test_a_long_import_at_start_is_no_fault_of_blocking(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    distribution(site, "heavy", "heavy:plugin", """
        from tulou import Plugin
        plugin = Plugin(name="heavy", run="heavy_service:run")
    """)
    (site / "heavy_service.py").write_text("import time\ntime.sleep(0.6)\n" + textwrap.dedent("""
        from contextlib import asynccontextmanager
        @asynccontextmanager
        async def run(ctx):
            yield
    """))
    async with Kernel(Composition.of("heavy"), blocked_after=0.1).running() as kernel:
        [status] = kernel.status()
        assert (status.state.value, status.faults) == ("running", 0)
    told = [(each.levelname, each.getMessage()) for each in caplog.records if each.name == "tulou.kernel"]
    assert told == [("WARNING", "importing plugin 'heavy' took more than 0.1 s")]


async def test_a_locked_profile_is_refused_naming_who_has_it(tmp_path: Path) -> None:
    async with boot(profile=tmp_path / "p"):
        with pytest.raises(ProfileLocked, match="in use by this program itself"):
            async with boot(profile=tmp_path / "p"):
                raise AssertionError("two kernels on one profile")
    async with boot(profile=tmp_path / "p"):
        pass


async def test_a_killed_process_leaves_no_lock_behind(tmp_path: Path) -> None:
    code = ("import sys, time; from tulou.profile import lock_profile; from pathlib import Path\n"
            "with lock_profile(Path(sys.argv[1])):\n    print('locked', flush=True); time.sleep(60)")
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "locked\n"
    with pytest.raises(ProfileLocked, match=f"in use by process {child.pid}"):
        async with boot(profile=tmp_path):
            raise AssertionError("the child has it")
    child.kill()
    child.wait()
    child.stdout.close()
    async with boot(profile=tmp_path):
        pass


async def test_a_profile_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ProfileLocked, match="cannot be used"):
        async with boot(profile=tmp_path / "file" / "profile"):
            raise AssertionError("no folder")


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
@pytest.mark.parametrize("existed", [False, True])
async def test_a_profile_is_its_owners_alone(tmp_path: Path, existed: bool) -> None:
    profile = tmp_path / "profile"
    if existed:
        profile.mkdir()
        profile.chmod(0o755)
    folders = [profile]

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        folders.append(ctx.data)
        yield
    before = os.umask(0o022)
    try:
        async with boot(Plugin(name="diary", run=run), profile=profile):
            assert [each.stat().st_mode & 0o777 for each in folders] == [0o700, 0o700]
    finally:
        os.umask(before)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
async def test_a_folder_that_all_users_share_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    async with boot(profile=tmp_path):
        assert tmp_path.stat().st_mode & 0o7777 == 0o1777


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
async def test_a_full_disk_keeps_no_app_from_locking_its_profile(tmp_path: Path) -> None:
    import resource
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with lock_profile(tmp_path), pytest.raises(ProfileLocked, match="in use"), lock_profile(tmp_path):
            raise AssertionError("two have it")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
async def test_a_folder_of_other_things_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "letter").write_text("dear")
    folder.chmod(0o755)
    async with boot(profile=folder):
        assert folder.stat().st_mode & 0o777 == 0o755


async def test_many_kernels_run_side_by_side_in_one_loop(autojump_clock: Any) -> None:
    rounds: list[str] = []

    def counter(label: str) -> Plugin:
        @asynccontextmanager
        async def run(ctx: Context) -> AsyncIterator[None]:
            async def count() -> None:
                await trio.sleep(1)
                rounds.append(label)
            ctx.spawn(count)
            yield
        return Plugin(name="counter", run=run)

    async with trio.open_nursery() as nursery:
        async def live(label: str) -> None:
            async with boot(counter(label)):
                await trio.sleep(5)
        for n in range(10):
            nursery.start_soon(live, str(n))
    assert sorted(rounds) == [str(n) for n in range(10)]


async def test_disabling_leaves_no_task_handler_service_or_file(tmp_path: Path) -> None:
    class Event:
        pass

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        with open(ctx.data / "notes", "a") as file:
            ctx.provide(Event, Event())
            ctx.subscribe(Event, lambda event: file.write("x") and None)
            ctx.spawn(trio.sleep_forever)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                yield
                nursery.cancel_scope.cancel()
    async with boot(Plugin(name="tidy", run=run, provides=(Event,)), profile=tmp_path) as kernel:
        def belongings() -> tuple[int, int, int, int]:
            house = kernel._running_house()
            return (trio.lowlevel.current_statistics().tasks_living, len(os.listdir("/proc/self/fd")),
                    len(house.services.contracts()), len(house.events.subscriptions()))
        await kernel.disable("tidy")
        before = belongings()
        for _ in range(5):
            await kernel.enable("tidy")
            await kernel.disable("tidy")
        assert belongings() == before
