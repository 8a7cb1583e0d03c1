"""Peak searches: a pion or a kaon that decays into a lepton of the wrong energy, and nothing else to be seen.

The limits are those of the publications, for an N that leaves the apparatus. Here N may decay: visibly inside the
apparatus, and the event is lost (a veto, or energy that was not there), or invisibly, and it stays. What decides is
the length of apparatus behind the decay. The lengths below are sizes of detectors, along which no acceptance is
folded; a factor of two in them is one in the width at which a search is lost, and changes no limit on a long-lived N.

The likelihood is a Gaussian about no signal (`UpperLimit`): 90 % at Δχ² = 2.706, the published curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scanner.experiments.base import Experiment
from scanner.experiments.hnl_curves import COLLECTION, PublishedLimit, limits, one_bin
from scanner.likelihoods.limits import UpperLimit
from scanner.signals.curves import Curve
from scanner.signals.peak_search import Beam, PeakResponse

PROVIDES = (
    "peak_triumf_e",
    "peak_pienu_e",
    "peak_pienu_mu",
    "peak_psi_mu",
    "peak_kek_mu",
    "peak_e949_mu",
    "peak_na62_e",
    "peak_na62_mu",
)
VERSION = 1


@dataclass(frozen=True)
class _Apparatus:
    """What surrounds the decays of a parent: which parent, how far N is watched [m], and where that comes from."""

    parent: str
    length: float
    source: str
    beam: Beam | None = None
    keys: tuple[str, ...] = ()


_KAON_BEAM = 75.0
"""NA62's momentum of K⁺ [GeV]; 1703.08501."""

_NA62_LENGTH = 241.1 - 0.5 * (105 + 180)
"""From the mean decay in the fiducial volume to the liquid-krypton calorimeter [m]; 1703.08501, NA62's software."""

_NA62_SOURCE = (
    "98.6 m: from the middle of the fiducial volume, 105 to 180 m from the target, to the calorimeter at 241.1 m "
    "(1703.08501); leptons of {} GeV, quoted from memory; the publication asks for lifetimes above 50 ns"
)
_PIENU = _Apparatus("pi", 0.5, "0.5 m: the NaI(Tl) crystal, 48 cm long, and its CsI rings (1505.02737), from memory")

# By name of the curve.
APPARATUS = {
    "Ue4_triumf": _Apparatus("pi", 0.5, "0.5 m: the NaI(Tl) crystal TINA, 51 cm long, quoted from memory"),
    "Ue4_pienu_2017": _PIENU,
    "Umu4_pienu_le": _PIENU,
    "Umu4_pienu_he": _PIENU,
    "Umu4_psi": _Apparatus("pi", 0.1, "0.1 m: an estimate of the counters about the stopped pions, no published size"),
    "Umu4_kek": _Apparatus(
        "K", 0.5, "0.5 m: an estimate of the NaI(Tl) counters about the stopped kaons", keys=("Hayano:1982wu",)
    ),
    "Umu4_e949": _Apparatus("K", 1.45, "1.45 m: outer radius of the barrel veto (0709.1000)", keys=("E949:2007xyy",)),
    "Ue4_na62": _Apparatus(
        "K", _NA62_LENGTH, _NA62_SOURCE.format("5 to 30"), Beam(_KAON_BEAM, (5.0, 30.0)), ("NA62:2017rwk",)
    ),
    "Umu4_na62": _Apparatus(
        "K", _NA62_LENGTH, _NA62_SOURCE.format("5 to 70"), Beam(_KAON_BEAM, (5.0, 70.0)), ("NA62:2017rwk",)
    ),
}

_SEARCHES = {
    "peak_triumf_e": ("TRIUMF: search for peaks in π → e N", ("Ue4_triumf",)),
    "peak_pienu_e": ("PIENU: search for peaks in π → e N", ("Ue4_pienu_2017",)),
    "peak_pienu_mu": ("PIENU: search for peaks in π → μ N", ("Umu4_pienu_he", "Umu4_pienu_le")),
    "peak_psi_mu": ("PSI: search for peaks in π → μ N", ("Umu4_psi",)),
    "peak_kek_mu": ("KEK: search for peaks in K → μ N", ("Umu4_kek",)),
    "peak_e949_mu": ("E949: search for peaks in K → μ N", ("Umu4_e949",)),
    "peak_na62_e": ("NA62: search for peaks in K → e N", ("Ue4_na62",)),
    "peak_na62_mu": ("NA62: search for peaks in K → μ N", ("Umu4_na62",)),
}


def load(name: str) -> Experiment:
    """Return one of the peak searches."""
    title, curves = _SEARCHES[name]
    return peak_search(name, VERSION, title, curves)


def peak_search(name: str, version: int, title: str, curves: tuple[str, ...]) -> Experiment:
    """Return the experiment of one or more curves of one search; where they overlap, the first counts.

    Parameters
    ----------
    name, version, title
        As of `Experiment`.
    curves
        Names of the curves.
    """
    found = [limits()[curve] for curve in curves]
    responses = [_response(first, first.curve) for first in found[:1]]
    for later in found[1:]:
        responses.append(_response(later, later.curve.part(float(responses[-1].curve.mass[-1]), math.inf)))
    apparatus = APPARATUS[curves[0]]
    return one_bin(
        name=name,
        version=version,
        title=title,
        signals={"peak_search": tuple(responses)},
        likelihood=UpperLimit(found[0].events, found[0].level),
        data_sets=frozenset(curves),
        keys=(*dict.fromkeys(limit.key for limit in found), *apparatus.keys, COLLECTION),
        notes=(
            f"m_N from {responses[0].curve.mass[0]:.4g} to {responses[-1].curve.mass[-1]:.4g} GeV, N from the charged "
            "two-body decay alone; outside it says nothing (no events)",
            f"N that decays visibly in the apparatus is lost. Length: {apparatus.source}",
            "events: of the limit, 2.303 at 90 %, times |U|² over the published one; Gaussian about no signal, so that "
            "the published limit is at Δχ² = 2.706",
            "digitised, a few per cent; no excess or deficit of the data is in it",
        ),
    )


def _response(limit: PublishedLimit, curve: Curve) -> PeakResponse:
    apparatus = APPARATUS[limit.name]
    flavour = "e" if limit.name.startswith("Ue4") else "mu"
    return PeakResponse(limit.name, curve, limit.events, apparatus.parent, flavour, apparatus.length, apparatus.beam)
