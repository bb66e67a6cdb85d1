"""What may be kept of a text that somebody logs.

A text of unknown kind is searched for what concerns people or opens doors, by its shape. That is the
second line of defence: the first one is to log numbers, ids and marked texts (`Personal`, `Secret`).
Addresses and phone numbers become pseudonyms, all else a word for its kind.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import blake2b

LONGEST = 2000
"""Characters kept of one text."""
_EXAMINED = 3000

_SUSPECT = re.compile(
    r"[@/\\:=~]|\.[A-Za-z]|\d{7}|\d[ -]\d|[A-Za-z0-9_+-]{20}|(?i:bearer|basic |sk-|ghp_|密码|口令|令牌)"
)
"""Whether a text needs a closer look at all: most do not."""

_FILES = (
    "7z|aac|apk|avi|bak|bmp|bz2|cer|conf|crt|csv|db|der|dmg|docx?|eml|epub|exe|flac|gif|gz|heic|html?|ics|"
    "iso|jpe?g|"
    "json|key|log|m4a|md|mkv|mov|mp[34]|msg|odp|ods|odt|ogg|p12|pages|pdf|pem|pfx|png|pptx?|psd|"
    "py|rar|rtf|sqlite|svg|tar|tgz|tiff?|toml|txt|vcf|vsdx?|wav|webm|webp|wps|et|dps|ofd|xls[xm]?|xml|"
    "ya?ml|zip"
)
_APART = r"(?<![A-Za-z0-9])"
"""Not within a word of Latin letters; Chinese ones may touch."""
_DOORS = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|\w{0,40}(?:token|api[-_]?key|_key)"
    r"|authorization|cookie|credentials?"
)
"""Names of what opens doors."""
_SHAPES = {
    "fault": _APART + r"(?P<type>[A-Z]\w{2,60}(?:Error|Exception|Group|Exit)): [^\n]*",
    "data": _APART + r"data:[\w.+-]{1,100}/[^\s'\"<>]+",
    "url": _APART + r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s'\"<>]+",
    "named": (
        r"(?P<name>(?i:" + _APART
        + rf"(?:{_DOORS}|(?:\w{{0,20}}session\w{{0,20}}|sid)(?==))(?![A-Za-z0-9]))|密码|口令|令牌)"
        r"(?P<sign>[\"']?\s{0,5}[:=：]\s{0,5})"
        r"(?:\"[^\"]*\"|'[^']*'|(?:(?i:bearer|basic|token)\s+)?[^\s,;\"'}]+"
        r"(?:;\s{0,2}[\w.-]{1,64}=[^\s,;\"'}]+)*)"
    ),
    "cookie": (
        _APART + r"(?P<crumb>[\w.-]{1,64})=[^\s,;\"']++"
        r"(?=;\s{0,2}(?i:path|domain|expires|max-age|httponly|secure|samesite)(?![\w-]))"
    ),
    "bearer": _APART + r"(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}",
    "id": r"(?<![0-9A-Fa-f-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Fa-f-])",
    "address": (
        r"[^\s@\"'<>()\[\],;:/\\=]{1,256}@(?:[\w-]+(?:\.[\w-]+)*|\[[^\s\]]{0,50}\])"
        r"(?P<resource>/[^\s'\"<>]*)?"
    ),
    "path": (
        r"(?<![\w<])(?:~|\.{1,2})?(?:/[^\s/'\"<>|:]+)+/"
        r"(?:[^\n'\"<>|:]{0,200}?\.[A-Za-z0-9]{1,5}\b|[^\s'\"<>|:]*)"
        r"|" + _APART + r"[A-Za-z]:[\\/][^\n'\"<>|:]*|\\\\[^\s'\"<>|]+|~[\\/][^\s'\"<>|]+"
    ),
    "file": rf"(?<![^\s/\\'\"<>|:*?])[^\s/\\'\"<>|:*?]{{1,256}}\.(?i:{_FILES})(?![\w.])",
    "moment": _APART + r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?",
    "phone": r"(?<![A-Za-z0-9_.:-])\+?\(?\d(?:[ ()-]{0,2}\d){6,17}[Xx]?(?![A-Za-z0-9_:])",
    "token": (
        _APART + r"eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*"
        r"|" + _APART + r"(?:sk|gh[a-z]|xox[a-z]|AKIA)[-_A-Za-z0-9]{8,}"
        r"|(?<![A-Za-z0-9_+/-])"
        r"(?=[A-Za-z_+/-]{0,60}\d|[a-z_-]{0,60}[A-Z]+[a-z]+[A-Z])[A-Za-z0-9_+/-]{20,}={0,2}"
    ),
}
"""Tried in this order at each place."""


@cache
def _kinds() -> re.Pattern[str]:
    """Compiled at the first text that needs it: a start has none, mostly."""
    return re.compile("|".join(f"(?P<{kind}>{shape})" for kind, shape in _SHAPES.items()))


_UNSEEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control characters that JSON leaves as they are, and those that turn the direction of text."""

