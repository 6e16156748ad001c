"""What keeps a configuration from being made."""

from __future__ import annotations


class UsedWrongly(Exception):
    """The command cannot be meant like this: CH347, CH348. The sentence says what to change."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code} {sentence}")
        self.code = code


class CannotStand(Exception):
    """CH349: the zone, as it is, cannot stand behind such a gateway. The sentence says why, and what would do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"CH349 {sentence}")
