"""Settings that cannot work are all told at once, in words."""

from __future__ import annotations

import pytest

from tulou_xmpp.config import Config


def test_the_defaults_are_in_order() -> None:
    assert Config().endpoint == "", "the server is looked up"


def test_every_fault_is_told() -> None:
    with pytest.raises(ValueError) as caught:
        Config(endpoint="ftp://x", login_timeout=-1, retry_base=float("nan"), retry_cap=float("inf"),
               heartbeat=-2, max_stanza=5)
    text = "\n".join(caught.value.args)
    assert len(caught.value.args) == 6
    for name in ("endpoint", "login_timeout", "retry_base", "retry_cap", "heartbeat", "max_stanza"):
        assert f"{name} = " in text
