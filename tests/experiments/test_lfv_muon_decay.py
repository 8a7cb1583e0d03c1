"""LFV muon decay at LSND and KARMEN: what LSND needs, and what KARMEN excludes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import scanner
from scanner import registry


def chi2(experiment: str, rho: float, ratio: float) -> float:
    return float(scanner.predict("lfv_muon_decay", experiment, BR=ratio, rho_tilde=rho).chi2)


@pytest.mark.parametrize(("rho", "needed"), [(0.75, 2.64e-3), (0.0, 3.52e-3)])
def test_what_lsnd_needs(rho: float, needed: float) -> None:
    best = minimize_scalar(lambda x: chi2("lsnd_total", rho, x), bounds=(1e-4, 1e-2), method="bounded").x
    # Errors of the positron's energy move 0.5 % of the soft spectrum across 20 MeV.
    assert best == pytest.approx(needed, rel=7e-3)
    found = minimize_scalar(lambda x: chi2("lsnd", rho, x), bounds=(1e-4, 1e-2), method="bounded").x
    # Bins of the cleaner events, and Gaussian errors, want less: see the experiment.
    assert 0.6 < found / needed < 1.1


@pytest.mark.parametrize(("rho", "published"), [(0.75, 0.9e-3), (0.0, 1.7e-3)])
def test_what_karmen_excludes(rho: float, published: float) -> None:
    """At 90 %, one side, by the number of its events; KARMEN fitted energies, which tell a soft spectrum less well."""
    null = chi2("karmen_total", rho, 0.0)
    best = min(null, minimize_scalar(lambda x: chi2("karmen_total", rho, x), bounds=(0, 5e-3), method="bounded").fun)
    limit = brentq(lambda x: chi2("karmen_total", rho, x) - best - 1.64, 1e-4, 1e-2)
    assert 0.5 < limit / published < 1.2
    assert limit < 2.6e-3


@pytest.mark.parametrize("name", ["lsnd", "lsnd_total", "karmen", "karmen_total"])
def test_the_ordinary_spectrum_is_full_transmutation(name: str) -> None:
    """ρ̃ = 3/4 has the spectrum of ν̄_μ: BR is then a probability, in every bin."""
    experiment = registry.experiment(name)
    response = experiment.signals["muon_decay"]
    whole = np.bincount(response.bin, response.weight, experiment.signal_bins.size)
    found = scanner.predict("lfv_muon_decay", name, BR=1e-3, rho_tilde=0.75)
    np.testing.assert_allclose(found.signal.values, 1e-3 * whole, rtol=1e-12)
    averaged = scanner.predict("two_flavour", name, dm2=90.0, sin2_2theta=2e-3)  # ⟨sin²⟩ = 1/2, in bins that are wide
    assert averaged.signal.values.sum() == pytest.approx(found.signal.values.sum(), rel=0.05)
