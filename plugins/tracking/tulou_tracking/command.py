"""``tulou tracking``: what is tracked, what would leave, consent, and the build's check."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import trio

from tulou import Composition, Kernel, discovery
from tulou.errors import ProfileLocked, TulouError
from tulou_contracts.tracking import Consent, TrackingControl, TrackingError
from tulou_tracking.check import check, declarations
from tulou_tracking.standing import WITNESS
from tulou_tracking.table import as_json

UNSAID = "the company service, if the app has one (known only while the app runs)"


def main(arguments: list[str]) -> int:
    """The exit status: 0, or 1 with a sentence why not."""
    options = _parser().parse_args(arguments)
    try:
        if options.what == "check":
            return _check(options.packages, options.also)
        composition = Composition.load(options.composition)
        if options.what == "table":
            return _table(composition)
        _is_profile(options.profile)
        return _asked(_alone(composition), options)
    except TulouError as error:
        print(f"tulou: {error}", file=sys.stderr)
        return 1


def _is_profile(profile: Path) -> None:
    """Raises `TrackingError`: a look at a wrong folder must not make a profile of it."""
    try:
        str(profile).encode()
    except UnicodeEncodeError:
        raise TrackingError(
            f"the path {ascii(str(profile))[:200]} is no UTF-8, so that no profile can be there: rename the"
            " folder"
        ) from None
    try:
        found = (profile / "store").is_dir()
    except OSError as error:
        raise TrackingError(f"the profile cannot be looked at: {error.strerror}") from None
    if not found:
        raise TrackingError(f"{str(profile)[:200]} is no profile: it has no folder 'store'")


def _asked(composition: Composition, options: argparse.Namespace) -> int:
    try:
        return trio.run(_ask, Kernel(composition, profile=options.profile), options)
    except (TulouError, OSError) as error:
        choice = getattr(options, "choice", None)
        in_use = isinstance(error, ProfileLocked) and not isinstance(error.__cause__, OSError)
        if choice not in ("off", "anonymous") or in_use:
            raise
        _lose_the_yes(options.profile, error)
        print(f"tulou: {error}", file=sys.stderr)
        print("consent: off (what waits is thrown away when the app starts next)")
        return 0 if choice == "off" else 1


def _lose_the_yes(profile: Path, why: Exception) -> None:
    """A disk that takes no no, because it is full, can still lose a yes. Raises `TrackingError`."""
    try:
        (profile / "tracking" / WITNESS).unlink(missing_ok=True)
    except OSError as error:
        raise TrackingError(f"consent holds on, for it cannot be withdrawn: {error.strerror}; {why}") from why


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tulou tracking", description="What is tracked, what of it would leave, and consent to it.")
    parts = parser.add_subparsers(dest="what", required=True, metavar="show|table|consent|check")
    words = {"show": "the counts, and the lines of the next report exactly as they would leave",
             "table": "what the plugins of a composition declare, as JSON",
             "consent": "tell what holds, or choose"}
    for name, about in words.items():
        part = parts.add_parser(name, help=about, description=about)
        if name != "table":
            part.add_argument("profile", type=Path, help="the profile folder; its app must not be running")
        part.add_argument("-c", "--composition", default="office", help="default: office")
        if name == "consent":
            part.add_argument("choice", nargs="?", choices=[each.value for each in Consent])
    about = "read a package's source: does it track only what is declared? For builds; exit status 1 if not"
    part = parts.add_parser("check", help=about, description=about)
    part.add_argument("packages", nargs="+", metavar="PACKAGE", help="import name, e.g. tulou_poll")
    part.add_argument("--also", action="append", default=[], metavar="PACKAGE",
                      help="a package that only declares events")
    return parser


def _check(packages: list[str], also: list[str]) -> int:
    problems = check(packages, also=also)
    for problem in problems:
        print(problem)
    if not problems:
        print(f"{', '.join(packages)}: every event that is tracked is declared")
    return 1 if problems else 0


def _alone(composition: Composition) -> Composition:
    """Only what is needed to look: nobody wants to be connected by asking."""
    others = [name for name in composition.plugins if name not in ("store", "tracking")]
    alone = composition.without(*others)._replace(essential=frozenset(("store", "tracking")))
    for name in ("store", "tracking"):
        alone = alone.with_plugin(name, enabled=True)
    return alone.with_config("tracking", starts=False)


def _table(composition: Composition) -> int:
    known = discovery.scan().plugins
    packages = {known[name].target.partition(":")[0].partition(".")[0]
                for name in composition.plugins if name in known}
    table, problems = declarations(sorted(packages))
    print(json.dumps({name: as_json(table[name]) for name in sorted(table)}, ensure_ascii=False, indent=2))
    for problem in problems:
        print(f"tulou: {problem}", file=sys.stderr)
    return 1 if problems else 0


async def _ask(kernel: Kernel, options: argparse.Namespace) -> int:
    async with kernel.running():
        control = kernel.service(TrackingControl)
        if options.what == "consent":
            if options.choice:
                await control.set_consent(Consent(options.choice))
            _print_consent(control)
        else:
            await _show(control)
    return 0


def _print_consent(control: TrackingControl) -> None:
    state = control.state()
    why = "the system asks not to track" if state.do_not_track else (
        "chosen" if state.chosen is not None else "the default, nobody has chosen")
    print(f"consent: {state.consent.value} ({why})")


async def _show(control: TrackingControl) -> None:
    _print_consent(control)
    state = control.state()
    print(f"reports go to: {state.destination or UNSAID}")
    for name, count in state.sent.items():
        print(f"sent: {name}: {count}")
    for why, names in state.dropped.items():
        for name, count in names.items():
            print(f"not sent, {why}: {name}: {count}")
    for problem in state.problems:
        print(f"problem: {problem}")
    lines = await control.preview()
    print(f"events that wait: {state.held}" + (", of which would leave next:" if lines else ""))
    for line in lines:
        print(line)
