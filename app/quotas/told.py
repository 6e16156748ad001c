"""Told: how quotas stand, for the fields of an answer, and the refusal of who has used one up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from app.quotas.window import Standing
from schema.errors import Refusal

Fields = list[tuple[bytes, bytes]]
_UNITS = {"rows": ';qu="rows"', "cost": ';qu="cost"'}


@dataclass(slots=True)
class Told:
    """How the quotas of whoever asks stand, over everything."""

    standings: dict[str, Standing] = field(default_factory=dict)

    def spend(self, name: str, amount: int) -> None:
        if name in self.standings:
            one = self.standings[name]
            self.standings[name] = replace(one, left=max(0, one.left - amount))

    def fields(self) -> Fields:
        """Those of draft-ietf-httpapi-ratelimit-headers; none where nothing is bounded."""
        if not self.standings:
            return []
        said = self.standings.items()
        policies = ", ".join(f'"{name}";q={one.limit};w={one.window}{_UNITS.get(name, "")}' for name, one in said)
        left = ", ".join(f'"{name}";r={one.left};t={math.ceil(one.over or one.ends)}' for name, one in said)
        return [(b"ratelimit-policy", policies.encode("ascii")), (b"ratelimit", left.encode("ascii"))]


def used_up(code: str, sentence: str, standing: Standing, wait: int | None = None) -> Refusal:
    """429: ask again in ``wait`` seconds; None: when one unit is there again."""
    seconds = max(1, math.ceil(standing.over) if wait is None else wait)
    return Refusal(code, sentence, f"Ask again in {seconds} s.", status=429, retry_after=seconds)
