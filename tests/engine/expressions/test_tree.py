"""Nodes are values: equal by what they hold, fit for sets, never changed, and whole."""

from dataclasses import FrozenInstanceError

import pytest

from engine.expressions.tree import Compare, Constant, FieldValue, Known, Not, walk

ARR = FieldValue(name="account.arr", type="number")


def over(limit: float) -> Compare:
    return Compare(sign=">", left=ARR, right=Constant(value=limit, type="number"))


def test_nodes_are_equal_by_kind_and_content():
    assert over(3.0) == over(3.0) != over(4.0)
    assert Known(part=ARR) != Not(part=ARR)
    assert len({over(3.0), over(3.0), over(4.0)}) == 2
    assert repr(Not(part=ARR)) == "Not(part=FieldValue(name='account.arr', type='number'), type='bool')"


def test_a_node_is_never_changed_and_has_all_its_parts():
    node = over(3.0)
    with pytest.raises(FrozenInstanceError):
        node.left = ARR  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del node.left
    with pytest.raises(TypeError, match="Compare has sign, left, right, type, and was given sign"):
        Compare(sign=">")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="was given part, parts"):
        Not(part=ARR, parts=())  # type: ignore[call-arg]


def test_walking_comes_to_every_node_from_left_to_right():
    assert [type(one).__name__ for one in walk(Not(part=over(3.0)))] == ["Not", "Compare", "FieldValue", "Constant"]
