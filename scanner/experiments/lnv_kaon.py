"""NA62's searches for K⁺ → π⁻ l⁺ l'⁺, as heavy neutrinos make it: K⁺ → l⁺ N, N → l'⁺ π⁻, N on its mass shell.

Three experiments share one file: ``lnv_kaon`` (μ⁺μ⁺), ``lnv_kaon_ee`` (e⁺e⁺) and ``lnv_kaon_emu`` (μ⁺e⁺, where
either lepton may have come with N). They count events of kaons of 75 GeV that decay in flight; the signal is the
branching ratio over the single-event sensitivity.

The published limits, 4.2e-11, 5.3e-11 and 4.2e-11 at 90 % CL, are those of the PDG's tables (2024 and 2026), and
CLs of the counts gives them. Sensitivities, counts and backgrounds are quoted from memory of the papers, as is the
beam's momentum; the sensitivity to e⁺e⁺ is its limit over ln 10, as it must be where nothing was seen. There the
background shifts χ² by a constant alone.

The searches take their three tracks to one vertex. How far N may fly is modelled: NA48/2, which searched for the
same decay with a spectrometer alike, found N that live up to 10 ps, some 0.4 m of flight, as good as prompt (quoted
from memory of 1612.04723), and limits of 1e-11 to 1e-9 up to 100 ps (its abstract). N that fly up to 1 m are seen
here like prompt ones, and no others: 84 to 89 % of them at 10 ps, a fifth at 100 ps. That length is good to a factor
of 2, by which the rate of long-lived N goes, and limits on |U|² by its root.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from scanner.experiments.base import Experiment
from scanner.likelihoods.poisson import Poisson
from scanner.physics.heavy_neutrino_production import production_ratios, two_body_momentum
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.decay_in_flight import Spectrum
from scanner.signals.heavy_neutrino import FLAVOURS
from scanner.signals.lepton_number_violation import Route, ViolationResponse
from scanner.vocabulary import Reference

PROVIDES = ("lnv_kaon", "lnv_kaon_ee", "lnv_kaon_emu")
VERSION = 1

KAON_MOMENTUM = 75.0
"""[GeV], of NA62's beam, with a spread of 1 % that changes nothing here."""
LENGTH = 1.0
"""Of the flight of N up to which its decay is taken for a prompt one [m]; see the module."""
NODES = 12
"""For the energy of N, which is evenly distributed: that of an isotropic decay in flight."""


@dataclass(frozen=True)
class _Search:
    """What NA62 published of one final state."""

    leptons: str
    routes: tuple[Route, ...]
    sensitivity: float
    """Branching ratio that makes one event expected, for prompt decays."""
    seen: float
    background: float
    background_error: float
    data_set: str
    reference: Reference


E, MU = FLAVOURS.index("e"), FLAVOURS.index("mu")
NA62 = "Cortina Gil, E. and others (NA62)"
_SEARCHES = {
    "lnv_kaon": _Search(
        leptons="mu+ mu+",
        routes=(Route(MU, "mu_pi"),),
        sensitivity=1.28e-11,
        seen=1.0,
        background=0.91,
        background_error=0.41,
        data_set="na62_2017_pi_mu_mu",
        reference=Reference(
            "NA62:2019eax",
            NA62,
            "Searches for lepton number violating K+ decays",
            2019,
            "1905.07770",
            "10.1016/j.physletb.2019.07.041",
            "Phys. Lett. B 797 (2019) 134794",
        ),
    ),
    "lnv_kaon_ee": _Search(
        leptons="e+ e+",
        routes=(Route(E, "e_pi"),),
        sensitivity=5.3e-11 / math.log(10),
        seen=0.0,
        background=0.43,
        background_error=0.09,
        data_set="na62_2016_2018_pi_e_e",
        reference=Reference(
            "NA62:2022tte",
            NA62,
            "Searches for lepton number violating K+ -> pi-(pi0)e+e+ decays",
            2022,
            "2202.00331",
            "10.1016/j.physletb.2022.137172",
            "Phys. Lett. B 830 (2022) 137172",
        ),
    ),
    "lnv_kaon_emu": _Search(
        leptons="mu+ e+",
        routes=(Route(MU, "e_pi"), Route(E, "mu_pi")),
        sensitivity=1.82e-11,
        seen=0.0,
        background=1.07,
        background_error=0.20,
        data_set="na62_2017_2018_pi_mu_e",
        reference=Reference(
            "NA62:2021zxl",
            "Aliberti, R. and others (NA62)",
            "Search for Lepton Number and Flavor Violation in K+ and pi0 Decays",
            2021,
            "2105.06759",
            "10.1103/PhysRevLett.127.131802",
            "Phys. Rev. Lett. 127 (2021) 131802",
        ),
    ),
}
_NA48 = Reference(
    "NA482:2016sfh",
    "Batley, J. R. and others (NA48/2)",
    "Searches for lepton number violation and resonances in K+- -> pi mu mu decays",
    2017,
    "1612.04723",
    "10.1016/j.physletb.2017.03.029",
    "Phys. Lett. B 769 (2017) 67",
)


def load(name: str) -> Experiment:
    """Return one of the three experiments."""
    search = _SEARCHES[name]
    data, background = np.array([search.seen]), np.array([search.background])
    return Experiment(
        name=name,
        version=VERSION,
        title=f"NA62 search for K+ -> pi- {search.leptons}",
        signals={"lepton_number_violation": _response(name, search)},
        likelihood=Poisson(data, background, np.array([search.background_error])),
        data=data,
        background=background,
        signal_bins=np.array([0]),
        coordinates={"final_state": np.array([f"pi- {search.leptons}"])},
        coordinate_units={},
        data_sets=frozenset({search.data_set}),
        references=(search.reference, _NA48),
        notes=(
            f"N that fly up to {LENGTH:g} m are seen like prompt ones, others not: modelled, good to a factor of 2",
            "the acceptance is that of NA62's simulation by phase space, whatever m_N is",
            "single-event sensitivity and background are quoted from memory; CLs with them gives the published limit",
            "the published limits are by CLs, of 2.3 events where none was seen: 4.6 above the best chi2",
        ),
    )


def _response(name: str, search: _Search) -> ViolationResponse:
    leptons = [MASS[FLAVOURS[route.flavour]] for route in search.routes]
    return ViolationResponse(
        name=name,
        routes=search.routes,
        spectrum=functools.partial(_spectrum, search),
        length=LENGTH,
        mass_max=MASS["K"] - min(leptons),
        inputs=(np.array([search.sensitivity, KAON_MOMENTUM]),),
    )


def _spectrum(search: _Search, mass: float) -> Spectrum:
    """N in units of the single-event sensitivity, with momenta of its own for each route."""
    routes = len(search.routes)
    momentum, weight = np.empty((routes, NODES)), np.zeros((routes, routes, NODES))
    nodes, weights = gauss_legendre(NODES)
    for r, route in enumerate(search.routes):
        lepton = FLAVOURS[route.flavour]
        rest = two_body_momentum(MASS["K"], MASS[lepton], mass)
        boost, speed = math.hypot(KAON_MOMENTUM, MASS["K"]) / MASS["K"], KAON_MOMENTUM / MASS["K"]
        energy = boost * math.hypot(rest, mass) + speed * rest * nodes
        momentum[r] = np.sqrt((energy - mass) * (energy + mass))
        ratio = production_ratios(mass)[f"K->{lepton} N"][route.flavour]
        weight[r, r] = 0.5 * weights * ratio / search.sensitivity
    return Spectrum(momentum.ravel(), weight.reshape(routes, -1))
