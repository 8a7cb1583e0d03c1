"""Visible decay at MiniBooNE, LSND and KARMEN: brute-force double integrals, and limits that are known."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import numpy as np
import pytest

import scanner
from scanner import registry
from scanner.experiments import daughters_at_rest, karmen, lsnd
from scanner.experiments.decay_at_rest import END, events, muon_antineutrino_spectrum
from scanner.experiments.oscillation_cells import midpoints
from scanner.experiments.tables import DATA, read_table
from scanner.physics.visible_sterile_decay import chain_probability
from scanner.signals import energy_transfer

MODEL = "sterile_3p1_visible_decay"
PER_MEV = 1 / (1e6 * 1.973269804e-7)
"""1 eV² m/MeV as a pure number."""
POINT = {"m4": 60.0, "g_phi": 2.0, "m_phi_over_m4": 0.6, "Ue4_sq": 0.03, "Umu4_sq": 0.02, "nature": "majorana"}
"""Half of ν4 decay in MiniBooNE's beam, and a few per cent of φ."""


def transferred(experiment: str, **p: float | str) -> np.ndarray:
    """Daughters alone, without the coherent oscillation, in the signal bins."""
    model = scanner.model(MODEL)
    values, bins = model.complete(p), registry.experiment(experiment).signal_bins.size
    beams = registry.experiment(experiment).signals["energy_transfer"]
    prediction = energy_transfer.bind(model.signals["energy_transfer"], beams, bins)
    entries = tuple(t.build(np.array([[values[n] for n in t.parameters]]))[0] for t in prediction.tables)
    out = np.zeros((1, bins))
    couplings = np.array([[values[n]] for n in prediction.parameters])
    prediction.add(couplings, tuple(np.zeros(1, np.int64) for _ in entries), entries, out)
    return out[0]


@functools.lru_cache
def majorana(experiment: str) -> np.ndarray:
    return transferred(experiment, **POINT)


def daughters(at: np.ndarray, parent: np.ndarray, flux: np.ndarray, length: float | np.ndarray) -> np.ndarray:
    """∫ dE Φ(E) K(E′|E, L), of the parents' kind and of the opposite, at energies E′: kernels written out, POINT."""
    p, r = POINT, POINT["m_phi_over_m4"]
    widths = scanner.model(MODEL).widths(**p)
    w4, w_phi = p["m4"] * widths["nu4"], p["m4"] * r * widths["phi"]
    total, most = p["Ue4_sq"] + p["Umu4_sq"], 1 - r * r
    nodes, weights = np.polynomial.legendre.leggauss(12)
    chain = np.vectorize(chain_probability, otypes=[float])
    found = np.zeros((2, at.size))
    for i, energy in enumerate(at):
        above = (parent > energy) & (flux > 0)
        e, phi = parent[above], flux[above]
        a = PER_MEV * (length[above] if isinstance(length, np.ndarray) else length) / e
        z = energy / e
        decayed = -np.expm1(-w4 * a)
        low = np.maximum(z, r * r)[:, None]
        t = low ** (1 - (nodes + 1) / 2)
        chains = chain(w4 * a[:, None] + 0 * t, w_phi * a[:, None] / t)
        pair = (chains * weights * -np.log(low) / 2).sum(axis=1) / most
        conserving, flipping = (np.where(z < most, 2 * x / most**2, 0.0) for x in (z, most - z))
        for kind, primary in enumerate((conserving, flipping)):
            found[kind, i] = (phi / e * (0.5 * decayed * primary + pair)).sum()
    return found * (1 - total) / total


