"""Namespaces by the name people use for them; the number is the XEP's."""

XML = "http://www.w3.org/XML/1998/namespace"

# RFC 6120, 6121, 7395
STREAMS = "http://etherx.jabber.org/streams"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
CLIENT = "jabber:client"
FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SESSION = "urn:ietf:params:xml:ns:xmpp-session"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
TIME = "urn:xmpp:time"                               # 0202
COMPONENT = "jabber:component:accept"               # 0114
ROSTER = "jabber:iq:roster"
ROSTER_VERSIONING = "urn:xmpp:features:rosterver"

DATA_FORMS = "jabber:x:data"                        # 0004
DISCO_INFO = "http://jabber.org/protocol/disco#info"    # 0030
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"  # 0030
MUC = "http://jabber.org/protocol/muc"              # 0045
MUC_USER = "http://jabber.org/protocol/muc#user"    # 0045
MUC_OWNER = "http://jabber.org/protocol/muc#owner"  # 0045
MUC_ADMIN = "http://jabber.org/protocol/muc#admin"  # 0045
VCARD = "vcard-temp"                                # 0054
RSM = "http://jabber.org/protocol/rsm"              # 0059
PUBSUB = "http://jabber.org/protocol/pubsub"        # 0060
PUBSUB_EVENT = "http://jabber.org/protocol/pubsub#event"  # 0060
REGISTER = "jabber:iq:register"                     # 0077
REGISTER_FEATURE = "http://jabber.org/features/iq-register"  # 0077
CHAT_STATES = "http://jabber.org/protocol/chatstates"  # 0085
VERSION = "jabber:iq:version"                       # 0092
CAPS = "http://jabber.org/protocol/caps"            # 0115
RECEIPTS = "urn:xmpp:receipts"                      # 0184
BLOCKING = "urn:xmpp:blocking"                      # 0191
SM = "urn:xmpp:sm:3"                                # 0198
PING = "urn:xmpp:ping"                              # 0199
TIME = "urn:xmpp:time"                              # 0202
DELAY = "urn:xmpp:delay"                            # 0203
CARBONS = "urn:xmpp:carbons:2"                      # 0280
FORWARD = "urn:xmpp:forward:0"                      # 0297
CORRECT = "urn:xmpp:message-correct:0"              # 0308
MAM = "urn:xmpp:mam:2"                              # 0313
MARKERS = "urn:xmpp:chat-markers:0"                 # 0333
HINTS = "urn:xmpp:hints"                            # 0334
CSI = "urn:xmpp:csi:0"                              # 0352
STANZA_IDS = "urn:xmpp:sid:0"                       # 0359

TULOU_MESSAGE = "urn:tulou:message:0"
"""Our own: the kind of a message and its fields, beside a fallback body."""
SIGNAL = "urn:tulou:signal:0"
"""Our own: a short question, answer or notice, see `signals`."""
