"""`tulou run` as a process: signals, exit status, sentences on stderr; and its settings."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cli_site import Site


@contextmanager
def running(site: Site, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The app, up: its plugin `bell` has said so on stdout."""
    process = site.start("run", *arguments)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n", process.communicate()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def bell(site: Site, stop: str = "print('down', flush=True)", start: str = "print('up', flush=True)") -> None:
    site.plugin("bell", start=start, stop=stop)
    site.composition("[plugins.bell]\n")


@pytest.mark.parametrize(("number", "status"), [
    (signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 0)])
def test_a_signal_ends_the_app_in_order(site: Site, number: int, status: int) -> None:
    bell(site)
    with running(site) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (out, process.returncode) == ("down\n", status)
    assert "Traceback" not in err


def test_a_signal_during_start_ends_the_app_too(site: Site) -> None:
    bell(site, start="print('up', flush=True); await trio.sleep_forever()")
    with running(site) as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_second_ctrl_c_kills_at_once_even_when_a_plugin_blocks(site: Site) -> None:
    bell(site, stop="print('stopping', flush=True); time.sleep(1000)")
    with running(site) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None and process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.endswith("tulou: killed\n")


def test_another_sigterm_kills_a_plugin_that_ignores_cancellation(site: Site) -> None:
    bell(site, stop="\n                    with trio.CancelScope(shield=True):\n"
                    "                        print('stopping', flush=True)\n"
                    "                        await trio.sleep(1000)")
    with running(site) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None and process.stdout.readline() == "stopping\n"
        for _ in range(200):  # two that come together are one request
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
                break
        _, err = process.communicate(timeout=20)
    assert process.returncode == 143
    assert err.endswith("tulou: killed\n")


def test_a_plugin_that_prints_runs_on_when_the_reader_of_stdout_has_gone(site: Site) -> None:
    bell(site, start="print('up', flush=True)",
         stop="print('gone', flush=True); (ctx.data / 'down').touch()")
    with running(site, "--profile", "here") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        assert process.stderr is not None and process.stderr.read() == ""
        assert process.returncode == 0
        process.stdout = None
    assert (site.work / "here" / "bell" / "down").exists()


def test_what_is_missing_or_waits_is_told_and_the_rest_runs(site: Site) -> None:
    site.plugin("thirsty", "requires=(Water,)")
    bell(site)
    site.composition("[plugins.bell]\n[plugins.bel]\n[plugins.thirsty]\n")
    with running(site) as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert "warning: run: plugin 'bel' is not installed; did you mean 'bell'?" in err
    assert "plugin 'thirsty' is unresolved: it requires elements.Water" in err


def test_a_failing_plugin_is_one_line_and_a_traceback_only_with_debug(site: Site) -> None:
    bell(site)
    site.plugin("faulty", "restart=Restart(attempts=0)", start="raise ValueError('没有运气')")
    site.composition("[plugins.faulty]\n[plugins.bell]\n")
    for arguments, traceback in (([], False), (["--debug"], True)):
        with running(site, *arguments) as process:
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=20)
        assert "error: kernel: plugin 'faulty' failed at start: ValueError: 没有运气" in err
        assert ("Traceback" in err) is traceback


def test_an_essential_plugin_that_fails_ends_the_process_with_a_sentence(site: Site) -> None:
    site.plugin("heart", "restart=Restart(attempts=0)", start="raise ValueError('no luck')")
    site.composition('essential = ["heart"]\n[plugins.heart]\n')
    ended = site.command("run")
    assert ended.status == 1
    assert "essential plugin 'heart' is failed: ValueError: no luck" in ended.err
    assert "Traceback" not in ended.err


def test_verbose_tells_the_profile_and_who_runs(site: Site) -> None:
    bell(site)
    with running(site, "-v", "--profile", "here") as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert "info: run: profile here; running: bell" in err
    assert (site.work / "here" / ".lock").exists()