@pytest.mark.parametrize("mode", ["fhc", "rhc"])
def test_miniboone_by_reweighting_its_events(mode: str, shared_data: Path) -> None:
    """Event k by [∫dE Φ(E) K(E_k|E)]/Φ_source(E_k), ν and ν̄ each from their own events; L goes with the parent's E."""
    release = shared_data / "miniboone_2020"
    table = read_table(DATA / "miniboone_daughters.txt").columns
    edges = np.array((release / "fhc/miniboone_binboundaries_nue_lowe.txt").read_text().split(), dtype=float)
    parent = np.arange(5.0, 7300.0, 10.0)
    length = np.interp(parent, 0.5 * (table["E_low"] + table["E_high"]), table["length"])
    protons = {"fhc": 18.75e20, "rhc": 11.27e20}
    at = np.arange(120.0, 5400.0, 20.0)
    beam = read_table(DATA / f"flux_miniboone_{mode}.txt").columns
    kernels = []
    for kind in ("numu", "numubar"):
        # The ν_μ of antineutrino mode as in the release.
        scale = 10.0 * protons[mode] * (0.72 if (mode, kind) == ("rhc", "numu") else 1.0)
        flux = scale * np.interp(parent, 1e3 * beam["E"], 1e-3 * beam[kind])
        kernels.append(daughters(at, parent, flux, length))
    expected = np.zeros(11)
    for antineutrino, (of, own, file) in enumerate(
        (
            ("fhc", "numu", "fhc/miniboone_numunuefullosc_ntuple.txt"),
            ("rhc", "numubar", "rhc/miniboone_numubarnuebarfullosc_ntuple.txt"),
        )
    ):
        event = np.loadtxt(release / file)
        source = read_table(DATA / f"flux_miniboone_{of}.txt").columns
        flux = protons[of] * np.interp(event[:, 1], 1e3 * source["E"], 1e-3 * source[own])
        density = kernels[antineutrino][0] + kernels[1 - antineutrino][1]
        weight = event[:, 3] / len(event) * np.interp(event[:, 1], at, density) / flux
        expected += np.histogram(event[:, 0], edges, weights=weight)[0]
    expected *= POINT["Ue4_sq"] * POINT["Umu4_sq"]
    np.testing.assert_allclose(majorana(f"miniboone_{mode}"), expected, rtol=5e-3)
    np.testing.assert_allclose(majorana(f"miniboone_{mode}").sum(), expected.sum(), rtol=1.5e-3)


def test_wrong_sign_neutrinos_are_those_of_the_release(shared_data: Path) -> None:
    """Neutrino mode's response times the ν_μ of antineutrino mode: what its released events have of them."""
    files = "combined/miniboone_nubarfullosc_ntuple.txt", "rhc/miniboone_numubarnuebarfullosc_ntuple.txt"
    both, right = (np.loadtxt(shared_data / "miniboone_2020" / file) for file in files)
    edges = np.array([200.0, 400.0, 600.0, 800.0, 1000.0, 1500.0])
    released = [
        np.histogram(of[seen, 1], edges, weights=of[seen, 3] / len(of))[0]
        for of in (both, right)
        for seen in [(of[:, 0] > 200) & (of[:, 0] < 3000)]
    ]
    beam = registry.experiment("miniboone_rhc").signals["energy_transfer"][0]
    wrong = next(channel for channel in beam.channels if not channel.opposite)
    cell = np.searchsorted(beam.edges, beam.energy, side="right") - 1
    found = np.histogram(beam.energy, edges, weights=wrong.flux * wrong.events[cell].sum(axis=1))[0]
    np.testing.assert_allclose(found, released[0] - released[1], rtol=0.1)


def test_the_joint_fit_holds_both_modes() -> None:
    found = majorana("miniboone")
    np.testing.assert_allclose(found[:11], majorana("miniboone_fhc"), rtol=1e-3)
    np.testing.assert_allclose(found[11:], majorana("miniboone_rhc"), rtol=1e-3)


@pytest.mark.parametrize(("name", "prompt"), [("lsnd", True), ("lsnd_total", True), ("karmen_total", False)])
def test_decays_at_rest_sample_by_sample(name: str, prompt: bool) -> None:
    """Each sample of full transmutation times the daughters at its energy over ν̄_μ there, at its own baseline."""
    samples, cells = events(), 106
    ends, steps = (lsnd.BASELINES, 42) if name.startswith("lsnd") else ((15.7, 19.7), 40)
    bins, total = full_transmutation(name)
    at = midpoints(0.0, END, cells)
    x = at / END
    antimuon, electron = 2 * x * x * (3 - 2 * x) / cells, 12 * x * x * (1 - x) / cells
    chosen, lengths = midpoints(0.0, END, 60), midpoints(*ends, 5)
    found = np.zeros((lengths.size, chosen.size))
    for out, length in zip(found, lengths, strict=True):
        out += POINT["Umu4_sq"] * daughters(chosen, at, antimuon, length)[0]
        out += POINT["Ue4_sq"] * daughters(chosen, at, electron, length)[1]
        if prompt:
            out += POINT["Umu4_sq"] * daughters(chosen, np.array([29.7922]), np.ones(1), length)[1]
    baseline, slope = midpoints(*ends, steps), np.array([np.interp(samples.energy, chosen, of) for of in found])
    density = np.array([np.interp(baseline, lengths, of) for of in slope.T]).T
    ratio = (POINT["Ue4_sq"] * density / muon_antineutrino_spectrum(samples.energy)).ravel()
    expected = [of * (w * ratio).sum() / w.sum() for of, w in zip(total, bins, strict=True)]
    np.testing.assert_allclose(majorana(name), expected, rtol=1e-2, atol=2e-3 * max(expected))
    assert sum(majorana(name)) == pytest.approx(sum(expected), rel=3e-3)


