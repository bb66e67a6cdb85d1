"""The command itself: help, contributed commands, errors, options before the sub-command."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from cli_site import Site

COMMANDS = {
    "command.py": """
        def main(arguments):
            print("args", *arguments)
            return 7

        def crash(arguments):
            raise KeyError("没有")

        def refuse(arguments):
            from tulou import TulouError
            raise TulouError("the door is shut; open it")

        def fill(arguments):
            import errno
            error = OSError(errno.ENOSPC, "No space left on device", "日记.db")
            raise ExceptionGroup("all", [error])

        not_a_function = 3
    """,
}


def contributor(site: Site, name: str, command: str, target: str = "command:main") -> None:
    site.plugin(name, f"commands=(Command({command!r}, 'help of {name}', 'tulou_{name}.{target}'),)",
                extra=COMMANDS)


def test_without_arguments_it_helps_and_lists_contributed_commands_by_plugin(site: Site) -> None:
    contributor(site, "greeter", "greet")
    ended = site.main()
    assert ended.status == 0
    assert "by the plugin greeter:\n  greet " in ended.out and "help of greeter" in ended.out
    assert "  run " in ended.out and "  doctor " in ended.out


def test_a_contributed_command_gets_its_arguments_and_gives_its_status(site: Site) -> None:
    contributor(site, "greeter", "greet")
    ended = site.main("greet", "--loud", "小明")
    assert (ended.status, ended.out) == (7, "args --loud 小明\n")


def test_a_plugin_with_a_command_is_not_imported_until_the_command_is_used(site: Site) -> None:
    contributor(site, "greeter", "greet")
    contributor(site, "other", "othering")
    site.main()  # fills the index
    for name in ("tulou_greeter", "tulou_other", "tulou_greeter.command"):
        sys.modules.pop(name, None)
    assert site.main("greet").status == 7
    assert "tulou_greeter" in sys.modules
    assert "tulou_other" not in sys.modules


def test_a_command_added_to_an_installed_manifest_is_found(site: Site) -> None:
    site.plugin("greeter")
    assert site.main("greet").status == 2
    site.write("tulou_greeter/command.py", COMMANDS["command.py"])
    site.write("tulou_greeter/__init__.py", """
        from tulou import Command, Plugin
        plugin = Plugin(name="greeter", run="tulou_greeter.service:run",
                        commands=(Command("greet", "help", "tulou_greeter.command:main"),))
    """)
    sys.modules.pop("tulou_greeter")
    assert site.main("greet").status == 7


def test_of_two_plugins_with_one_command_the_first_by_name_wins_and_it_is_told(site: Site) -> None:
    contributor(site, "zebra", "greet", "command:crash")
    contributor(site, "ant", "greet")
    ended = site.main("greet")
    assert ended.status == 7
    assert "'ant' and 'zebra' both contribute a command 'greet'" in ended.err
    assert "both contribute" in site.main().err


def test_a_command_of_ours_cannot_be_replaced(site: Site) -> None:
    contributor(site, "greeter", "run")
    assert "has itself; rename it" in site.main().err


@pytest.mark.parametrize(("typed", "meant"), [("rnu", "run"), ("docter", "doctor"), ("gret", "greet")])
def test_an_unknown_command_gets_a_suggestion(site: Site, typed: str, meant: str) -> None:
    contributor(site, "greeter", "greet")
    ended = site.main(typed)
    assert ended.status == 2
    assert ended.err == f"tulou: there is no command {typed!r}; did you mean {meant!r}?\n"


def test_a_command_that_crashes_is_one_sentence_and_a_traceback_only_on_request(site: Site) -> None:
    contributor(site, "greeter", "greet", "command:crash")
    ended = site.main("greet")
    assert ended.status == 1
    assert "unexpected KeyError: '没有'" in ended.err and "Traceback" not in ended.err
    assert "Traceback" in site.main("--debug", "greet").err


def test_an_error_of_ours_is_its_sentence(site: Site) -> None:
    contributor(site, "greeter", "greet", "command:refuse")
    ended = site.main("greet")
    assert (ended.status, ended.err) == (1, "tulou: the door is shut; open it\n")


@pytest.mark.parametrize("target", ["command:nothing", "command:not_a_function", "absent:main"])
def test_a_command_that_cannot_be_loaded_names_plugin_and_target(site: Site, target: str) -> None:
    contributor(site, "greeter", "greet", target)
    ended = site.main("greet")
    assert ended.status == 1
    assert "'greet' of plugin 'greeter' is broken" in ended.err and target in ended.err


def test_wrong_usage_has_status_two(site: Site) -> None:
    assert site.main("--nonsense", "run").status == 2
    assert site.main("run", "--nonsense").status == 2
    ended = site.main("plugins", "lst")
    assert ended.status == 2
    assert ended.err == "tulou: there is no command 'plugins lst'; did you mean 'list'?\n"


@pytest.mark.parametrize("name", ["run", "check", "plugins", "why", "lock", "doctor", "new"])
def test_every_command_has_help(site: Site, name: str) -> None:
    ended = site.main(name, "--help")
    assert ended.status == 0 and ended.out.startswith(f"usage: tulou {name}")


def said_to(site: Site, stdout: int, *arguments: str) -> tuple[int, str]:
    """Status and stderr of a command with a stdout of ours."""
    done = subprocess.run([sys.executable, "-S", "-P", "-m", "tulou", *arguments], cwd=site.work, timeout=60,
                          env=site.environment, stdout=stdout, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stderr


def closed_stdout(site: Site, *arguments: str) -> tuple[int, str]:
    """Status and stderr of a command whose reader is gone before it says anything."""
    read, write = os.pipe()
    os.close(read)
    # buffered, as people have it: argparse itself swallows what fails while its help is written
    buffered = {**site.environment, "PYTHONUNBUFFERED": ""}
    try:
        done = subprocess.run([sys.executable, "-S", "-P", "-m", "tulou", *arguments], cwd=site.work,
                              env=buffered, stdout=write, stderr=subprocess.PIPE, text=True,
                              timeout=60)
    finally:
        os.close(write)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "line", [["--help"], ["--version"], ["run", "--help"], ["plugins", "list", "--json"]])
def test_a_reader_who_leaves_ends_a_command_without_a_word(site: Site, line: list[str]) -> None:
    site.composition("")
    assert closed_stdout(site, *line) == (141, "")


@pytest.mark.skipif(sys.platform == "win32", reason="closes a descriptor as POSIX shells do")
@pytest.mark.parametrize("line", [["--help"], ["plugins", "graph"], ["plugins", "list", "--json"], ["check"]])
def test_without_any_standard_output_a_command_does_its_work(site: Site, line: list[str]) -> None:
    site.composition("")
    done = subprocess.run([sys.executable, "-S", "-P", "-m", "tulou", *line], cwd=site.work, timeout=60,
                          env=site.environment, stderr=subprocess.PIPE, text=True,
                          preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_contributed_command_goes_on_when_its_reader_leaves(site: Site) -> None:
    site.plugin("greeter", "commands=(Command('greet', 'help', 'tulou_greeter.command:main'),)", extra={
        "command.py": """
            import trio

            async def work():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(say)

            async def say():
                for word in ("one", "two"):
                    print(word, flush=True)

            def main(arguments):
                trio.run(work)
                open("done", "w").close()
                return 7
        """})
    assert closed_stdout(site, "greet") == (7, "")
    assert (site.work / "done").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_a_full_device_is_a_sentence_and_no_defect(site: Site) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-S", "-P", "-m", "tulou", "--help"], cwd=site.work,
                              env=site.environment, stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=60)
    assert done.returncode == 1
    assert done.stderr == "tulou: no space left on device; make room on the disk and try again\n"


def test_a_full_disk_inside_a_group_is_a_sentence_with_its_path(site: Site) -> None:
    contributor(site, "greeter", "greet", "command:fill")
    ended = site.main("greet")
    assert ended.status == 1
    assert ended.err == "tulou: no space left on device: 日记.db; make room on the disk and try again\n"


def test_what_the_terminal_cannot_show_is_shown_as_its_code(site: Site) -> None:
    contributor(site, "greeter", "greet")
    site.environment["PYTHONIOENCODING"] = "ascii:strict"
    ended = site.command("greet", "小明")
    assert (ended.status, ended.out, ended.err) == (7, "args \\u5c0f\\u660e\n", "")


def test_version(site: Site) -> None:
    assert site.main("--version").out.startswith("tulou 0.")


def test_the_process_ends_with_the_status(site: Site) -> None:
    contributor(site, "greeter", "greet")
    assert site.command("greet").status == 7
    assert site.command("greeet").status == 2


def test_what_a_program_may_read_is_json(site: Site) -> None:
    site.plugin("water", "provides=(Water,)", start="ctx.provide(Water, object())")
    site.composition("[plugins.water]")
    for line in (["plugins", "list"], ["plugins", "graph"], ["plugins", "why", "water"], ["why", "water"],
                 ["plugins", "timeline"], ["check"], ["doctor"], ["lock"], ["new", "thing"]):
        ended = site.main(*line, "--json")
        assert json.loads(ended.out) is not None, line