def test_a_profile_in_use_is_refused_with_a_sentence(site: Site) -> None:
    bell(site)
    with running(site, "--profile", "here"):
        ended = site.command("run", "--profile", "here")
    assert ended.status == 1
    assert ended.err.startswith("tulou: the profile here is in use by ")


def test_each_composition_has_a_profile_of_its_own_that_stays(site: Site) -> None:
    bell(site, start="print('up', flush=True); (ctx.data / 'note').touch()")
    site.composition("[plugins.bell]\n", "other.toml")
    for arguments in ([], ["other.toml"], []):
        with running(site, *arguments) as process:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
    notes = sorted(Path(site.environment["TULOU_DATA"]).glob("*/bell/note"))
    assert [note.parts[-3].partition("-")[0] for note in notes] == ["other", "tulou"]


# -- settings and the choice of a composition ---------------------------------------------------

CONFIG = """
    from dataclasses import dataclass, field

    @dataclass(frozen=True)
    class Config:
        text: str = "hello"
        times: int = 1
        tags: list[str] = field(default_factory=list)
"""


def echo(site: Site) -> None:
    site.plugin("echo", 'config="tulou_echo.config:Config"', config=CONFIG,
                start="print('up', flush=True)",
                stop="print(ctx.config.text, ctx.config.times, ctx.config.tags)")
    site.composition('[plugins.echo]\n[plugins.echo.config]\ntext = "file"\ntimes = 2\n')


@pytest.mark.parametrize(("settings", "said"), [
    ([], "file 2 []"),
    (["echo.text=你好 = 世界"], "你好 = 世界 2 []"),
    (["echo.times=5", 'echo.text="7"'], "7 5 []"),
    (['echo.tags=["a", "b"]'], "file 2 ['a', 'b']"),
])
def test_settings_may_be_changed_for_one_run(site: Site, settings: list[str], said: str) -> None:
    echo(site)
    with running(site, *[word for each in settings for word in ("--set", each)]) as process:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert out == said + "\n"


@pytest.mark.parametrize(("setting", "status", "sentence"), [
    ("echo.txt=1", 1, "unknown key 'txt'; did you mean 'text'?"),
    ("echo.times=many", 1, "'many' is a text; it should be a whole number"),
    ("ecko.text=x", 1, "has no plugin 'ecko'; did you mean 'echo'?"),
    ("echo=x", 2, "write it as plugin.key=value"),
    ("echo.text", 2, "write it as plugin.key=value"),
    ("echo..a=1", 2, "write it as plugin.key=value"),
])
def test_a_wrong_setting_is_a_sentence(site: Site, setting: str, status: int, sentence: str) -> None:
    echo(site)
    ended = site.main("run", "--set", setting)
    assert ended.status == status
    assert sentence in ended.err and "--set" in ended.err and "Traceback" not in ended.err


def test_without_a_composition_the_choice_is_told(site: Site) -> None:
    site.distribution("shipper", compositions={"tea": "teas"})
    site.write("teas/__init__.py", "")
    site.write("teas/tea.toml", "[plugins.bell]\n")
    ended = site.main("run")
    assert ended.status == 1 and "installed ones (tea)" in ended.err
    assert "did you mean 'tea'?" in site.main("run", "teaa").err
    assert "there is no composition file gone.toml" in site.main("run", "gone.toml").err


def test_a_shipped_composition_runs_by_name(site: Site) -> None:
    bell(site)
    site.distribution("shipper", compositions={"tea": "teas"})
    site.write("teas/__init__.py", "")
    site.write("teas/tea.toml", "[plugins.bell]\n")
    with running(site, "tea") as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert (Path(site.environment["TULOU_DATA"]) / "tea").is_dir()


def test_a_warm_start_imports_only_what_it_needs(site: Site) -> None:
    bell(site, stop="print(*sorted({'importlib.metadata', 'stevedore', 'json', 'dataclasses', 'difflib',"
                    " 'argparse', 'tulou.lockfile'} & set(sys.modules)), flush=True)")
    site.main("plugins", "list")  # fills the index
    with running(site) as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    with running(site) as process:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert out == "\n"
