"""``mask: redact``: text becomes ``[redacted]``, whatever it was, so that not even its length is told."""

from __future__ import annotations

from policies.masks.constant import Constant
from policies.masks.registry import Wanted, mask
from policies.masks.terms import REDACTED
from schema.types import Kind


@mask("redact")
def parse(wanted: Wanted) -> Constant:
    wanted.no_arguments()
    wanted.only_for({Kind.STRING}, "Use  mask: default  or  mask: null  for other types.")
    return Constant("redact", f"always '{REDACTED}'", REDACTED, wanted.hide_nulls)
