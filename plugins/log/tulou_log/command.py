"""``tulou logs``: read the logs of a profile, also while the app runs and after it died; set how much
modules tell; make a report; open sealed files."""

from __future__ import annotations

import argparse
import datetime
import logging
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tulou.cli.choose import add_composition, chosen_or_none, data_folder, default_profile
from tulou_contracts.logs import LogFilter, LogLine, LogsError, Verbosity
from tulou_log import reading
from tulou_log.config import LEVELS, Config
from tulou_log.files import text_of
from tulou_log.levels import Levels, level_of
from tulou_log.terminal import colourful, lines_of

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PAUSE = 0.2
_NEWEST = 500


def main(arguments: list[str]) -> int:
    """The exit status."""
    commands: dict[str, Callable[[list[str]], int]] = {
        "level": _level, "levels": _level, "report": _report, "open": _open}
    if arguments and arguments[0] in commands:
        return commands[arguments[0]](arguments[1:])
    return _show(arguments)


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"tulou {name}", description=description)
    add_composition(parser, option=True)
    parser.add_argument("--profile", metavar="DIR", type=Path,
                        help="the profile's folder, as for `tulou run`")
    return parser


def _filtered(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--level", choices=LEVELS[:-1], default="debug", help="at least this grave")
    parser.add_argument("--plugin", metavar="NAME", default="", help="only this plugin, or another module")
    parser.add_argument("--correlation", metavar="ID", default="", help="only what belongs to this act")
    parser.add_argument("--text", default="", help="only messages with this text")
    parser.add_argument("--since", metavar="TIME", default="", help="10m, 2h, 3d, or 2026-01-31T08:00")


def _folder(options: argparse.Namespace) -> Path:
    if options.profile is not None:
        return Path(options.profile) / "log"
    composition = chosen_or_none(options.composition)
    if composition is None:
        raise LogsError(
            "whose logs? Name the app's folder with --profile (of `tulou demo`:"
            f" --profile {data_folder() / 'demo' / 'anna'}), or its composition with -c, e.g. -c office")
    return default_profile(composition) / "log"


def _which(options: argparse.Namespace) -> LogFilter:
    return LogFilter(level=level_of(options.level), module=options.plugin, correlation=options.correlation,
                     text=options.text, since=moment(options.since, time.time()))


def moment(text: str, now: float) -> int:
    """A time as people write it, in microseconds since 1970 UTC. Raises `LogsError`."""
    if not text:
        return 0
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if match:
        return max(0, int((now - int(match[1]) * _UNITS[match[2]]) * 1e6))
    try:
        return max(0, int(datetime.datetime.fromisoformat(text).astimezone().timestamp() * 1e6))
    except (ValueError, OverflowError, OSError):
        raise LogsError(f"--since {text}: write it as 10m, 2h, 3d, or as 2026-01-31T08:00") from None


# -- reading ----------------------------------------------------------------------------------


def _show(arguments: list[str]) -> int:
    parser = _parser("logs", "Show the logs of a profile. Also: `tulou logs level`, `tulou logs report`,"
                             " `tulou logs open`; each has its own --help.")
    _filtered(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on with lines as they come")
    parser.add_argument("-n", "--lines", type=int, default=_NEWEST, help=f"the newest so many ({_NEWEST})")
    parser.add_argument("--json", action="store_true", help="for programs: the lines as they are kept")
    options = parser.parse_args(arguments)
    folder, which = _folder(options), _which(options)
    if not folder.is_dir() and not options.follow:
        raise LogsError(f"there are no logs in {folder.parent}; name the profile with --profile")
    from tulou_log.following import Follower

    follower = Follower(folder) if options.follow else None
    if options.json:
        for raw in reading.stored(folder, since=which.since):
            line = reading.parse(raw)
            if line is not None and reading.fits(line, which):
                print(raw.decode("utf-8", "replace").rstrip("\n"))
    else:
        for line in reading.read(folder, which, max(0, options.lines) or None):
            _print(line)
            if follower is not None:
                follower.seen(line.number)
    if follower is not None:
        _follow(follower, which, options.json)
    elif any(".sealed" in path.name for path in folder.iterdir()):
        print("tulou: some files are sealed; `tulou logs open FILE --key KEYFILE` reads them",
              file=sys.stderr)
    return 0


def _print(line: LogLine) -> None:
    print(lines_of(line, colourful(sys.stdout)))


def _follow(follower: object, which: LogFilter, as_json: bool) -> None:
    from tulou_log.following import Follower

    assert isinstance(follower, Follower)
    sys.stdout.flush()
    try:
        while True:
            came = False
            for raw in (*follower.news(), *follower.rest()):
                line = reading.parse(raw)
                if line is None:
                    continue
                came = True
                follower.seen(line.number)
                if reading.fits(line, which):
                    print(raw.decode("utf-8", "replace").rstrip("\n")) if as_json else _print(line)
            if came:
                sys.stdout.flush()
            time.sleep(_PAUSE)
    finally:
        follower.close()


# -- levels -----------------------------------------------------------------------------------


def _level(arguments: list[str]) -> int:
    parser = _parser("logs level", "Show or set how much modules tell; a running app follows in a moment.")
    parser.add_argument("module", nargs="?", help="a plugin's name, 'kernel', a library, or 'all'")
    parser.add_argument("level", nargs="?", choices=(*LEVELS, "default"), help="'default': as all others")
    options = parser.parse_args(arguments)
    folder = _folder(options)
    levels = Levels(folder / "levels.json", Verbosity.INFO)
    levels.load()
    if options.module is None:
        for name, level in sorted(levels.holding().items()):
            print(f"{name or 'all'}: {level.name.lower()}")
        for name, level in sorted(levels.wishes().items()):
            print(f"{name or 'all'}: the company asks for {level.name.lower()}; answer it on the app's page")
        return 0
    module = "" if options.module == "all" else options.module
    if options.level is None:
        own = levels.holding().get(module, levels.holding()[""])
        print(f"{options.module}: {own.name.lower()}")
        return 0
    wanted = None if options.level == "default" else level_of(options.level)
    levels.set(module, wanted)
    _note(folder, options.module, options.level)
    print(f"{options.module}: {options.level}")
    return 0


def _note(folder: Path, module: str, level: str) -> None:
    """Keep in the logs who changed it: in a file of this process, for the app may be writing its own."""
    from tulou_log.recorder import Recorder

    recorder = Recorder(folder, Config(ring_kb=64), second=True)
    recorder.open()
    try:
        log = logging.getLogger("tulou.plugin.log")
        before = log.level
        log.setLevel(logging.INFO)
        log.info("the command line sets %s to %s", module, level)
        log.setLevel(before)
    finally:
        recorder.close()


# -- reports ----------------------------------------------------------------------------------


def _report(arguments: list[str]) -> int:
    parser = _parser("logs report", "Write a report to a file, to be handed to a support desk: allow-listed"
                                    " content only, people under pseudonyms. Nothing is sent.")
    _filtered(parser)
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="left out: named after the time")
    parser.add_argument("--preview", action="store_true", help="show what it would hold, and write nothing")
    options = parser.parse_args(arguments)
    from tulou_log import reports
    from tulou_log.crash import FORMER, NOTE

    folder, which = _folder(options), _which(options)
    notes = [text_of(folder / name) for name in (NOTE, FORMER)]
    crash = [line for note in notes for line in reports.crash_lines(note)]
    report = reports.make(reading.stored(folder, since=which.since), which, names=_plugins(), crash=crash)
    if options.preview:
        print(reports.unpacked(report), end="")
        return 0
    target = options.output or Path(f"tulou-logs-{time.strftime('%Y%m%d-%H%M%S')}.jsonl.gz")
    try:
        with open(target, "xb") as file:
            file.writelines(report.parts)
    except FileExistsError:
        raise LogsError(f"{target} is there already; name another file with -o") from None
    print(f"{target}: {report.lines} lines, {report.size} bytes; `zcat {target}` shows what it holds")
    return 0


def _plugins() -> list[str]:
    from tulou.discovery import installed

    return [*installed().plugins, "kernel"]


# -- sealed files -----------------------------------------------------------------------------


def _open(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tulou logs open", description="Read a sealed log file.")
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--key", metavar="FILE", type=Path, required=True,
                        help="a file with the secret key; - reads it from standard input")
    _filtered(parser)
    parser.add_argument("--json", action="store_true", help="for programs: the lines as they are kept")
    options = parser.parse_args(arguments)
    from tulou_log.opening import opened

    which = _which(options)
    key = (sys.stdin.readline() if str(options.key) == "-" else options.key.read_text("utf-8")).strip()
    status = 0
    for path in options.file:
        lines, faults = opened(path, key)
        for raw in lines:
            line = reading.parse(raw)
            if line is not None and reading.fits(line, which):
                print(raw.decode("utf-8", "replace").rstrip("\n")) if options.json else _print(line)
        for fault in faults:
            print(f"tulou: {path}: {fault}", file=sys.stderr)
            status = 1
    return status
