"""Published limits on heavy neutrinos, one experiment a curve: ``published_`` + coupling + ``_`` + search.

A curve says where one coupling is excluded for one assumed N; what a search would have expected of another N follows
from the shape of its kind (see `scanner.signals.published_bound`, and for the lines and lifetimes among them
`peak_search` and `bbn`), which is stated in the notes of each:

- N that flies and decays (beam dumps, displaced vertices, decays in flight, upscattering with a later decay):
  events ∝ coupling² × visible width × e^(-κ total width), between the sides of a closed contour; none seen on no
  background, −2 ln L = 2 N, so that a 90 % curve lies at N = 2.303;
- prompt searches at colliders: events ∝ |U|² × branching ratio; −2 ln L = 2 N too;
- universality, unitarity, kinks, recoils off a dipole, a supernova's cooling: a Gaussian in the coupling squared,
  −2 ln L = 2.706 on a 90 % curve;
- peak searches: that, times the probability that no decay is seen;
- cosmology: a bound on the lifetime.

All hold only as far as what the curve assumed: its detector's acceptance is that of the assumed decays and momenta.
Where the upper side of a contour is the edge of a plot, the true one lies higher, as far as a flight path tells. A
curve that was copied to all flavours (cosmology, several of the dipoles, DELPHI's) counts its data once: such
experiments share a data set.

The final states that a search looked at are those that its publication names, in short. Flight paths, which only set
where a short-lived N is lost, are baselines (T2K 280 m, MicroBooNE 101.5 m from the absorber, CHARM 480 m, LSND 30 m,
BEBC 404 m, the muon system of CMS from 4 m on, the Sun; the last five quoted from memory) and momenta that are our
estimates, good to a factor of two.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.bbn import EQUILIBRIUM, SPREAD
from scanner.experiments.hnl_curves import COLLECTION, PublishedLimit, limits, nothing_seen, one_bin
from scanner.experiments.peak_searches import APPARATUS, peak_search
from scanner.likelihoods.limits import UpperLimit, two_sided_quantile
from scanner.likelihoods.poisson import Poisson
from scanner.physics.particles import BOHR_MAGNETON
from scanner.signals.bbn import LifetimeBound
from scanner.signals.published_bound import BoundResponse, Flight, Shape, assumed_widths
from scanner.units import HBAR_GEV_S

# fmt: off
PROVIDES = (
    "published_Ue4_charm", "published_Ue4_triumf", "published_Ue4_f_decay", "published_Ue4_delphi_short",
    "published_Ue4_delphi_long", "published_Ue4_l3", "published_Ue4_borexino", "published_Ue4_belle",
    "published_Ue4_pienu_2017", "published_Ue4_cms_2018", "published_Ue4_t2k", "published_Ue4_pienu_lowmass",
    "published_Ue4_kenu", "published_Ue4_beta_spectrum", "published_Ue4_na62", "published_Ue4_cosmo",
    "published_Ue4_cms_2022", "published_Ue4_atlas_2022", "published_Ue4_bebc_barouki", "published_Ue4_pmns_unitarity",
    "published_Ue4_lsnd_ema", "published_Ue4_cms_2024_1", "published_Ue4_cms_2024_2", "published_Umu4_bebc",
    "published_Umu4_na3", "published_Umu4_charmii", "published_Umu4_psi", "published_Umu4_delphi_short",
    "published_Umu4_nutev", "published_Umu4_cms_2016", "published_Umu4_cms_2018_trilepton",
    "published_Umu4_cms_2018_dilepton", "published_Umu4_pienu_le", "published_Umu4_pienu_he", "published_Umu4_t2k",
    "published_Umu4_t2k_lowmass", "published_Umu4_kek", "published_Umu4_cosmo", "published_Umu4_na62",
    "published_Umu4_microboone_higgs", "published_Umu4_cms_2022", "published_Umu4_atlas_2022",
    "published_Umu4_pmns_unitarity", "published_Umu4_e949", "published_Umu4_lsnd_ema", "published_Umu4_microboone_2023",
    "published_Umu4_cms_2024_1", "published_Umu4_cms_2024_2", "published_Umu4_cms_2024_3", "published_Utau4_charm",
    "published_Utau4_delphi_short", "published_Utau4_delphi_long", "published_Utau4_atmospheric",
    "published_Utau4_borexino_plestid", "published_Utau4_charm_2021", "published_Utau4_argoneut",
    "published_Utau4_cosmo", "published_Utau4_babar_2022", "published_Utau4_bebc_barouki",
    "published_Utau4_pmns_unitarity", "published_Utau4_belle_2024", "published_Utau4_cms_2024_1",
    "published_Utau4_cms_2024_2", "published_dipole_e_bbn", "published_dipole_e_borexino",
    "published_dipole_e_borexino_sk", "published_dipole_e_lsnd", "published_dipole_e_sn", "published_dipole_e_xenon",
    "published_dipole_e_sk_atm", "published_dipole_e_lhc", "published_dipole_mu_bbn", "published_dipole_mu_borexino",
    "published_dipole_mu_borexino_sk", "published_dipole_mu_sn", "published_dipole_mu_xenon",
    "published_dipole_mu_charmii", "published_dipole_mu_miniboone", "published_dipole_mu_nomad",
    "published_dipole_mu_sk_atm", "published_dipole_mu_minerva", "published_dipole_mu_lhc", "published_dipole_tau_bbn",
    "published_dipole_tau_borexino", "published_dipole_tau_borexino_sk", "published_dipole_tau_sn",
    "published_dipole_tau_xenon", "published_dipole_tau_donut", "published_dipole_tau_sk_atm",
    "published_dipole_tau_lhc",
)
# fmt: on
VERSION = 1

_LEPTONS = frozenset({"nu_e_e", "nu_e_mu", "nu_mu_mu"})
_WITH_E = frozenset({"e_pi", "e_K", "e_rho", "e_Kst", "e_D", "e_Ds", "e_q_q"})
_WITH_MU = frozenset({"mu_pi", "mu_K", "mu_rho", "mu_Kst", "mu_D", "mu_q_q"})
_CHARGED = _LEPTONS | _WITH_E | _WITH_MU
_MUONIC = frozenset({"nu_e_mu", "nu_mu_mu"}) | _WITH_MU
_EE, _MUMU, _PI0 = frozenset({"nu_e_e"}), frozenset({"nu_mu_mu"}), frozenset({"nu_pi0"})
_T2K, _ABSORBER = Flight(280.0, 2.0), Flight(101.5, 0.2)
_CHARM, _LSND = Flight(480.0, 30.0), Flight(30.0, 0.03)
_BEBC, _CMS_MUONS, _SUN = Flight(404.0, 30.0), Flight(4.0, 20.0), Flight(1.5e11, 0.01)

_DECAYS: dict[str, tuple[frozenset[str] | None, Flight | None]] = {
    "Ue4_charm": (_LEPTONS, _CHARM),
    "Ue4_delphi_long": (None, None),
    "Ue4_borexino": (_EE, _SUN),
    "Ue4_belle": (_WITH_E, None),
    "Ue4_t2k": (_CHARGED, _T2K),
    "Ue4_cms_2022": (_LEPTONS, None),
    "Ue4_atlas_2022": (_LEPTONS, None),
    "Ue4_bebc_barouki": (_CHARGED, _BEBC),
    "Ue4_lsnd_ema": (_EE, _LSND),
    "Ue4_cms_2024_1": (None, _CMS_MUONS),
    "Umu4_bebc": (_CHARGED, _BEBC),
    "Umu4_na3": (_CHARGED, None),
    "Umu4_charmii": (None, None),
    "Umu4_nutev": (_MUONIC, None),
    "Umu4_t2k": (_CHARGED, _T2K),
    "Umu4_t2k_lowmass": (_EE, _T2K),
    "Umu4_microboone_higgs": (_EE, _ABSORBER),
    "Umu4_cms_2022": (_LEPTONS, None),
    "Umu4_atlas_2022": (_LEPTONS, None),
    "Umu4_lsnd_ema": (_EE, _LSND),
    "Umu4_microboone_2023": (_EE, _ABSORBER),
    "Umu4_cms_2024_1": (None, _CMS_MUONS),
    "Umu4_cms_2024_3": (_WITH_MU, None),
    "Utau4_charm": (_LEPTONS, _CHARM),
    "Utau4_delphi_long": (None, None),
    "Utau4_borexino_plestid": (_EE, None),
    "Utau4_charm_2021": (_LEPTONS, _CHARM),
    "Utau4_argoneut": (_MUMU, None),
    "Utau4_bebc_barouki": (_CHARGED, _BEBC),
    "Utau4_belle_2024": (_MUMU, None),
    "Utau4_cms_2024_1": (None, _CMS_MUONS),
    **dict.fromkeys(("dipole_e_borexino_sk", "dipole_mu_borexino_sk", "dipole_tau_borexino_sk"), (None, None)),
    **dict.fromkeys(("dipole_e_sk_atm", "dipole_mu_sk_atm", "dipole_tau_sk_atm"), (None, None)),
    **dict.fromkeys(("dipole_mu_miniboone", "dipole_mu_nomad", "dipole_mu_minerva"), (None, None)),
}
"""N flies and decays: what was looked at (None: all that is visible), and the way there where we know one."""

_SPLIT = {"Umu4_microboone_2023": (0.150, _PI0)}
"""From this mass [GeV] on, another final state was looked at; as in the abstract of 2310.07660."""

_SAME_SIGN = ("Umu4_cms_2016", "Umu4_cms_2018_dilepton")
"""Same-sign leptons, which only a Majorana N makes."""

_PROMPT = (
    *("Ue4_delphi_short", "Umu4_delphi_short", "Utau4_delphi_short", "Ue4_l3", "Ue4_cms_2018"),
    *("Umu4_cms_2018_trilepton", "Ue4_cms_2024_2", "Umu4_cms_2024_2", "Utau4_cms_2024_2", *_SAME_SIGN),
)
"""N decays at once; all visible decays count alike."""

# What shares its data with another curve, or with an experiment that is more than a curve.
_DATA_SETS = {
    **dict.fromkeys(("Ue4_t2k", "Umu4_t2k", "Umu4_t2k_lowmass"), "t2k_hnl_2019"),
    **dict.fromkeys(("Utau4_charm", "Utau4_charm_2021"), "charm_tau"),
    **dict.fromkeys(("Ue4_pmns_unitarity", "Umu4_pmns_unitarity", "Utau4_pmns_unitarity"), "pmns_unitarity"),
    **dict.fromkeys(("Ue4_delphi_short", "Umu4_delphi_short", "Utau4_delphi_short"), "delphi_1996_short"),
    **dict.fromkeys(("Ue4_delphi_long", "Utau4_delphi_long"), "delphi_1996_long"),
    **dict.fromkeys(("Ue4_cosmo", "Umu4_cosmo", "Utau4_cosmo"), "bbn"),
    **dict.fromkeys(("dipole_e_bbn", "dipole_mu_bbn", "dipole_tau_bbn"), "bbn"),
    "Umu4_microboone_higgs": "microboone_numi_run1_e_e",
    "Umu4_microboone_2023": "microboone_numi_run1_e_e",  # and of run 3, which nothing else here has alone
    "Utau4_argoneut": "argoneut_dimuon",
}

_PLOT_EDGE = (1e-18 * BOHR_MAGNETON) ** 2
"""Square of the smallest dipole [GeV⁻²] that the plots of nucleosynthesis show, 1e-18 μ_B."""

_SHAPES = {
    Shape.production: "events ∝ coupling² (× exp(-κ coupling²) if the contour is closed), whatever N decays into; "
    "Gaussian about no signal, Δχ² = 2.706 at 90 %",
    Shape.prompt: "events ∝ coupling² × BR(visible); none seen on no background, -2 ln L = 2 N",
    Shape.decay: "events ∝ coupling² × width seen × exp(-κ total width); none seen on no background, -2 ln L = 2 N",
}


def load(name: str) -> Experiment:
    """Return the experiment of one curve."""
    limit = limits()[name.removeprefix("published_")]
    if limit.name in APPARATUS:
        return peak_search(name, VERSION, limit.title, (limit.name,))
    if limit.name.endswith(("_cosmo", "_bbn")):
        return _lifetime(name, limit)
    responses = _responses(limit)
    gaussian = responses[0].shape == Shape.production
    likelihood: Poisson | UpperLimit = UpperLimit(limit.events, limit.level) if gaussian else nothing_seen()
    notes = (_range(limit), _SHAPES[responses[0].shape], *_assumptions(limit, responses))
    return one_bin(
        name=name,
        version=VERSION,
        title=limit.title,
        signals={"published_bound": responses},
        likelihood=likelihood,
        data_sets=_data_sets(limit),
        keys=(limit.key, COLLECTION),
        notes=notes,
    )


def _data_sets(limit: PublishedLimit) -> frozenset[str]:
    kind, _, search = limit.name.partition("_")
    copied = "dipole_" + search.partition("_")[2] if kind == "dipole" else limit.name
    return frozenset({_DATA_SETS.get(limit.name, copied)})


def _range(limit: PublishedLimit) -> str:
    low, high = limit.curve.mass[[0, -1]]
    unit = "|μ_tr|² in GeV⁻²" if limit.name.startswith("dipole") else "|U|²"
    return (
        f"{100 * limit.level:.4g} % CL curve in {unit}, {low:.4g} < m_N < {high:.4g} GeV, digitised (a few per cent); "
        "outside it says nothing (no events)"
    )


def _flavour(limit: PublishedLimit) -> str:
    kind, _, search = limit.name.partition("_")
    return search.partition("_")[0] if kind == "dipole" else kind.removeprefix("U").removesuffix("4")


def _responses(limit: PublishedLimit) -> tuple[BoundResponse, ...]:
    shape = Shape.decay if limit.name in _DECAYS else Shape.prompt if limit.name in _PROMPT else Shape.production
    seen, flight = _DECAYS.get(limit.name, (None, None))
    whole = BoundResponse(
        name=limit.name,
        curve=limit.curve,
        shape=shape,
        events=limit.events,
        flavour=_flavour(limit),
        dipole=limit.name.startswith("dipole"),
        majorana=limit.nature == "majorana",
        seen=seen,
        lepton_number_violating=limit.name in _SAME_SIGN,
        flight=flight,
    )
    if limit.name not in _SPLIT:
        return (whole,)
    mass, later = _SPLIT[limit.name]
    return (
        replace(whole, curve=limit.curve.part(0.0, mass)),
        replace(whole, curve=limit.curve.part(math.nextafter(mass, math.inf), math.inf), seen=later),
    )


def _assumptions(limit: PublishedLimit, responses: tuple[BoundResponse, ...]) -> tuple[str, ...]:
    nature = limit.nature if limit.nature in ("dirac", "majorana") else f"{limit.nature}, taken as dirac"
    notes = [f"nature assumed: {nature}; a Majorana N has twice the widths of a Dirac N"]
    if responses[0].shape == Shape.decay:
        seen = [", ".join(sorted(r.seen)) if r.seen else "all that is visible" for r in responses]
        notes.append(f"final states: {'; then '.join(seen)}; decays into what flies on do not count")
    if responses[0].flight is not None:
        flight = responses[0].flight
        notes.append(
            f"where the contour has no upper side, a flight of {flight.length:g} m at {flight.momentum:g} GeV gives one"
        )
    if responses[0].lepton_number_violating:
        notes.append("same-sign leptons: a Dirac N gives none; quasi-Dirac pairs are marked not_converged")
    return tuple(notes)


def _lifetime(name: str, limit: PublishedLimit) -> Experiment:
    """A curve that is a lifetime: that of the assumed N on its upper side, or on the lower branch of the dipoles."""
    dipole = limit.name.startswith("dipole")
    assumed = BoundResponse(limit.name, limit.curve, Shape.decay, limit.events, _flavour(limit), dipole)
    mass = np.union1d(limit.curve.mass, _fine(float(limit.curve.mass[0]), float(limit.curve.mass[-1])))
    longest = [_lifetime_at(assumed, m) for m in mass.tolist()]
    least = np.full(mass.size, _PLOT_EDGE) if dipole else EQUILIBRIUM / mass
    fall = SPREAD * two_sided_quantile(limit.level)
    bound = LifetimeBound(limit.name, mass, np.tile(longest, (3, 1)), least, limit.events, fall, dipole)
    return one_bin(
        name=name,
        version=VERSION,
        title=limit.title,
        signals={"bbn": (bound,)},
        likelihood=UpperLimit(limit.events, limit.level),
        data_sets=_data_sets(limit),
        keys=(limit.key, COLLECTION),
        notes=(
            _range(limit),
            "bounds the lifetime of N that was in equilibrium: that of a Dirac N on the curve, Gaussian with 10 %",
            "one curve, copied to all flavours; experiment bbn has a bound for each",
            "of dipoles, only the branch of too long lifetimes; N in equilibrium below 2.3 MeV is excluded besides"
            if dipole
            else "its steps are those of electron mixing",
        ),
    )


def _fine(low: float, high: float) -> list[float]:
    """Masses between two, close enough for the steps of a lifetime at thresholds."""
    return [low * (high / low) ** (i / 400) for i in range(1, 400)]


def _lifetime_at(assumed: BoundResponse, mass: float) -> float:
    """Lifetime [s] on the upper side of a curve, of what it assumed."""
    _, top = assumed.curve.at(mass) or (math.nan, math.nan)
    return HBAR_GEV_S / (top * assumed_widths(assumed, mass)[1])
