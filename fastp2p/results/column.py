"""What is told of a column of the tables of results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """A column of one or several tables.

    Attributes
    ----------
    name, unit, meaning : str
        The unit is '' for names, numbers and counts.
    tables : tuple of str
        The tables that have it.
    account : str
        The field of `fastp2p.settlement.settle.Accounts` that it shows, where that has another name.
    over_steps : {"", "sum", "max", "min", "last"}
        How a scenario's value follows from its books' values; '' where it does so in another way, or there are none.
    audit : bool
        Only audited studies have it.
    phases : bool
        Only three-phase studies have it.
    device : str
        The section of a study, or what is named alike (`Study.background`), without which it is not there.
    swept : bool
        Only studies that sweep these shares have it.
    indicator : bool
        In the table of scenarios: a quantity that statistics are made of.
    baseline : str
        The column of the same quantity without trading.
    null : str
        Where it may be null; '' for never. `COLLAPSED`: in audited studies alone.
    infinite : bool
        May be infinite, where there is no limit or no upper edge.
    dtype : str
        The nullable type of whole numbers and of yes and no that may be null; "phase" for names of phases.
    heading : str
        What the terminal heads it with; '' where it is not shown there.
    compared : int
        The place in a comparison of market rules; 0 for none.
    """

    name: str
    unit: str
    meaning: str
    tables: tuple[str, ...]
    account: str = ""
    over_steps: Literal["", "sum", "max", "min", "last"] = ""
    audit: bool = False
    phases: bool = False
    device: str = ""
    swept: bool = False
    indicator: bool = True
    baseline: str = ""
    null: str = ""
    infinite: bool = False
    dtype: str = ""
    heading: str = ""
    compared: int = 0

    @property
    def source(self) -> str:
        """Its name in `fastp2p.pipeline.reduce.book_columns`."""
        return self.account or self.name

    @property
    def adds_up(self) -> bool:
        """Whether values of feeders add up to one of their region: energy, money and counts do, extremes and ratios do not."""
        return self.over_steps in ("sum", "last") or self.name.startswith("n_") or self.name in ("kwp", "saving", "welfare")
