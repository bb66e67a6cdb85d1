"""The trio idioms that rooms share."""

from __future__ import annotations

from tulou.flow import leaves


def test_the_errors_in_groups_come_out_in_order_and_a_single_one_as_it_is():
    one, two, three = OSError("one"), ValueError("two"), KeyboardInterrupt()
    group = BaseExceptionGroup("outer", [one, ExceptionGroup("inner", [two]), three])
    assert list(leaves(group)) == [one, two, three]
    assert list(leaves(one)) == [one]