def test_the_line_of_pions() -> None:
    assert pytest.approx(29.79, abs=0.01) == daughters_at_rest.LINE


def full_transmutation(name: str) -> tuple[list[np.ndarray], list[float]]:
    """Weights of the samples of each bin, and its events if all ν̄_μ were ν̄_e."""
    if name.startswith("lsnd"):
        columns = read_table(DATA / "lsnd_bins.txt").columns
        low, high = (columns["low"], columns["high"]) if name == "lsnd" else (np.zeros(1), np.full(1, 1e3))
        bins = [of[1] for of in lsnd._samples(low, high)]
        return bins, lsnd._expected(read_table(DATA / "lsnd_bins.txt")) if name == "lsnd" else [1.0]
    columns = read_table(DATA / "karmen_bins.txt").columns
    bins = [of[1] for of in karmen._samples(columns["low"], columns["high"])]
    return [np.add.reduce(bins)], [karmen.TRANSMUTED]


@pytest.mark.parametrize("experiment", ["miniboone_fhc", "lsnd", "karmen", "gallium"])
def test_without_decay_it_is_3p1(experiment: str) -> None:
    """g → 0 at Δm² = m4²."""
    mixings = {"Ue4_sq": 0.02, "Umu4_sq": 0.01}
    found = scanner.predict(MODEL, experiment, m4=1.3, g_phi=0.0, **mixings)
    expected = scanner.predict("sterile_3p1", experiment, dm2_41=1.69, **mixings)
    np.testing.assert_allclose(found.signal, expected.signal, rtol=1e-10)


def test_coherent_part_is_that_of_invisible_decay() -> None:
    p = {"m4": 1.3, "g_phi": 7.0, "Ue4_sq": 0.02, "Umu4_sq": 0.01, "m_phi_over_m4": 0.3}
    width = scanner.model(MODEL).widths(**p)["nu4"]
    found = scanner.predict(MODEL, "gallium", **p)
    other = {"dm2_41": 1.69, "m4_Gamma4": 1.3 * width, "Ue4_sq": 0.02, "Umu4_sq": 0.01}
    expected = scanner.predict("sterile_3p1_invisible_decay", "gallium", **other)
    np.testing.assert_allclose(found.signal, expected.signal, rtol=2e-4)
    # Heavier than the cells resolve, phases are averaged; widths as large as they come are no obstacle.
    averaged = scanner.predict(MODEL, "gallium", **{**p, "m4": 1e4, "g_phi": 12.0})
    assert averaged.attrs["parameters"]["m4"] == 1e4 and averaged.status == "ok"
    full = scanner.predict("sterile_3p1", "gallium", dm2_41=99.0, Ue4_sq=0.02, Umu4_sq=0.01).signal.sum()
    # All decayed: (1 − U)² instead of (1 − U)² + U².
    lost = (2 * 0.02 - 0.02**2) / (2 * 0.02 * 0.98)
    assert averaged.signal.sum() == pytest.approx(float(full) * lost, rel=5e-3)


def test_a_model_with_two_signals_gives_their_sum() -> None:
    coherent = scanner.predict(MODEL, "karmen_total", **{**POINT, "g_phi": 0.0}).signal.sum()
    both = scanner.predict(MODEL, "karmen_total", **POINT).signal.sum()
    assert coherent == pytest.approx(0.5 * 4 * 0.03 * 0.02 * 2 * 2913.0, rel=1e-9)
    lost = both - transferred("karmen_total", **POINT)[0]
    assert 0 < lost < coherent and not math.isclose(both, lost, rel_tol=0.01)
