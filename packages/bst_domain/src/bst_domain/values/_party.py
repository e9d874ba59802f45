"""Who travels: adults, children and infants.

Source of the rules: event v1 (counts 0 to 999); gates, D-03 (infants take no seat and no price, so they are not compared).
"""

from attrs import frozen

MAX_TRAVELLERS = 999
"""Of each kind, in one booking."""


@frozen(kw_only=True)
class Party:
    """Counts of travellers, each 0 to ``MAX_TRAVELLERS``. Raises ValueError outside of that."""

    adult: int
    child: int = 0
    infant: int = 0

    def __attrs_post_init__(self) -> None:
        for kind, count in (("adult", self.adult), ("child", self.child), ("infant", self.infant)):
            if not 0 <= count <= MAX_TRAVELLERS:
                raise ValueError(f"{kind} must be 0 to {MAX_TRAVELLERS}, not {count}")

    @property
    def paying(self) -> int:
        """Adults and children: those that prices and seats are counted by."""
        return self.adult + self.child

    def __add__(self, other: "Party") -> "Party":
        return Party(adult=self.adult + other.adult, child=self.child + other.child, infant=self.infant + other.infant)

    def agrees_with(self, other: "Party") -> bool:
        """Whether a booking's header and its items count the same number of paying travellers."""
        return self.paying == other.paying
