"""MiniBooNE's ν_e and ν̄_e appearance data of 2020, with the collaboration's own statistic.

Three experiments share one file: neutrino mode (``miniboone_fhc``), antineutrino mode (``miniboone_rhc``)
and their joint fit (``miniboone``), which has the covariance between the modes and, in antineutrino mode,
the wrong-sign neutrinos. The joint fit shares its data with the other two.

−2 ln L = rᵀ M⁻¹ r + ln det M with 19 data a beam (11 of ν_e in E_ν^QE, 8 of ν_μ) and M evaluated at the
prediction. The release has the oscillated signal but neither the intrinsic ν_e nor the ν_μ events one by
one, so the oscillation of backgrounds and of the ν_μ sample is not part of this fit (nor of the official
two-neutrino fit that it reproduces).
"""

from __future__ import annotations

import numpy as np

from scanner.experiments import miniboone_daughters as daughters
from scanner.experiments import miniboone_release as release
from scanner.experiments.base import Experiment
from scanner.experiments.tables import DATA, read_table
from scanner.signals.oscillation import OscillationResponse

PROVIDES = ("miniboone_fhc", "miniboone_rhc", "miniboone")
VERSION = 1

PATH_DENSITY = 2.0
"""Mean of the neutrinos' way [g/cm³]: of 515 m, 474 m are Fermilab's glacial till, at about 2.1 g/cm³, the rest air.

An estimate, good to 15 %: a resonance energy that scales with density is then as uncertain.
"""

_TOGETHER = {"miniboone_fhc": "miniboone_rhc", "miniboone_rhc": "miniboone_fhc"}
"""Fits whose systematic errors have a common covariance, which their joint fit has."""
_FITS = {  # of the release, and the response of each beam
    "miniboone_fhc": ("fhc", ("fhc",)),
    "miniboone_rhc": ("rhc", ("rhc",)),
    "miniboone": ("both", ("fhc", "rhc_with_wrong_sign")),
}


def load(name: str) -> Experiment:
    """Return one of the three experiments."""
    fit, responses = _FITS[name]
    return release.experiment(
        fit,
        name=name,
        version=VERSION,
        title=f"MiniBooNE electron-like events, {release.FITS[fit].mode}",
        signals={
            "oscillation": tuple(_channel(of, i * release.BINS) for i, of in enumerate(responses)),
            "energy_transfer": daughters.beams(release.FITS[fit].beams),
        },
        log_determinant=True,
        references=(release.REFERENCE,),
        correlated={_TOGETHER[name]: "miniboone"} if name in _TOGETHER else {},
        notes=(
            "energies are reconstructed E_nu^QE; the release gives no edges for the nu_mu bins",
            "backgrounds and the nu_mu sample do not oscillate: the release has neither true energies nor baselines of "
            "intrinsic nu_e and of nu_mu, whose events are given as sums in bins",
            "points with dm2 above 100 eV^2 are marked not_converged: the response is made for the official grid",
            "energy transfer starts from nu_mu and nubar_mu of the beam, wrong sign included",
            "potentials of matter see a path of 2.0 g/cm^3, an estimate good to 15 %; where probabilities depend on E "
            "and L apart, bins are good to 2e-3 for splittings in matter up to 10 eV^2, to 2 % up to 100 eV^2",
        ),
    )


def _channel(response: str, first_bin: int) -> OscillationResponse:
    table = read_table(DATA / f"miniboone_response_{response}.txt")
    return OscillationResponse(
        source="mu",
        target="e",
        antineutrino=response != "fhc",
        bin=table.columns["bin"].astype(np.int64) + first_bin,
        weight=table.columns["weight"],
        mean=table.columns["mean"],
        variance=table.columns["variance"],
        phase=float(str(table.header["phase"])),
        dm2_max=float(str(table.header["dm2_max"])),
        energy=table.columns["energy"],
        energy_spread=table.columns["energy_spread"],
        path_density=PATH_DENSITY,
    )
