"""DUNE's near detector: parents against the neutrinos that they were unfolded from, geometry, charm, the builder."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hnl_recasts import events, limit, response

from scanner import predict, registry
from scanner.errors import ScannerError
from scanner.experiments import dune_nd_hnl, fermilab
from scanner.experiments.builders import dune_flux as builder
from scanner.experiments.tables import DATA, read_table
from scanner.physics.bundle import daughters, narrow
from scanner.physics.heavy_neutrino_production import production_ratios, two_body_momentum
from scanner.physics.particles import MASS


def test_a_projection_says_so() -> None:
    found = registry.experiment("dune_nd_hnl")
    assert "projection" in found.title and "a projection: no data" in found.notes[0]
    assert not found.data.any() and not found.background.any()
    assert found.attributes()["projection"] is True


@pytest.mark.parametrize(("name", "long"), [("pi", "pion"), ("K", "kaon")])
def test_parents_make_the_neutrinos_that_they_come_from(name: str, long: str) -> None:
    """With massless N in the place of ν_μ: number and mean energy."""
    columns = read_table(DATA / builder.NAME).columns
    flux = 1e4 * (columns[f"{long}_nu"] + columns[f"{long}_antinu"])
    energy = 0.5 * (columns["E_low"] + columns["E_high"])
    found = dune_nd_hnl.light_mesons()[name]
    rest, ratio = two_body_momentum(MASS[name], MASS["mu"], 0.0), {"pi": 0.99988, "K": 0.6356}[name]
    momentum, weight = dune_nd_hnl.GRID, narrow(found, 0.0, rest, ratio, 1e-5, dune_nd_hnl.GRID)
    assert weight.sum() == pytest.approx((flux * 0.2).sum(), rel=0.02)
    assert (weight @ momentum) / weight.sum() == pytest.approx((flux @ energy) / flux.sum(), rel=0.02)


def test_the_engine_predicts_the_sum() -> None:
    mixings = (2e-10, 1e-10, 1e-6)
    found = predict("hnl", "dune_nd_hnl", m_N=0.35, Ue4_sq=2e-10, Umu4_sq=1e-10, Utau4_sq=1e-6, nature="majorana")
    np.testing.assert_allclose(found["signal"], events("dune_nd_hnl", 0.35, mixings, majorana=True), rtol=5e-4)


def test_volume_by_random_rays() -> None:
    """Chords of parallel rays through both detectors, integrated over the area: their volume."""
    rng, number = np.random.default_rng(3), 400_000
    x, y = rng.uniform(-3, 3, number), rng.uniform(-2.5, 2.5, number)
    argon = 3.0 * (abs(y) < 1.0)
    gas = 2 * np.sqrt(np.clip(2.215**2 - y**2, 0, None)) * (abs(x) < 2.5)  # a cylinder across the beam
    assert (argon + gas).mean() * 6 * 5 == pytest.approx(dune_nd_hnl.VOLUME, rel=0.01)


def test_kaons_then_charm() -> None:
    """Above the kaon's mass D_s make N: a thousand times fewer, up to the D_s itself."""
    below, above = (limit("dune_nd_hnl", mass, 1, majorana=True) for mass in (0.35, 0.45))
    assert 1e3 < above / below < 1e5
    assert not events("dune_nd_hnl", 1.9, (0.0, 1e-6, 0.0)).any()
    assert events("dune_nd_hnl", 1.7, (0.0, 1e-8, 0.0)).any()


def test_tau_flavour_is_that_of_charm_alone() -> None:
    spectrum = response("dune_nd_hnl").spectrum(0.3)
    light = spectrum.weight[2]
    unit = 6.6e21 * dune_nd_hnl.VOLUME / 8.0 / 574.5**2 * fermilab.STRANGE_CHARM
    ratios, bundle = production_ratios(0.3), fermilab.charm()["tau"]
    rest = np.array([two_body_momentum(MASS["tau"], MASS["pi"], 0.3)])
    pions = daughters(bundle, 0.3, rest, np.ones(1), dune_nd_hnl.GRID).sum() * ratios["tau->pi N"][2]
    share = ratios["tau->pi N"][2] / sum(of[2] for mode, of in ratios.items() if mode.startswith("tau->"))
    # All modes have N of some GeV: the pion's share of them is that of the branching ratios, within 30 %.
    assert light.sum() == pytest.approx(unit * pions / share, rel=0.3)


def test_near_threshold_nothing_diverges() -> None:
    """K → μ N closes at 388.0 MeV: what is made falls like the momentum that is left."""
    spectrum, threshold = response("dune_nd_hnl").spectrum, MASS["K"] - MASS["mu"]
    charm = spectrum(threshold + 1e-6).weight[1].sum()
    kaons = [spectrum(threshold - gap).weight[1].sum() - charm for gap in (1e-3, 1e-7, 1e-9)]
    assert kaons[0] > kaons[1]
    assert kaons[2] == pytest.approx(0.1 * kaons[1], rel=0.02)


def test_short_lived_neutrinos_do_not_arrive() -> None:
    """At 1.5 GeV and |U|² = 1, N decays within a millimetre or so."""
    assert events("dune_nd_hnl", 1.5, (0.0, 1.0, 0.0)).sum() == 0
    assert math.isnan(limit("dune_nd_hnl", 1.95, 2))


class TestBuilder:
    def test_makes_the_shipped_table(self, shared_data: Path, tmp_path: Path) -> None:
        pytest.importorskip("uproot", reason="the release of DUNE's fluxes is in ROOT files")
        builder.build(shared_data / "dune_nd_flux_by_parent", shared_data / "fluxes/DUNE_ND_FHC.dat", tmp_path)
        made, shipped = read_table(tmp_path / builder.NAME), read_table(DATA / builder.NAME)
        for name, values in made.columns.items():
            np.testing.assert_allclose(values, shipped.columns[name], rtol=1e-9)
        assert made.header["scale"] == shipped.header["scale"]

    def test_muon_neutrinos_add_up_to_dunes(self, shared_data: Path) -> None:
        """Pions and kaons are all but 0.5 % of ν_μ."""
        flux = np.loadtxt(shared_data / "fluxes/DUNE_ND_FHC.dat")
        columns = read_table(DATA / builder.NAME).columns
        total = 0.2 * (columns["pion_nu"] + columns["kaon_nu"]).sum()
        assert total == pytest.approx(0.25 * flux[flux[:, 0] < 20, 2].sum(), rel=0.005)

    def test_says_what_it_needs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(builder.importlib, "import_module", _missing)
        with pytest.raises(ScannerError, match="pip install uproot"):
            builder.build(tmp_path, tmp_path / "flux.dat", tmp_path)


def _missing(name: str) -> None:
    raise ImportError(name)
