"""The protocol of a connection without sockets: nothing a client sends makes it raise."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tulou_server import actions as act
from tulou_server.stream import Rules, Stage, Stream
from tulou_xmpp.wire import JID, Element, serialise
from tulou_xmpp.wire import namespaces as ns

RULES = Rules("tulou.localhost", registration=True, stanza_limit=10_000)
NAMES = st.sampled_from(
    "open close auth response abort iq message presence enable resume a r active query bind body x".split()
)
SPACES = st.sampled_from(
    [ns.FRAMING, ns.SASL, ns.CLIENT, ns.SM, ns.CSI, ns.REGISTER, ns.BIND, ns.MAM, "", "urn:x"]
)
TEXTS = st.one_of(
    st.sampled_from(["get", "set", "result", "error", "1", "-1", "lin@tulou.localhost", "@", "true", "="]),
    st.text(max_size=20),
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["to", "from", "id", "type", "h", "previd", "version", "mechanism", "resume"]), TEXTS,
)


@st.composite
def elements(draw, depth=2):
    element = Element(draw(NAMES), draw(SPACES), draw(TEXTS))
    element.attributes = draw(ATTRIBUTES)
    if depth:
        element.children = draw(st.lists(elements(depth=depth - 1), max_size=2))
    return element


FRAMES = st.one_of(elements().map(serialise), st.text(max_size=50), st.binary(max_size=20))


def at(stage):
    stream = Stream(RULES, "s1")
    stream.stage = stage
    if stage is Stage.BOUND:
        stream.jid = JID.parse("lin@tulou.localhost/pc")
    return stream


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(Stage), st.lists(FRAMES, max_size=8))
def test_any_frame_at_any_stage_is_answered_never_raised(stage, frames):
    stream = at(stage)
    for frame in frames:
        actions = stream.receive(frame)
        for action in actions:
            if isinstance(action, act.Send):
                serialise(action.element)
            if isinstance(action, act.Stanza):
                assert action.element.get("from") == "lin@tulou.localhost/pc"
            if isinstance(action, (act.Stanza, act.Enable, act.Refuse)):
                assert stage is Stage.BOUND
        if any(isinstance(action, act.Close) for action in actions):
            assert isinstance(actions[-1], act.Close)
            assert stream.stage is Stage.CLOSED
            assert stream.receive("<x/>") == []


@given(st.text(min_size=1, max_size=30))
def test_the_sender_is_always_the_session(sender):
    stream = at(Stage.BOUND)
    stanza = Element("message", ns.CLIENT, from_=sender, to="wang@tulou.localhost")
    for action in stream.receive(serialise(stanza)):
        if isinstance(action, act.Stanza):
            assert action.element.get("from") == "lin@tulou.localhost/pc"
