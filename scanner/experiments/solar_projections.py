"""Searches for ν̄_e from the Sun that are still to be made: JUNO and Super-Kamiokande with gadolinium.

Projections, as `scanner.experiments.solar_searches` counts events: data are what is expected without a signal. What
they assume, each for ten years:

- JUNO: 17 kt of scintillator in the fiducial sphere (1507.05613, from memory) with 12.0 % hydrogen (from memory), that
  is 1.22e33 protons; a = 3.02 % (2104.02565). Prompt energies of 11 to 16 MeV, above reactors and ⁹Li, as JUNO's own
  search for relic supernova neutrinos, whose selection by the pulse's shape and backgrounds are taken: it keeps half of
  the signal and leaves, in 170 kt yr and 11 to 30 MeV, 7.5 neutral-current events of atmospheric neutrinos, 1.9
  charged-current ones and 0.15 fast neutrons (1507.05613, from memory); they are spread evenly here.
- Super-Kamiokande with 0.033 % gadolinium: 22.5 kt, a = 20 % as in phase IV, the same bins. 75 % of neutrons are
  captured on gadolinium (2403.07796); of these 0.71 are found, so that 0.50 of captures give the 0.356 of 2305.05135
  (from memory). Other cuts keep 60 % (assumed), so that ε = 0.32. Accidental coincidences are gone (assumed). All other
  backgrounds of phase IV have a neutron, and grow with exposure and ε as the signal does. That is pessimistic at low
  energies, where phase IV lost most of both in cuts against accidentals.

Backgrounds are uncertain by 15 % in JUNO (to be measured in place, Cheng et al., 2022, from memory) and 20 % in
Super-Kamiokande, bin by bin, as in phase IV. The signal is uncertain by the flux of ⁸B, which JUNO shares with other
scintillators; in Super-Kamiokande it is joined with the 30 % of phase IV's efficiency, by which backgrounds are scaled.
"""

from __future__ import annotations

import math

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.solar_searches import DAY, ELECTRON, SUPERK_IV, Search, experiment, water
from scanner.experiments.tables import DATA, read_table
from scanner.physics.solar import BORON8_ERROR
from scanner.units import AVOGADRO
from scanner.vocabulary import Reference

PROVIDES = ("juno_solar", "skgd_solar")
VERSION = 1

YEARS = 10
_TIME = YEARS * 365.25 * DAY

JUNO_MASS, JUNO_HYDROGEN = 17e9, 0.120
"""[g], and what of it is hydrogen."""
JUNO_PROMPT = np.arange(11.0, 17.0)
"""Edges of bins [MeV]."""
JUNO_BACKGROUND = (7.5 + 1.9 + 0.15) / (30 - 11) * YEARS * JUNO_MASS / 170e9
"""Events per MeV."""
JUNO_EFFICIENCY = 0.5

GADOLINIUM, FOUND, OTHER_CUTS = 0.75, 0.356 / 0.50, 0.6
"""Share of neutrons that it captures, share of these that are found, and what other cuts keep."""

_LABEL = f"a projection of {YEARS} years: no data"

JUNO = Search(
    title="JUNO (projection): electron antineutrinos from the Sun",
    protons=JUNO_MASS * JUNO_HYDROGEN * AVOGADRO / 1.008,
    time=_TIME,
    efficiency=JUNO_EFFICIENCY,
    resolution=0.0302,
    prompt=0.0,
    background_error=0.15,
    signal_error=BORON8_ERROR,
    shared="boron8_flux",
    data_sets=("juno_solar_projection",),
    references=(
        Reference(
            "JUNO:2015zny",
            "An, Fengpeng and others (JUNO)",
            "Neutrino Physics with JUNO",
            2016,
            "1507.05613",
            "10.1088/0954-3899/43/3/030401",
            "J. Phys. G 43 (2016) 030401",
        ),
        Reference(
            "JUNO:2021vlw",
            "Abusleme, Angel and others (JUNO)",
            "JUNO physics and detector",
            2022,
            "2104.02565",
            "10.1016/j.ppnp.2021.103927",
            "Prog. Part. Nucl. Phys. 123 (2022) 103927",
        ),
    ),
    notes=(
        _LABEL,
        "170 kt yr, half of the signal kept by the pulse's shape; backgrounds of JUNO's search for relic supernova "
        "neutrinos, from memory, spread evenly",
        "prompt energies of 11 to 16 MeV: below are reactors and 9Li, which are not modelled",
    ),
)

SKGD = Search(
    title="Super-Kamiokande with gadolinium (projection): electron antineutrinos from the Sun",
    protons=water(22.5e9),
    time=_TIME,
    efficiency=GADOLINIUM * FOUND * OTHER_CUTS,
    resolution=0.20,
    prompt=2 * ELECTRON,
    background_error=0.2,
    signal_error=math.hypot(BORON8_ERROR, SUPERK_IV.error),
    shared="",
    data_sets=("skgd_solar_projection",),
    references=(
        Reference(
            "Super-Kamiokande:2024kcb",
            "Abe, K. and others (Super-Kamiokande)",
            "Second gadolinium loading to Super-Kamiokande",
            2024,
            "2403.07796",
            "10.1016/j.nima.2024.169480",
            "Nucl. Instrum. Meth. A 1065 (2024) 169480",
        ),
        Reference(
            "Super-Kamiokande:2023xup",
            "Harada, M. and others (Super-Kamiokande)",
            "Search for Astrophysical Electron Antineutrinos in Super-Kamiokande with 0.01% Gadolinium-loaded Water",
            2023,
            "2305.05135",
            "10.3847/2041-8213/acdc9e",
            "Astrophys. J. Lett. 951 (2023) L27",
        ),
        SUPERK_IV.reference,
    ),
    notes=(
        _LABEL,
        "225 kt yr with 0.033 % of gadolinium, efficiency 32 %; accidental coincidences are neglected",
        "other backgrounds of phase IV grow with exposure and efficiency as the signal does: pessimistic",
        "energies are kinetic energies of the positron",
    ),
)


def load(name: str) -> Experiment:
    """Return one of the projections."""
    if name == "juno_solar":
        energies = (JUNO_PROMPT[:-1], JUNO_PROMPT[1:])
        return experiment(name, VERSION, JUNO, energies, JUNO_BACKGROUND * np.diff(JUNO_PROMPT))
    table = read_table(DATA / "solar_antineutrinos_superk.txt").columns
    gain = SKGD.time / SUPERK_IV.time * np.divide(SKGD.efficiency, SUPERK_IV.efficiency)
    background = (table["background"] - table["accidental"]) * gain
    return experiment(name, VERSION, SKGD, (table["E_low"], table["E_high"]), background)
