"""Run by test_server_slixmpp: lin and wang as slixmpp clients; prints what they saw as JSON."""

import asyncio
import json
import sys

import slixmpp


class Person(slixmpp.ClientXMPP):
    def __init__(self, jid, port, ca_file):
        super().__init__(jid, "secret", plugin_config={"feature_mechanisms": {"unencrypted_scram": True}})
        self.port = port
        self.seen = asyncio.Queue()
        self.ready = asyncio.Event()
        self.failed = []
        for name in ("xep_0030", "xep_0198", "xep_0280", "xep_0313", "xep_0199", "xep_0054"):
            self.register_plugin(name)
        self.enable_direct_tls = False
        self.enable_starttls, self.enable_plaintext = bool(ca_file), not ca_file
        self.ca_certs = ca_file or None
        self.add_event_handler("session_start", self.begin)
        self.add_event_handler("message", self.seen.put_nowait)
        self.add_event_handler("carbon_sent", self.seen.put_nowait)
        self.add_event_handler("failed_auth", self.failed.append)

    async def begin(self, _):
        self.send_presence()
        await self.get_roster()
        await self.plugin["xep_0280"].enable()
        self.ready.set()

    async def up(self):
        self.connect("127.0.0.1", self.port)
        await asyncio.wait_for(self.ready.wait(), 30)
        return self


async def main(port, ca_file):
    lin = await Person("lin@tulou.localhost/pc", port, ca_file).up()
    phone = await Person("lin@tulou.localhost/phone", port, ca_file).up()
    told = {}
    lin.send_message("wang@tulou.localhost", "在吗？", mtype="chat")
    carbon = await asyncio.wait_for(phone.seen.get(), 30)
    told["carbon"] = carbon["carbon_sent"]["body"]
    wang = await Person("wang@tulou.localhost/desk", port, ca_file).up()
    message = await asyncio.wait_for(wang.seen.get(), 30)
    told["offline"] = message["body"]
    told["roster"] = sorted(str(jid) for jid in wang.client_roster.keys())
    told["managed"] = bool(wang.plugin["xep_0198"].enabled_in) and bool(wang.plugin["xep_0198"].enabled_out)
    told["ping"] = await wang.plugin["xep_0199"].ping("tulou.localhost") >= 0
    info = await wang.plugin["xep_0030"].get_info("tulou.localhost")
    told["carbons offered"] = "urn:xmpp:carbons:2" in info["disco_info"]["features"]
    archive = []
    async for result in wang.plugin["xep_0313"].iterate(reverse=False):
        archive.append(result["mam_result"]["forwarded"]["stanza"]["body"])
    told["archive"] = archive
    told["secure"] = wang.transport.get_extra_info("ssl_object") is not None
    vcard = await wang.plugin["xep_0054"].get_vcard("mei@tulou.localhost")
    told["vcard"] = vcard["vcard_temp"]["FN"]
    for person in (lin, phone, wang):
        await person.disconnect()
    print(json.dumps(told))


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
