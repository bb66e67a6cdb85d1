"""A name server on loopback for tests, by hand: it also gives the answers that no library would."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import Enum

import pytest
import trio

from tulou_contracts.tcp import NotOffered, ResolveFailed, Resolver, ServiceTarget

SRV, IN = 33, 1


class Oddity(Enum):
    """Answers that are none."""

    UNKNOWN = 3         # NXDOMAIN
    FAILED = 2          # SERVFAIL
    REFUSED = 5
    EMPTY = 0           # the name is there, the record is not
    SILENT = -1
    GARBAGE = -2
    OTHER_QUESTION = -3  # answers what was not asked


Zone = Mapping[str, Sequence[ServiceTarget] | Oddity]
"""Lower-case name without the last dot -> what is said of it; what is not in it is UNKNOWN."""


def encode_name(name: str) -> bytes:
    """A domain name in wire form (RFC 1035, section 3.1); "." is the root."""
    labels = [each.encode() for each in name.strip(".").split(".") if each]
    return b"".join(bytes([len(each)]) + each for each in labels) + b"\0"


def respond(query: bytes, zone: Zone) -> bytes | None:
    """The answer to a query, or None for silence."""
    (identity,) = struct.unpack_from(">H", query)
    position, labels = 12, []
    while query[position]:
        labels.append(query[position + 1:position + 1 + query[position]].decode())
        position += query[position] + 1
    question = query[12:position + 5]
    found = zone.get(".".join(labels).lower(), Oddity.UNKNOWN)
    if found is Oddity.SILENT:
        return None
    if found is Oddity.GARBAGE:
        return struct.pack(">HHHHHH", identity, 0x8180, 1, 9, 0, 0) + question + b"\xc0\x0c\xff"
    if found is Oddity.OTHER_QUESTION:
        other = encode_name("elsewhere.test") + struct.pack(">HH", SRV, IN)
        return struct.pack(">HHHHHH", identity, 0x8180, 1, 0, 0, 0) + other
    records = b""
    if isinstance(found, Oddity):
        count, code = 0, found.value
    else:
        count, code = len(found), 0
        for each in found:
            data = struct.pack(">HHH", each.priority, each.weight, each.port) + encode_name(each.host)
            records += b"\xc0\x0c" + struct.pack(">HHIH", SRV, IN, 60, len(data)) + data
    return struct.pack(">HHHHHH", identity, 0x8180 | code, 1, count, 0, 0) + question + records


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[str]:
    """Answer on loopback from `zone`, which may change meanwhile; gives ``127.0.0.1:port``."""
    udp = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
    with udp:
        await udp.bind(("127.0.0.1", 0))

        async def answer() -> None:
            while True:
                query, sender = await udp.recvfrom(4096)
                reply = respond(query, zone)
                if reply is not None:
                    await udp.sendto(reply, sender)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            yield f"127.0.0.1:{udp.getsockname()[1]}"
            nursery.cancel_scope.cancel()


TARGETS = (ServiceTarget(10, 5, "one.example.test", 5222), ServiceTarget(20, 0, "two.example.test", 443))
ZONE: Zone = {
    "_chat._tcp.example.test": TARGETS,
    "_chat._tcp.none.test": (ServiceTarget(0, 0, ".", 0),),
    "_chat._tcp.mixed.test": (ServiceTarget(0, 0, ".", 0), TARGETS[0]),
    "_chat._tcp.xn--fiqs8s.test": TARGETS,
    "_chat._tcp.empty.test": Oddity.EMPTY,
    "_chat._tcp.failed.test": Oddity.FAILED,
    "_chat._tcp.refused.test": Oddity.REFUSED,
    "_chat._tcp.silent.test": Oddity.SILENT,
    "_chat._tcp.garbage.test": Oddity.GARBAGE,
    "_chat._tcp.other.test": Oddity.OTHER_QUESTION,
    "_chat._tcp.address.test": (ServiceTarget(0, 0, "192.0.2.1", 5222),),
    "_chat._tcp.port.test": (ServiceTarget(0, 0, "one.example.test", 0),),
    "_chat._tcp.strange.test": (ServiceTarget(0, 0, "a b/<c>.test", 5222),),
    "_chat._tcp.many.test": tuple(ServiceTarget(1, 1, f"h{n}.test", 5222) for n in range(90)),
}
"""What the resolver under test must be able to ask."""


class ResolverConformance:
    """Define the async fixture `resolver`: one that asks `ZONE`."""

    @pytest.fixture
    async def resolver(self) -> Resolver:
        """The implementation under test."""
        raise NotImplementedError("define the fixture `resolver`")

    async def test_targets_are_given_with_priority_and_weight(self, resolver: Resolver) -> None:
        assert sorted(await resolver.services("chat", "example.test")) == sorted(TARGETS)
        assert sorted(await resolver.services("chat", "Example.TEST.")) == sorted(TARGETS)

    async def test_a_domain_in_other_scripts_is_asked_for_in_its_ascii_form(self, resolver: Resolver) -> None:
        assert sorted(await resolver.services("chat", "中国.test")) == sorted(TARGETS)

    @pytest.mark.parametrize("domain", ["unknown.test", "empty.test"])
    async def test_a_domain_that_says_nothing(self, resolver: Resolver, domain: str) -> None:
        assert not await resolver.services("chat", domain)

    async def test_a_domain_that_says_no(self, resolver: Resolver) -> None:
        with pytest.raises(NotOffered, match="none.test"):
            await resolver.services("chat", "none.test")

    async def test_a_no_among_targets_is_passed_over(self, resolver: Resolver) -> None:
        assert list(await resolver.services("chat", "mixed.test")) == [TARGETS[0]]

    @pytest.mark.parametrize("domain", [
        "failed.test", "refused.test", "silent.test", "garbage.test", "other.test", "address.test",
        "port.test", "strange.test",
    ])
    async def test_what_is_no_answer_is_told(self, resolver: Resolver, domain: str) -> None:
        with trio.fail_after(20), pytest.raises(ResolveFailed, match=domain):
            await resolver.services("chat", domain, timeout=0.3)

    @pytest.mark.parametrize("domain", ["", "..", "a b", "a" * 300, "a..b", "\0", "x" * 64 + ".test"])
    async def test_what_is_no_domain_is_told(self, resolver: Resolver, domain: str) -> None:
        with pytest.raises(ResolveFailed):
            await resolver.services("chat", domain)

    async def test_too_many_targets_are_cut(self, resolver: Resolver) -> None:
        assert 0 < len(await resolver.services("chat", "many.test")) < 90


class FakeResolver:
    """A `Resolver` that knows a zone, for other rooms' tests."""

    def __init__(self, zone: Zone) -> None:
        self.zone = dict(zone)
        self.asked: list[str] = []

    async def services(self, service: str, domain: str, *, timeout: float = 5.0) -> Sequence[ServiceTarget]:
        """As the contract says."""
        await trio.lowlevel.checkpoint()
        try:
            name = domain.rstrip(".").encode("idna").decode().lower()
        except UnicodeError:
            name = ""
        if not name or not name.replace("-", "").replace(".", "").isalnum() or len(name) > 230:
            raise ResolveFailed(f"{domain!r} cannot be asked for in the name system")
        question = f"_{service}._tcp.{name}"
        self.asked.append(question)
        found = self.zone.get(question, Oddity.UNKNOWN)
        if found in (Oddity.UNKNOWN, Oddity.EMPTY):
            return ()
        if isinstance(found, Oddity):
            raise ResolveFailed(f"the name system does not say where {question} is")
        usable = [each for each in found if each.port and _is_host(each.host)][:32]
        if not usable and any(each.host == "." for each in found):
            raise NotOffered(f"the domain does not offer {question}")
        if not usable:
            raise ResolveFailed(f"the name system gives no usable place for {question}")
        return tuple(usable)


def _is_host(name: str) -> bool:
    return name.replace("-", "").replace(".", "").isalnum() and not name.replace(".", "").isdigit()
