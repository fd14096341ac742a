"""What a scenario measured: figures beside their limits, and curves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import linear_regression, median


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure.

    Attributes:
        name: what it is.
        value: the median of the runs.
        unit: of value and limit.
        limit: what the machine can do at most, measured in the same run; None where there is none.
        wanted: what it is to reach, in words.
        reached: whether it does.
    """

    name: str
    value: float
    unit: str
    wanted: str
    reached: bool
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value to limit."""
        return self.value / self.limit if self.limit else None


@dataclass(frozen=True)
class Curve:
    """Points to be drawn: one line for each name."""

    title: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]
    logarithmic: bool = False
    told: str = ""
    """what the shape means"""


@dataclass
class Measured:
    """All that one scenario measured."""

    figures: list[Figure] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)


def at_least(name: str, value: float, unit: str, least: float) -> Figure:
    """A figure that is to be high."""
    return Figure(name=name, value=value, unit=unit, wanted=f"≥ {least:g}", reached=value >= least)


def told(name: str, value: float, unit: str) -> Figure:
    """A figure that has nothing to reach."""
    return Figure(name=name, value=value, unit=unit, wanted="", reached=True)


def at_most(name: str, value: float, unit: str, most: float) -> Figure:
    """A figure that is to be low."""
    return Figure(name=name, value=value, unit=unit, wanted=f"≤ {most:g}", reached=value <= most)


def share_of(name: str, values: Sequence[float], limits: Sequence[float], unit: str, *, least: float) -> Figure:
    """A figure against its limit, taken in pairs: the median of the ratios decides."""
    ratio = median(value / limit for value, limit in zip(values, limits, strict=True))
    return Figure(
        name=name,
        value=median(values),
        unit=unit,
        limit=median(limits),
        wanted=f"≥ {least:.0%} of the limit",
        reached=ratio >= least,
    )


def share_at_most(name: str, values: Sequence[float], limits: Sequence[float], unit: str, *, most: float) -> Figure:
    """A duration against the limit's, taken in pairs."""
    ratio = median(value / limit for value, limit in zip(values, limits, strict=True))
    return Figure(
        name=name,
        value=median(values),
        unit=unit,
        limit=median(limits),
        wanted=f"≤ {most:.0%} of the limit",
        reached=ratio <= most,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def knee(points: Sequence[tuple[float, float]]) -> float:
    """The first x at which nine tenths of the highest y are reached."""
    highest = max(y for _, y in points)
    return next(x for x, y in points if y >= 0.9 * highest)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line with the least squares through the points."""
    return linear_regression([x for x, _ in points], [y for _, y in points]).slope