_SECRET_NAME = (
    rf"(?i:(?:.*[^A-Za-z0-9])?(?:{_DOORS}|private[-_ ]?key|session(?:[-_]?id)?|sid|otp|jwt))"
    r"|.*[a-z0-9](?:Pass(?:word|phrase|code)|Secret|Token|Cookie|(?:Api|Private|Secret)Key)"
    r"|.*(?:密码|口令|令牌|密钥)"
)
_LONG_NAME = 200


@cache
def _secret_name() -> re.Pattern[str]:
    return re.compile(_SECRET_NAME, re.S)


def names_a_secret(name: str) -> bool:
    """Whether what has this name opens doors, whatever it looks like."""
    return _secret_name().fullmatch(name[-_LONG_NAME:]) is not None


_CONVERSION = r"%(?:%|(?:\([^)]*\))?[-+ #0]*(\*?)[\d.]*(\*?)[hlL]?[A-Za-z])"
_BEFORE = rf"(?:(?i:{_APART}(?:{_DOORS}|session))|密码|口令|令牌)[\"']?\s?[:=：]\s?[\"']?(?i:(?:bearer|basic)\s)?\Z"


@cache
def _placed() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(_CONVERSION), re.compile(_BEFORE)


def secret_arguments(template: str) -> frozenset[int]:
    """Which arguments (from 0) a template puts behind the name of a secret: ``password=%s``."""
    conversion, before = _placed()
    position, found = 0, set()
    for each in conversion.finditer(template):
        if each.group() == "%%":
            continue
        position += len(each[1]) + len(each[2])
        if before.search(template, max(0, each.start() - _LONG_NAME), each.start()):
            found.add(position)
        position += 1
    return frozenset(found)


class Redactor:
    """Redaction with the key of one profile."""

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]

    def pseudonym(self, text: str) -> str:
        """The same word for the same person or thing, in this profile only."""
        same = "".join(text.split()).casefold().encode("utf-8", "replace")
        return f"<person:{blake2b(same, key=self._key, digest_size=5).hexdigest()}>"

    def scrub(self, text: str) -> str:
        """A text as it may be kept; at most `LONGEST` characters, and a word on how much was cut."""
        rest = len(text) - LONGEST
        if rest > 0:
            text = text[:_EXAMINED]
        if _SUSPECT.search(text):
            text = _kinds().sub(self._instead, text)
        return f"{text[:LONGEST]}<{rest} more>" if rest > 0 else text

    def _instead(self, match: re.Match[str]) -> str:
        kind = match.lastgroup
        found = match.group()
        if kind == "type" or kind == "fault":
            return f"{match['type']}: <text>"
        if match["named"] is not None:
            return f"{match['name']}{match['sign']}<secret>"
        if kind == "cookie":
            return f"{match['crumb']}=<secret>"
        if match["address"] is not None:
            return self.pseudonym(found.partition("/")[0]) + ("/<text>" if match["resource"] else "")
        if kind == "url":
            return _place_of(found)
        if kind == "phone":
            return self.pseudonym(re.sub(r"[ ()-]", "", found))
        if kind in ("id", "moment"):
            return found
        return f"<{'secret' if kind in ('bearer', 'token') else kind}>"


def _place_of(url: str) -> str:
    """Scheme, host and port: no user, no path, no query."""
    scheme, _, rest = url.partition("://")
    place = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    host = place.rpartition("@")[2]
    more = "/<path>" if len(rest) > len(place) + 1 else rest[len(place):]
    return f"{scheme}://{host}{more}" if host else f"{scheme}:<path>"


def visible(quoted: str) -> str:
    """JSON text with the characters escaped that JSON lets pass and a terminal might obey."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match.group()):04x}", quoted)
