"""``tulou company-service``: for administrators, beside the process that runs the service."""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tulou.cli.choose import data_folder, default_profile
from tulou.errors import TulouError
from tulou_server.company.reading import NotReached, content_of

FILE = "admin.json"
PLUGIN = "company-service"
_COMPOSITIONS = ("server", "company")


def main(arguments: list[str]) -> int:
    """Give one order; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        work: _Work = options.work
        work(options, _Desk(options.profile))
    except TulouError as error:
        print(f"tulou: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tulou company-service",
        description="The company service that runs on a profile of this machine.")
    about = ("the profile of the process that runs it (default: that of the composition `server`, else of"
             " `company`)")
    parser.add_argument("--profile", type=Path, metavar="FOLDER", help=about)
    orders = parser.add_subparsers(required=True, metavar="ORDER")

    def order(name: str, work: _Work, text: str) -> argparse.ArgumentParser:
        made = orders.add_parser(name, help=text, description=text)
        made.set_defaults(work=work)
        # after the order too; one that is not given leaves the one before it alone
        made.add_argument("--profile", type=Path, metavar="FOLDER", help=about, default=argparse.SUPPRESS)
        return made

    order("root-key", _root_key, "print the public key that clients pin, and where the service is")
    order("new-root-key", _new_root_key, "make and print the key that will take over")
    order("use-root-key", _use_root_key, "let it sign, and issue everything anew; clients must pin it")
    publish = order("publish", _publish, "sign and issue the next version of a document")
    publish.add_argument("kind", help="routes, events, configuration, policy, logging, ...")
    publish.add_argument("file", type=Path, help="a JSON object; - is standard input")
    publish.add_argument("--valid-days", type=_number, default=30.0, metavar="N", help="default: %(default)s")
    publish.add_argument("--at-least", type=_version, default=0, metavar="VERSION", dest="least",
                         help="number it so or higher: after the service was restored from a backup")
    publish.add_argument("--force", action="store_true", help="issue even what no client could use")
    withdraw = order("withdraw", _withdraw, "say that no document of a kind holds any more")
    withdraw.add_argument("kind")
    for each in (publish, withdraw):
        each.add_argument("--account", default="", metavar="NAME@DOMAIN", help="for one account only")
        each.add_argument("--audience", default="", help="for another product than the service's own")
    order("list", _list, "the newest issue of every document")
    order("counts", _counts, "how many events and log reports were collected")
    ask = order("ask-logs", _ask_logs, "ask a person's devices for their logs; the person decides")
    ask.add_argument("account", metavar="NAME@DOMAIN")
    ask.add_argument("--hours", type=_number, default=24.0, metavar="N",
                     help="of how long; default: %(default)s")
    ask.add_argument("--reason", default="", help="what the person is told")
    logs = order("logs", _logs, "the log reports that are kept; or one of them")
    logs.add_argument("--get", type=_version, metavar="NUMBER", help="write the report of that number out")
    logs.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to (default: standard output)")
    logs.add_argument("--clear", action="store_true", help="remove them all")
    return parser


def _number(text: str) -> float:
    with suppress(ValueError):
        number = float(text)
        if 0 < number < 1e6:  # false for what is no number, too
            return number
    raise argparse.ArgumentTypeError("it must be a number above 0 and below a million")


def _version(text: str) -> int:
    with suppress(ValueError):
        if len(text) <= 16 and 0 <= int(text) < 1 << 53:
            return int(text)
    raise argparse.ArgumentTypeError("it must be a whole number from 0 to 9007199254740991")


class _Desk:
    """Where orders are taken."""

    def __init__(self, profile: Path | None) -> None:
        self._profiles = [profile] if profile else [default_profile(each) for each in _COMPOSITIONS]

    def do(self, what: str, **details: Any) -> Any:
        """What came of an order. Raises `NotReached`."""
        said = self._found()
        try:
            order = json.dumps({"do": what, **details}).encode()
        except RecursionError:
            raise NotReached("that nests too deep to be a document") from None
        request = urllib.request.Request(
            f"{said['url']}/admin", order,
            {"x-tulou-admin": said["secret"], "origin": said["url"], "content-type": "application/json"})
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=60) as answer:
                return json.load(answer)["done"]
        except urllib.error.HTTPError as error:
            raise NotReached(_problem(error.read(1 << 16), error.code)) from None
        except (OSError, ValueError, KeyError) as error:
            raise NotReached(
                f"the company service does not answer at {said['url']} ({error}); is it running?"
            ) from None

    def _found(self) -> Mapping[str, str]:
        for profile in self._profiles:
            try:
                said: Mapping[str, str] = json.loads((profile / PLUGIN / FILE).read_text("utf-8"))
                return {"url": str(said["url"]), "secret": str(said["secret"])}
            except (OSError, ValueError, KeyError, TypeError):
                continue
        raise NotReached(
            f"no company service runs on {' or '.join(map(str, self._profiles))}: start it (`tulou run"
            " server` or `tulou run company`), or name its profile with --profile (of `tulou demo`:"
            f" --profile {data_folder() / 'demo' / 'server'})")


def _problem(body: bytes, status: int) -> str:
    try:
        return str(json.loads(body)["problem"])
    except (ValueError, KeyError, TypeError):
        return f"the company service answered {status}; is another program at its address?"


_Work = Callable[[argparse.Namespace, _Desk], None]


def _root_key(options: argparse.Namespace, desk: _Desk) -> None:
    said = desk.do("root-key")
    print(said["root_key"])
    print(f"The service is at {said['url']}", file=sys.stderr)


def _new_root_key(options: argparse.Namespace, desk: _Desk) -> None:
    print(desk.do("new-root-key")["root_key"])
    print("Pin it beside the present one in every client; then say use-root-key.", file=sys.stderr)


def _use_root_key(options: argparse.Namespace, desk: _Desk) -> None:
    said = desk.do("use-root-key")
    print(said["root_key"])
    print(f"It signs from now on; {said['documents']} documents are issued anew.", file=sys.stderr)


def _publish(options: argparse.Namespace, desk: _Desk) -> None:
    content = content_of(options.file)
    said = desk.do("publish", kind=options.kind, content=content, account=options.account,
                   audience=options.audience, valid_for=options.valid_days * 86_400.0, least=options.least,
                   force=options.force)
    print(f"{options.kind} {said['version']}, valid until {_day(said['valid_until'])}")


def _withdraw(options: argparse.Namespace, desk: _Desk) -> None:
    desk.do("withdraw", kind=options.kind, account=options.account, audience=options.audience)
    print(f"{options.kind} is withdrawn")


def _list(options: argparse.Namespace, desk: _Desk) -> None:
    for each in desk.do("list"):
        over = each["valid_until"] <= time.time_ns() // 1000
        state = "withdrawn" if each["withdrawn"] else (
            f"RAN OUT {_day(each['valid_until'])}" if over else f"valid until {_day(each['valid_until'])}")
        print(f"{each['kind']:<16} {each['version']:>5}  {each['account'] or 'everybody':<30}"
              f" {each['audience']:<12} {state}")


def _counts(options: argparse.Namespace, desk: _Desk) -> None:
    for collector, counts in desk.do("counts").items():
        print(f"{collector}: {sum(counts.values())}")
        for name, count in counts.items():
            print(f"  {count:>8}  {name}")


def _ask_logs(options: argparse.Namespace, desk: _Desk) -> None:
    until = time.time_ns() // 1000
    since = until - round(min(max(options.hours, 0.0), 8784.0) * 3.6e9)
    said = desk.do("ask-logs", account=options.account, since=since, until=until, reason=options.reason)
    print(f"asked {options.account}, question {said['id']}: a report comes when the person agrees")


def _logs(options: argparse.Namespace, desk: _Desk) -> None:
    if options.clear:
        print(f"{desk.do('clear-logs')['removed']} log reports are removed")
    elif options.get is not None:
        body = bytes.fromhex(desk.do("log", number=options.get)["hex"])
        if options.output:
            options.output.write_bytes(body)
        else:
            sys.stdout.buffer.write(body)
    else:
        for each in desk.do("logs"):
            print(f"{each['number']:>6}  {_day(each['received_at'])}  {each['size']:>9,} bytes"
                  f"  {each['content_type'] or '-'} {each['encoding']}  {each['account']}")


def _day(microseconds: int) -> str:
    try:
        return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return "never"
