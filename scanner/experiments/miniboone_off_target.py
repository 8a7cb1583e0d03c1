"""MiniBooNE with protons that pass its target by, and end in the absorber: ``miniboone_off_target``.

1.86e20 protons of a search for dark matter (1807.06137). Charged mesons are not focused there, and most are absorbed
before they decay, so that ν and what comes of charged mesons are some fifty times fewer; what comes of π⁰ is as much as
ever. With the selection of electron-like events, 0.2 < E_ν^QE < 1.25 GeV, 6 were seen on a background of 8.8 (quoted
from memory; **not checked against the paper**). That text says (from memory too) that an excess which goes with protons
would have been 35.5 ± 7.4, which is 460.5 ± 95.8 (1805.12028) times 1.86/24.11.

The error of the background, 20 %, is chosen, as that of the signal's normalisation: a factor of two, of the flux of
charged mesons (`scanner.experiments.booster`). For π⁰ alone the latter is too much.
"""

from __future__ import annotations

import math

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.fermilab import MINIBOONE_FLUX
from scanner.experiments.miniboone_detector import ONE_RING, PANORAMA, Window, dark_sample
from scanner.likelihoods.poisson import Poisson
from scanner.vocabulary import Reference

PROVIDES = ("miniboone_off_target",)
VERSION = 1

OBSERVED, BACKGROUND = 6.0, 8.8
"""Electron-like events; 1807.06137 (from memory)."""
BACKGROUND_ERROR, SIGNAL_ERROR = 0.2, math.log(2.0)

REFERENCE = Reference(
    "MiniBooNEDM:2018cxm",
    "Aguilar-Arevalo, A. A. and others (MiniBooNE-DM)",
    "Dark Matter Search in Nucleon, Pion, and Electron Channels from a Proton Beam Dump with MiniBooNE",
    2018,
    "1807.06137",
    "10.1103/PhysRevD.98.112004",
    "Phys. Rev. D 98 (2018) 112004",
)


def load(name: str) -> Experiment:
    """Return the experiment."""
    background = np.array([BACKGROUND])
    likelihood = Poisson(
        np.array([OBSERVED]), background, BACKGROUND_ERROR * background, signal_error=SIGNAL_ERROR
    )  # fmt: skip
    return Experiment(
        name=name,
        version=VERSION,
        title="MiniBooNE off target, electron-like events",
        signals={"dark_beam": (dark_sample("off_target", [Window()]),)},
        likelihood=likelihood,
        data=likelihood.data,
        background=likelihood.background,
        signal_bins=np.arange(1),
        coordinates={"sample": np.array(["electron-like"])},
        coordinate_units={},
        data_sets=frozenset({"miniboone_off_target"}),
        references=(REFERENCE, MINIBOONE_FLUX, PANORAMA, ONE_RING),
        notes=(
            "6 events on 8.8, 0.2 < E_nu^QE < 1.25 GeV, are quoted from memory; 20 % of the background is chosen",
            "charged mesons decay in the air of the pipe or in the absorber, unfocused: to a factor of two, profiled",
            "neutral mesons have the mean spectrum of pi+ and pi- off beryllium",
            "efficiency, resolution and one-ring rule are those of miniboone_fhc_ee; beam timing is not used",
        ),
    )
