"""The server tells its time (XEP-0202)."""

from __future__ import annotations

import time

from server_client import signed_in
from tulou_xmpp.stanzas.entity_time import decode_time, encode_time_request
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns


async def test_it_tells_its_time_and_says_that_it_does(endpoint):
    async with signed_in(endpoint, "lin") as lin:
        before = time.time()
        told = decode_time(await lin.iq("get", encode_time_request(), to=lin.domain))
        assert told is not None
        assert before - 0.001 <= told[0] / 1e6 <= time.time() and told[1] < 0.01
        info = await lin.iq("get", Element("query", ns.DISCO_INFO), to=lin.domain)
        features = info.child("query", ns.DISCO_INFO).children_named("feature")
        assert ns.TIME in [feature.get("var") for feature in features]
