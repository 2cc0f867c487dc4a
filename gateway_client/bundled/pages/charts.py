"""Small charts as shapes for inline SVG: stacked bars over time. Pure; text stands beside them, as HTML."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 100.0
"""The drawing's own units; the page stretches it."""
STEPS = (1, 2, 4, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Layer:
    """One measure of a chart: its name, its class in the stylesheet, and its height in each span of time.

    `told` are the figures to say where they are not the heights.
    """

    name: str
    kind: str
    values: Sequence[float]
    told: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its scale: `most` stands at the top, `half` in the middle."""

    title: str
    summary: str
    layers: Sequence[Layer]
    bars: Sequence[Bar]
    most: str
    half: str


def stacked(
    title: str, labels: Sequence[str], layers: Sequence[Layer], show: Callable[[float], str], least: float
) -> Chart:
    """Draw layers on one another; `labels` name the spans, and the scale goes up to `least` at the least."""
    sums = [sum(values) for values in zip(*(layer.values for layer in layers), strict=True)]
    top = ceiling(max([least, *sums]))
    room = WIDTH / max(len(labels), 1)
    gap = min(room * 0.2, 6.0)
    bars = []
    for position, label in enumerate(labels):
        base = HEIGHT
        for layer in layers:
            height = HEIGHT * layer.values[position] / top
            base -= height
            if height > 0:
                figure = (layer.told or layer.values)[position]
                said = f"{label}: {show(figure)} {layer.name}"
                x, y = round(position * room + gap / 2, 2), round(base, 2)
                bars.append(Bar(x, y, round(room - gap, 2), round(height, 2), layer.kind, said))
    return Chart(title, _summary(title, labels, sums, show), layers, bars, show(top), show(top / 2))


def ceiling(value: float) -> float:
    """Return the round number at or above a value whose half is round as well."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in STEPS if step * power >= value * (1 - 1e-9))


def _summary(title: str, labels: Sequence[str], sums: Sequence[float], show: Callable[[float], str]) -> str:
    if not any(sums):
        return f"{title}: none"
    peak = max(range(len(sums)), key=lambda position: sums[position])
    return f"{title} over time, at most {show(sums[peak])} at {labels[peak]}"
