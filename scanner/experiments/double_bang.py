"""Double bangs: a shower where ν breaks a nucleon up, N that flies, and a second shower where N decays.

What is known of three samples, and what had to be chosen. **No selection is published in a form that could be used
here**: of CCFR there is one count, of the other two there are proposals. Choices are marked as such; together they are
uncertain by a **factor of two** in the number of events, which is `UNCERTAINTY` and belongs to each experiment as
a normalisation.

CCFR
    9 events with two hadron showers and no muon (NC/NC) on a background of 3.0 ± 0.2 ± 0.4 (de Barbaro et al., AIP
    Conf. Proc., doi 10.1063/1.43269). The flux has the shape of NuTeV's in the same hall; its exposure is
    such that it makes CCFR's charged currents. Neither the cuts on energies and distance nor the
    efficiency could be found. The choices are 10 GeV for each shower, which is CCFR's least hadronic energy for
    charged currents, 2.5 m between them, in which iron of this density contains 95 % of a hadron shower of 100 GeV, and
    half of the events.
IceCube
    Projection of Coloma et al., 1707.08573: atmospheric ν, two cascades in DeepCore of more than 5 GeV, 20 m apart;
    these three are from memory. DeepCore is taken for its instrumented volume with full efficiency above
    5 GeV, which 1109.6096 says of some 10 GeV. IceCube's own search for two cascades (2502.09454) has ten years of
    data.
DUNE
    Projection after Atkinson et al., 2105.09357: the far detector with atmospheric ν and the beam. Thresholds are those
    of 30 MeV for electrons and photons of the design report, and 0.1 GeV for the hadrons; 5 cm, a third of a radiation
    length, is a choice.

This module holds numbers; experiments that use them follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.units import AVOGADRO
from scanner.vocabulary import Reference

YEAR = 365.25 * 86400.0
"""[s]."""

UNCERTAINTY = 2.0
"""Factor by which a number of events may be larger or smaller."""

CCFR = Reference(
    "CCFR_NC_NC",
    "de Barbaro, P. and others (CCFR)",
    "9 events with two hadron showers on a background of 3.0",  # its title was not at hand
    1992,
    doi="10.1063/1.43269",
    journal="AIP Conf. Proc. 272",  # from memory, as the year and the texkeys below
)
ICECUBE = Reference(
    "Coloma:2017ppo",
    "Coloma, P. and Machado, P. A. N. and Martinez-Soler, I. and Shoemaker, I. M.",
    "Double Bangs from New Physics in IceCube",
    2017,
    "1707.08573",
    "10.1103/PhysRevLett.119.201804",
    "Phys. Rev. Lett. 119 (2017) 201804",
)
DUNE = Reference(
    "Atkinson:2021rnp",
    "Atkinson, M. and Coloma, P. and Martinez-Soler, I. and Rocco, N. and Shoemaker, I. M.",
    "Heavy Neutrino searches through Double-Bang Events at Super-Kamiokande, DUNE, and Hyper-Kamiokande",
    2021,
    "2105.09357",
)
ATMOSPHERIC = Reference(
    "Honda:2015fha",
    "Honda, M. and Sajjad Athar, M. and Kajita, T. and Kasahara, K. and Midorikawa, S.",
    "Atmospheric neutrino flux calculation using the NRLMSISE-00 atmospheric model",
    2015,
    "1502.03916",
    "10.1103/PhysRevD.92.023004",
    "Phys. Rev. D 92 (2015) 023004",
)


class DoubleBang(NamedTuple):
    """What a sample of double bangs is."""

    reference: Reference
    seen: float
    """Events; of a projection, its background."""
    background: float
    background_error: float
    targets: Mapping[str, float]
    """Number of nuclei by nuclide."""
    least_hadronic: float
    """Of the first shower [GeV]."""
    least_visible: float
    """Of the second one [GeV]."""
    separation: float
    """Between them, at least [m]."""
    efficiency: float
    extent: tuple[float, ...]
    """Of where both are seen [m]: edges across, across and along the beam; of a flux from all sides, the radius of a
    sphere of the same volume."""


def nuclei(tonnes: float, **molecules: tuple[float, float]) -> dict[str, float]:
    """Return numbers of nuclei: for each nuclide, how many of it a molecule has, and the mass of that [g/mol].

    Examples
    --------
    >>> f"{nuclei(1.0, Ar40=(1, 39.948))['Ar40']:.4g}"
    '1.507e+28'
    """
    return {name: tonnes * 1e6 * AVOGADRO * number / mass for name, (number, mass) in molecules.items()}


# CCFR

CCFR_TONNES = 690.0
"""Of the target calorimeter, nearly all of it iron, 3 m x 3 m x 17.7 m (Sakumoto et al., NIM A 294 (1990) 179; from
memory)."""

CCFR_CHARGED_CURRENTS = (950e3, 170e3)
"""Of ν_μ and ν̄_μ after fiducial and kinematic cuts, in runs E744 and E770 (Seligman et al., PRL 79 (1997) 1213,
hep-ex/9701017; from memory). The cuts took a third or so away, and NC/NC may have other fiducial cuts."""

CHARGED_CURRENT_SLOPE = (0.677e-38, 0.334e-38)
"""σ/E [cm²/GeV] of ν_μ and ν̄_μ per nucleon of an isoscalar target (PDG; from memory)."""

CCFR_DOUBLE_BANG = DoubleBang(
    reference=CCFR,
    seen=9.0,
    background=3.0,
    background_error=0.45,  # 0.2 ⊕ 0.4
    targets=nuclei(CCFR_TONNES, Fe56=(1, 55.845)),
    least_hadronic=10.0,
    least_visible=10.0,
    separation=2.5,
    efficiency=0.5,
    extent=(3.0, 3.0, 17.7),
)


def ccfr_exposure(energy: NDArray[np.float64], numu: NDArray[np.float64]) -> tuple[float, float]:
    """Return by what NuTeV's flux of ν_μ must be multiplied to be CCFR's fluence of ν_μ, and of ν̄_μ.

    Parameters
    ----------
    energy
        Nodes [GeV], shape (n,).
    numu
        ν_μ that each stands for [1/cm² per proton], shape (n,).

    Notes
    -----
    The beam of CCFR was not selected by sign; its ν̄_μ are given the shape of ν_μ.
    """
    each = float(np.sum(energy * numu)) * CCFR_TONNES * 1e6 * AVOGADRO
    first, second = (n / (each * s) for n, s in zip(CCFR_CHARGED_CURRENTS, CHARGED_CURRENT_SLOPE, strict=True))
    return first, second


# IceCube

DEEPCORE_RADIUS, DEEPCORE_HEIGHT = 125.0, 350.0
"""Of the instrumented cylinder [m] (1109.6096; from memory)."""

ICE_DENSITY = 0.917
"""[t/m³]."""

DEEPCORE_VOLUME = float(np.pi) * DEEPCORE_RADIUS**2 * DEEPCORE_HEIGHT
"""[m³]."""

ICECUBE_YEARS = 10.0

ICECUBE_DOUBLE_BANG = DoubleBang(
    reference=ICECUBE,
    seen=0.05 * ICECUBE_YEARS,
    background=0.05 * ICECUBE_YEARS,  # coincident cascades, 0.05 a year; 1707.08573, from memory
    background_error=0.0,
    targets=nuclei(DEEPCORE_VOLUME * ICE_DENSITY, H1=(2, 18.015), O16=(1, 18.015)),
    least_hadronic=5.0,
    least_visible=5.0,
    separation=20.0,
    efficiency=1.0,
    extent=((3 * DEEPCORE_VOLUME / (4 * float(np.pi))) ** (1 / 3),),
)

# DUNE

DUNE_TONNES = 4 * 10e3
"""Fiducial, four modules (1706.07081)."""

DUNE_MODULE = (12.0, 14.0, 58.2)
"""Active volume of a module [m], the beam along the last edge (2002.03005; from memory)."""

DUNE_YEARS = 10.0

DUNE_PROTONS = 1.1e21
"""A year (2002.03005; from memory)."""

DUNE_NEAR_TO_FAR = (574.0 / 1297e3) ** 2
"""Of the flux at the near detector, at the far one, as if it came from a point, without oscillations: these take most
of the ν_μ between 1.5 and 4 GeV away, and make ν_τ of them."""

DUNE_DOUBLE_BANG = DoubleBang(
    reference=DUNE,
    seen=0.0,
    background=0.0,  # "very low" (2105.09357)
    background_error=0.0,
    targets=nuclei(DUNE_TONNES, Ar40=(1, 39.948)),
    least_hadronic=0.1,
    least_visible=0.03,
    separation=0.05,
    efficiency=1.0,
    extent=DUNE_MODULE,
)
