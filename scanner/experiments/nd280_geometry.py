"""ND280 as layers of matter and chambers of gas: where N are made, and where their decays are seen.

The origin is the middle of the front face of the π⁰ detector (P0D), z along the beam. Lengths in metres.

================  =========================  =====================================================
what              half sizes in x, y         from z to z
================  =========================  =====================================================
P0D upstream      1.0515, 1.1195             0 to 0.305: 7 scintillator modules, 7 sheets of lead
P0D water         the same                   0.305 to 2.096: 26 modules, 25 sheets of brass, 25 bags of water
P0D central       the same                   2.096 to 2.400: 7 modules, 7 sheets of lead
TPC 1, 2, 3       0.93, 1.03 of gas;         active from 2.510, 3.875, 5.240, 0.781 long;
                  0.85, 0.98 fiducial        fiducial from 2.560, 3.925, 5.290, 0.563 long
FGD 1, 2          0.932, 0.932; 0.8745       3.431 to 3.734, 4.796 to 5.099; fiducial 0.2876 long
================  =========================  =====================================================

Layers of the P0D are uniform within their part: its sheets of lead are 4.3 cm apart, so that for N that fly less than
that on average what is seen depends on where the last one is, which is not in here. Sizes and masses are those of the
authors' public inputs of 2205.12273, which are from 1111.5030 (P0D), 1204.3666 (FGD, number from memory) and 1902.07598
(fiducial volume of the TPCs): 40 modules of 192 kg of CH₂, 14 sheets of 222 kg of lead, 25 of 100 kg of brass (66 %
Cu), 25 bags of 100 kg of water; an FGD module has 1.8486, 0.0794 g/cm² of C, O, and one of water 0.422, 2.0601;
16.02 kg of argon. That paper counts no hydrogen. The upgrade (1901.03750) has a SuperFGD and two high-angle TPCs (HAT)
in place of the P0D, 1.83 m upstream of the middle of TPC 1 as in the public inputs of 2412.15051, of the sizes in those
of 2205.12273. All is aligned with the beam, which is 2° off.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from scanner.experiments.matter import nuclei
from scanner.physics.geometry import DecayProbability, angle_nodes, average, decay_probability, length_nodes
from scanner.physics.shapes import Box
from scanner.signals.upscattering_samples import Region


def _box(x: float, y: float, low: float, high: float, height: float = 0.0) -> Box:
    """A box of half sizes x and y, from z to z, its middle at a height."""
    return Box((0.0, height, (low + high) / 2), (x, y, (high - low) / 2))


UPSTREAM, WATER, CENTRAL = (_box(1.0515, 1.1195, *z) for z in ((0.0, 0.305), (0.305, 2.096), (2.096, 2.4)))
TPC_STEP = 1.365
"""From a TPC to the next: 1 m of TPC and 0.365 m of FGD."""
GAS = tuple(_box(0.93, 1.03, 2.5095 + i * TPC_STEP, 3.2905 + i * TPC_STEP) for i in range(3))
TPC = tuple(_box(0.85, 0.98, 2.56 + i * TPC_STEP, 3.123 + i * TPC_STEP) for i in range(3))
FGD = tuple(_box(0.932, 0.932, 3.431 + i * TPC_STEP, 3.734 + i * TPC_STEP) for i in range(2))
FGD_FIDUCIAL = _box(0.8745, 0.8745, 3.4387, 3.7263)

_UPGRADE_Z = 2.8415 - 1.83
SUPER_FGD = _box(0.96, 0.28, _UPGRADE_Z - 0.96, _UPGRADE_Z + 0.96)
SUPER_FGD_FIDUCIAL = _box(0.9025, 0.2225, _UPGRADE_Z - 0.9025, _UPGRADE_Z + 0.9025)
"""What is 5.75 cm from the surface, as in FGD 1."""
HAT_GAS = tuple(_box(1.0, 0.4, _UPGRADE_Z - 0.9, _UPGRADE_Z + 0.9, height) for height in (0.74, -0.74))
HAT = tuple(_box(0.84, 0.3, _UPGRADE_Z - 0.682, _UPGRADE_Z + 0.682, height) for height in (0.74, -0.74))
"""Fiducial: as far from the surface as in the other TPCs."""

MODULE_CARBON = 0.192 * 12 / 14
_AREA = 4 * 0.932 * 0.932
MASSES: Mapping[str, Mapping[Box, float]] = {
    "C12": {
        UPSTREAM: 7 * MODULE_CARBON,
        WATER: 26 * MODULE_CARBON,
        CENTRAL: 7 * MODULE_CARBON,
        FGD[0]: 15 * 1.8486e-2 * _AREA,
        FGD[1]: (7 * 1.8486e-2 + 6 * 0.422e-2) * _AREA,
    },
    "O16": {
        WATER: 25 * 0.1 * 16 / 18,
        FGD[0]: 15 * 0.0794e-2 * _AREA,
        FGD[1]: (7 * 0.0794e-2 + 6 * 2.0601e-2) * _AREA,
    },
    "Cu63": {WATER: 25 * 0.1 * 0.66},
    "Zn64": {WATER: 25 * 0.1 * 0.34},
    "Pb208": {UPSTREAM: 7 * 0.222, CENTRAL: 7 * 0.222},
    "Ar40": dict.fromkeys(GAS, 0.01602 / 3),
}
"""[t]."""

FGD_FIDUCIAL_SHARE = FGD_FIDUCIAL.volume / FGD[0].volume
FGD_MASSES = {name: MASSES[name][FGD[0]] * FGD_FIDUCIAL_SHARE for name in ("C12", "O16")}
"""In the fiducial volume of FGD 1 [t]."""

SUPER_FGD_CARBON = SUPER_FGD.volume * 1.03 * 12 / 13
"""[t]: polystyrene, 1.03 g/cm³ (from memory)."""
UPGRADE_MASSES: Mapping[str, Mapping[Box, float]] = {
    "C12": {SUPER_FGD: SUPER_FGD_CARBON, **{fgd: MASSES["C12"][fgd] for fgd in FGD}},
    "O16": {fgd: MASSES["O16"][fgd] for fgd in FGD},
    "Ar40": {**MASSES["Ar40"], **dict.fromkeys(HAT_GAS, 0.01602 / 3 * HAT_GAS[0].volume / GAS[0].volume)},
}

ANGLES, LENGTHS = angle_nodes(20), length_nodes(0.03, 6.0, 0.15)
SURFACE, AZIMUTHS = 10, 12
"""Good to 5e-3 of the largest probability."""


def regions(masses: Mapping[str, Mapping[Box, float]], seen_in: tuple[Box, ...]) -> tuple[Region, ...]:
    """Return where N are made: all nuclides that fill the same boxes in the same proportions are one region.

    Parameters
    ----------
    masses
        By nuclide, and by box [t].
    seen_in
        Boxes that do not overlap.
    """
    groups: dict[tuple[tuple[Box, float], ...], dict[str, float]] = {}
    for name, by_box in masses.items():
        total = math.fsum(by_box.values())
        key = tuple((box, round(mass / total, 9)) for box, mass in by_box.items())
        groups.setdefault(key, {})[name] = total
    return tuple(Region(nuclei(targets), decays(key, seen_in)) for key, targets in groups.items())


def decays(made_in: Sequence[tuple[Box, float]], seen_in: tuple[Box, ...]) -> DecayProbability:
    """Probability that N made in boxes, with some weights, decay in one of others."""
    return average([_seen(box, seen_in) for box, _ in made_in], [weight for _, weight in made_in])


@functools.cache
def _seen(made_in: Box, seen_in: tuple[Box, ...]) -> DecayProbability:
    parts = [decay_probability(made_in, box, ANGLES, LENGTHS, points=SURFACE, azimuths=AZIMUTHS) for box in seen_in]
    total = np.zeros_like(parts[0].probability)
    for part in parts:
        total += part.probability
    return DecayProbability(parts[0].sines, parts[0].log_length, total)
