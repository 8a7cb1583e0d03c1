"""What experiments say of each other: shared nuisance parameters, common covariances, counts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scanner import registry
from scanner.likelihoods.poisson import Poisson
from scanner.likelihoods.pulls import combine, connected

SHARED = {  # name, physics version, nuisance parameter; −2 ln L at SIGNAL, as before any was shared
    "microboone_kdar": (1, "numi_stopped_kaons", 2.2131872072282737),
    "microboone_numi": (1, "numi_stopped_kaons", 5.989064964446054),
    "icarus_hnl_numi": (1, "numi_stopped_kaons", 12.00477834428418),
    "sbnd_hnl": (1, "bnb_flux", 12.00477834428418),
    "icarus_hnl": (1, "bnb_flux", 12.00477834428418),
    "microboone_bnb_mupi": (1, "bnb_flux", 3.236229643470164),
}


def signal_in(name: str) -> np.ndarray:
    """Some events, rising from bin to bin up to 1.7."""
    bins = registry.experiment(name).signal_bins.size
    return 1.7 * np.arange(1, bins + 1)[None] / bins


def evaluated(likelihood: Poisson, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    chi2, gof, terms = np.empty(1), np.empty(1), np.empty((1, 3))
    likelihood(signal, chi2, gof)
    likelihood.pull_terms(signal, terms)
    return chi2, terms.T


@pytest.mark.parametrize("name", SHARED)
def test_its_own_likelihood_is_what_it_was(name: str) -> None:
    version, nuisance, chi2 = SHARED[name]
    found = registry.experiment(name)
    assert found.version == version
    assert evaluated(found.likelihood, signal_in(name))[0][0] == pytest.approx(chi2, rel=1e-12)
    assert found.attributes()["nuisances"] == [nuisance]
    assert any(nuisance in note for note in found.notes)


def test_who_shares_with_whom() -> None:
    nuisances = {name: registry.experiment(name).attributes()["nuisances"] for name in (*SHARED, "argoneut", "ps191")}
    assert connected(nuisances, nuisances) == (
        ("argoneut",),
        ("icarus_hnl", "microboone_bnb_mupi", "sbnd_hnl"),
        ("icarus_hnl_numi", "microboone_kdar", "microboone_numi"),
        ("ps191",),
    )


def test_one_rate_of_kaons_in_two_detectors() -> None:
    """Against one likelihood of all bins, near the 90 % limit: a hundred times better than two parameters."""
    kdar, icarus = (registry.experiment(name).likelihood for name in ("microboone_kdar", "icarus_hnl_numi"))
    signals = np.array([[2.0]]), np.full((1, 8), 0.25)
    background, error = np.append(1.9, np.zeros(8)), np.append(0.8, np.zeros(8))
    both = Poisson(np.append(1.0, np.zeros(8)), background, error, 0.3)
    exact = evaluated(both, np.hstack(signals))[0][0]
    (first, first_terms), (second, second_terms) = (
        evaluated(x, s) for x, s in zip((kdar, icarus), signals, strict=True)
    )
    joint = combine(
        {"kdar": first, "icarus": second},
        {"kdar": kdar.nuisances, "icarus": icarus.nuisances},
        {"kdar": first_terms, "icarus": second_terms},
    )[0]
    assert joint == pytest.approx(exact, abs=2e-3)
    assert exact - (first + second)[0] < -0.3


@pytest.mark.parametrize(("one", "other"), [("miniboone_fhc", "miniboone_rhc"), ("miniboone_rhc", "miniboone_fhc")])
def test_beams_of_miniboone_have_errors_in_common(one: str, other: str) -> None:
    """The released covariance has them, and the fit that is named has both data sets and that covariance."""
    assert registry.experiment(one).attributes()["correlated"] == {other: "miniboone"}
    both = registry.experiment("miniboone")
    assert both.data_sets == registry.experiment(one).data_sets | registry.experiment(other).data_sets
    background = both.likelihood.fractional[22:44, 22:44]
    error = np.sqrt(background.diagonal())
    assert (background / np.outer(error, error))[:11, 11:].diagonal().mean() > 0.2
    assert both.attributes()["correlated"] == {}


def test_counts_are_those_of_counting_experiments_alone() -> None:
    assert registry.experiment("microboone_kdar").attributes()["counts"] == {"observed": 1.0, "background": 1.9}
    assert registry.experiment("peak_na62_mu").attributes()["counts"] is None
    assert registry.experiment("miniboone").attributes()["counts"] is None


@pytest.mark.parametrize("name", ["microboone_kdar", "miniboone_fhc", "bbn"])
def test_attributes_are_plain_json(name: str) -> None:
    facts = registry.experiment(name).attributes()
    assert json.loads(json.dumps(facts)) == facts
