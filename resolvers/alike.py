"""Alike: whether an answer says the same to everybody who gets the same rows.

Cursors and node ids are sealed for their caller, a page may be cut to a size that the request gives, and looked-up rows
are the caller's own: such an answer is written for one request. What is not known here to be alike is not.
"""

from __future__ import annotations

from resolvers.steps import Fetch, Plan
from schema.query import Connection, Leaf, Literal_, Many, Nest, One, ShapeField, Total, blocks_of


def alike(plan: Plan) -> bool:
    """Whether the answer is made of the rows of one statement, and the same rows give the same bytes, whoever asks."""
    if plan.gathers or len(plan.steps) != 1 or not isinstance(plan.steps[0], Fetch) or plan.steps[0].below:
        return False
    query = plan.query.logical
    return not any(block.probe for block in blocks_of(query.blocks)) and all(_alike(field) for field in query.shape)


def _alike(field: ShapeField) -> bool:
    if isinstance(field, Leaf | Literal_ | Total):
        return True
    return isinstance(field, Nest | One | Many | Connection) and all(_alike(inner) for inner in field.fields)
