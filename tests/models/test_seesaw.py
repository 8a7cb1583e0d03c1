"""The seesaw models as users and searches see them; the diagonalisation has its own tests in tests/physics."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scanner
from scanner import registry
from scanner.config import read_scan_file
from scanner.errors import InputError, Status
from scanner.evaluate import evaluate
from scanner.experiments.base import Experiment
from scanner.grid import Block
from scanner.likelihoods.poisson import Poisson
from scanner.models.heavy_neutrinos import HeavyNeutrinoModel
from scanner.models.seesaw import SeesawModel, read_matrices
from scanner.physics.particles import MASS
from scanner.physics.seesaw import inverse_loop, inverse_seesaw
from scanner.physics.seesaw_matrix import matrix_seesaw
from scanner.scan import Scan, resolve
from scanner.signals.decay_in_flight import FlightResponse, Spectrum, bind
from scanner.signals.heavy_neutrino import SEARCHES, HeavyNeutrino, State
from scanner.tables import build_all

NAMES = ("seesaw_type1", "seesaw_iss", "seesaw_mriss")
DIRAC = {"m_D": 1e-4, "Lambda": 0.3, "mu": 0.0}
"""An inverse seesaw that conserves lepton number."""

close = functools.partial(pytest.approx, abs=0)
"""Its absolute tolerance of 1e-12 is above most widths and masses here."""


def model(name: str) -> SeesawModel:
    found = scanner.model(name)
    assert isinstance(found, SeesawModel)
    return found


def hnl() -> HeavyNeutrinoModel:
    found = scanner.model("hnl")
    assert isinstance(found, HeavyNeutrinoModel)
    return found


ISS, MRISS, TYPE1 = model("seesaw_iss"), model("seesaw_mriss"), model("seesaw_type1")


class TestSpectrum:
    def test_inverse_seesaw_of_the_literature(self) -> None:
        found = ISS.spectrum(m_D=1e-3, Lambda=1.0, mu=1e-6, r_e=0.25, r_mu=0.75)
        assert found["m_nu"] == close(1e-12, rel=2e-6)
        assert found["m_nu_total"] == found["m_nu"] + found["m_nu_loop"]
        assert found["U_sq_sum"] == sum(found["U_sq"]) == close(1e-6, rel=2e-6)
        assert found["Umu4_sq"] == tuple(0.75 * U_sq for U_sq in found["U_sq"])
        assert found["m_N"][1] - found["m_N"][0] == close(found["splitting"], rel=1e-9)

    def test_light_masses_are_counted_from_the_tree(self) -> None:
        """The loop opposes the tree of type I and, below the bosons' masses, that of the inverse seesaw."""
        for name in ("seesaw_type1", "seesaw_iss"):
            found = model(name).spectrum()
            assert found["m_nu"] > -found["m_nu_loop"] > 0
            assert found["m_nu_total"] == found["m_nu"] + found["m_nu_loop"]
        assert "splitting" not in TYPE1.spectrum()

    def test_sign_of_a_lone_majorana_mass_does_not_show(self) -> None:
        assert ISS.spectrum(mu=-1e-6) == ISS.spectrum(mu=1e-6)
        assert ISS.spectrum(eps_prime=-1e-8)["m_nu"] > ISS.spectrum(eps_prime=1e-8)["m_nu"]

    def test_minimal_radiative(self) -> None:
        """Massless at tree level; the loop is the mass."""
        found = MRISS.spectrum(m_D=1e-3, Lambda=10.0, mu_prime=1e-2)
        assert found["m_nu"] == 0
        loop = inverse_loop(1e-3, 10.0, 0.0, 1e-2, 0.0, MASS["H"], MASS["Z"])
        assert found["m_nu_total"] == found["m_nu_loop"] == loop > 0

    def test_both_inverse_models_are_one_matrix(self) -> None:
        values = {"m_D": 1e-3, "Lambda": 0.5, "mu": 1e-5, "mu_prime": 1e-2, "eps_prime": 1e-8}
        assert ISS.spectrum(**values) == MRISS.spectrum(**values)
        assert ISS.spectrum(**values)["m_nu"] == abs(inverse_seesaw(*values.values())[0])

    @pytest.mark.parametrize("name", NAMES)
    def test_derived_quantities_are_those_of_the_spectrum(self, name: str) -> None:
        found = model(name)
        shares = {"r_e": 0.2, "r_mu": 0.3, "r_tau": 0.5}
        values, spectrum = found.complete(shares), found.spectrum(**shares)
        derived = {d.name: d.function(np.array([values[p] for p in d.parameters])) for d in found.derived}
        assert derived.pop("m_N") == spectrum["m_N"][0]
        for mixing, share in zip(("Ue4_sq", "Umu4_sq", "Utau4_sq"), shares.values(), strict=True):
            assert derived.pop(mixing) == close(share * spectrum["U_sq_sum"], rel=1e-15)
        assert derived == {key: spectrum[key] for key in derived}
        assert set(derived) >= {"m_nu", "m_nu_loop", "m_nu_total"}


class TestDomain:
    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"m_D": 2.0, "Lambda": 1.0}, r"m_D ≤ Lambda\n  found: {'m_D': 2.0, 'Lambda': 1.0}"),
            ({"r_e": 1.0}, r"r_e \+ r_mu \+ r_tau ≤ 1\n  found: {'r_e': 1.0, 'r_mu': 1.0, 'r_tau': 0.0}"),
            ({"r_mu": 0.5}, "flavour shares sum to 1: .* ≥ 1"),
            ({"mu": 1.0, "mu_prime": 1.0}, "mostly active"),
            ({"m_D": 1e-70}, "1e-60 to 1e[+]30 GeV"),
            ({"m_D": 700.0, "Lambda": 1e4}, "m_D: outside the range"),
            ({"Lamda": 1.0}, "did you mean 'Lambda'"),
        ],
    )
    def test_outside_is_refused_by_every_method(self, params: dict[str, float], message: str) -> None:
        for method in (ISS.spectrum, ISS.ctau, ISS.pseudo_dirac, functools.partial(ISS.production, "K")):
            with pytest.raises(InputError, match=message):
                method(**params)

    def test_decays_that_are_not_known(self) -> None:
        with pytest.raises(InputError, match="up to 2 GeV"):
            ISS.ctau(Lambda=3.0)
        assert not any(ISS.production("Ds", Lambda=3.0).values())

    def test_shares_that_sum_to_one_but_for_rounding(self) -> None:
        assert 0.7 + 0.2 + 0.1 < 1
        assert ISS.ctau(r_e=0.7, r_mu=0.2, r_tau=0.1) > 0


class TestPairs:
    """Two Majorana states of |U|²/2, each with twice the Dirac width, are a Dirac state of |U|²."""

    MIXINGS = {"Ue4_sq": "r_e", "Umu4_sq": "r_mu", "Utau4_sq": "r_tau"}
    SHARES = {"r_e": 0.2, "r_mu": 0.5, "r_tau": 0.3}

    def dirac(self) -> dict[str, float]:
        found = ISS.spectrum(**DIRAC)
        mixings = {mixing: found["U_sq_sum"] * self.SHARES[share] for mixing, share in self.MIXINGS.items()}
        return {"m_N": found["m_N"][0], **mixings}

    def test_widths_and_decay_length(self) -> None:
        widths = ISS.widths(**DIRAC, **self.SHARES)
        for channel, width in hnl().widths(**self.dirac()).items():
            assert widths[channel] == close(width, rel=1e-13)
        assert ISS.ctau(**DIRAC, **self.SHARES) == close(hnl().ctau(**self.dirac()), rel=1e-13)

    def test_production_is_that_of_the_pair_while_it_is_not_resolved(self) -> None:
        expected = hnl().production("K", **self.dirac())
        width = math.fsum(ISS.widths(**DIRAC, **self.SHARES).values())
        for mu, parts in ((0.0, 1.0), (0.5 * width, 1.0), (2 * width, 0.5)):
            params = {**DIRAC, "mu": mu, **self.SHARES}
            assert ISS.pseudo_dirac(**params) == (parts == 1)
            for mode, ratio in ISS.production("K", **params).items():
                assert ratio == close(parts * expected[mode], rel=1e-13)

    def test_a_single_state_is_no_pair(self) -> None:
        assert not TYPE1.pseudo_dirac()
        single = TYPE1.spectrum(m_D=1e-5, Lambda=0.3)
        majorana = {"m_N": single["m_N"][0], "Umu4_sq": single["U_sq"][0]}
        assert TYPE1.production("K", m_D=1e-5, Lambda=0.3) == hnl().production("K", **majorana)
        assert TYPE1.ctau(m_D=1e-5, Lambda=0.3) == close(hnl().ctau(**majorana, nature="majorana"), rel=1e-14)

    @pytest.mark.parametrize("m_D", [1e-8, 1e-4, 0.1])
    def test_decays_in_flight(self, m_D: float) -> None:
        """From long-lived to prompt, summed over the pair by a search that knows of no pairs."""
        params = {**DIRAC, "m_D": m_D, **self.SHARES}
        found = ISS.spectrum(m_D=m_D, Lambda=0.3, mu=0.0)
        mixings = {mixing: found["U_sq_sum"] * self.SHARES[share] for mixing, share in self.MIXINGS.items()}
        pair = events(ISS, params)
        assert pair > 0
        assert pair == close(events(hnl(), {"m_N": found["m_N"][0], **mixings}), rel=1e-9)


MOMENTUM = np.geomspace(0.3, 12, 30)


def spectrum(mass: float) -> Spectrum:
    return Spectrum(MOMENTUM, np.array([1e16 * MOMENTUM**2 * np.exp(-MOMENTUM)]))


def efficiency(state: State) -> dict[str, np.ndarray]:
    return {"mu_pi": np.full((1, 4, 1), 0.1), "e_pi": np.full((1, 4, 1), 0.2)}


RESPONSE = FlightResponse("toy", (1,), spectrum, 280.0, 1.7, efficiency, 1.0, ())
"""Of a detector to heavy neutrinos of up to 1 GeV from some beam of kaons."""


def events(found: HeavyNeutrinoModel, params: dict[str, float]) -> float:
    values = found.complete(params)
    prediction = bind(found.signals["decay_in_flight"], RESPONSE, 1)
    built = [table.build(np.array([[values[p] for p in table.parameters]])) for table in prediction.tables]
    assert all(status[0] == Status.ok for _, status in built)
    signal = np.zeros((1, 1))
    couplings = np.array([[values[p]] for p in prediction.parameters])
    prediction.add(couplings, tuple(np.zeros(1, np.int64) for _ in built), tuple(e for e, _ in built), signal)
    return float(signal[0, 0])


class TestSearches:
    @pytest.mark.parametrize(("name", "states"), [("seesaw_type1", 1), ("seesaw_iss", 2), ("seesaw_mriss", 2)])
    def test_every_search_gets_every_state(self, name: str, states: int) -> None:
        found = model(name)
        assert set(found.signals) == set(SEARCHES)
        masses = np.array([found.parameter(p).default for p in found.masses])
        spectrum = found.spectrum()
        for search in SEARCHES:
            for number, of in enumerate(found.signals[search]):
                assert isinstance(of, HeavyNeutrino)
                assert of.state(masses) == State(spectrum["m_N"][number], spectrum["U_sq"][number], True)
                assert (of.splitting(masses) if of.splitting else None) == spectrum.get("splitting")
            assert len(found.signals[search]) == states

    def test_heavier_state_above_every_parent(self) -> None:
        """μ' ≫ Λ: N of Λ²/μ' is seen; the state of mass μ', of unknown width, is not made and does no harm."""
        masses = np.array([1e-3, 1.0, 0.0, 3.0, 0.0])
        light, heavy = MRISS.signals["decay_in_flight"]
        assert light.state(masses).mass == close(1 / heavy.state(masses).mass, rel=1e-5)
        assert np.isfinite(light.widths(masses)).all() and np.isnan(heavy.widths(masses)).all()
        assert events(MRISS, {"m_D": 1e-3, "Lambda": 1.0, "mu_prime": 3.0}) > 0

    def test_point_without_a_light_neutrino_is_marked(self) -> None:
        """Not an empty signal: mixings are not known there."""
        rates = bind(ISS.signals["decay_in_flight"], RESPONSE, 1).tables
        point = {"m_D": 1e-3, "Lambda": 0.3, "mu": 0.3, "mu_prime": 0.3, "eps_prime": 0.0}
        statuses = [t.build(np.array([[point[p] for p in t.parameters]]))[1][0] for t in rates]
        assert Status.not_converged in statuses


def toy_scan(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Scan:
    likelihood = Poisson(np.array([3.0]), np.array([1.0]))
    toy = Experiment(
        name="toy",
        version=1,
        title="",
        signals={"decay_in_flight": RESPONSE},
        likelihood=likelihood,
        data=likelihood.data,
        background=likelihood.background,
        signal_bins=np.array([0]),
        coordinates={},
        coordinate_units={},
        data_sets=frozenset(),
        references=(),
    )
    monkeypatch.setattr(registry, "experiment", lambda _: toy)
    file = {"version": 1, "name": "toy", "model": "seesaw_iss", "experiments": ["toy"], **changes}
    return resolve(read_scan_file(file))


class TestScans:
    def test_flavour_triangle(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Axes on two shares, the third tied to what is left: outside where that is less than nothing."""
        scan = toy_scan(
            monkeypatch,
            axes={"r_e": {"linear": [0, 1], "points": 11}, "r_mu": {"linear": [0, 1], "points": 11}},
            tied={"r_tau": {"map": "rest", "of": ["r_e", "r_mu"]}},
            fixed={"Lambda": 0.4},
        )
        status = evaluate(scan, build_all(scan), Block(0, 0, (0, 0), (11, 11)))["status"][0]
        e, mu = np.meshgrid(np.arange(11), np.arange(11), indexing="ij")
        np.testing.assert_array_equal(status, np.where(e + mu <= 10, Status.ok, Status.outside_model))

    def test_masses_and_what_follows_from_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scan = toy_scan(
            monkeypatch,
            axes={"m_D": {"log": [1e-3, 10], "points": 9}, "Lambda": {"log": [0.2, 20], "points": 5}},
        )
        results = evaluate(scan, build_all(scan), Block(0, 0, (0, 0), (9, 5)))
        m_D, Lambda = (scan.grid.axis(name).array for name in ("m_D", "Lambda"))
        for i, j in np.ndindex(9, 5):
            inside = m_D[i] <= Lambda[j]
            assert results["status"][0, i, j] == (Status.ok if inside else Status.outside_model)
            if inside:
                expected = ISS.spectrum(m_D=m_D[i], Lambda=Lambda[j])
                assert scan.derived["m_N"].array[i, j] == expected["m_N"][0]
                assert scan.derived["Umu4_sq"].array[i, j] == close(expected["U_sq_sum"], rel=1e-15)
        assert scan.derived["splitting"].axes == ("m_D", "Lambda")

    def test_null_is_silent(self) -> None:
        for name in NAMES:
            found = model(name)
            assert not any(found.production("K", **found.null, Lambda=0.3).values())
            assert found.ctau(**found.null) == math.inf


class TestFiles:
    Y = np.array([[1e-6, 2e-6 - 3e-7j], [0.0, 1e-6j], [1e-7, -1e-6]])
    M_N = np.array([[1.0, 1e-3j], [1e-3j, 2.0]])
    TEXT = "Y:\n- [1e-6, 2e-6 - 3e-7j]\n- [0, 1e-6j]\n- [1e-7, -1e-6]\nM_N: [[1.0, 1e-3j], [1e-3j, 2]]\n"

    def test_text_and_archive(self, tmp_path: Path) -> None:
        (tmp_path / "seesaw.yaml").write_text(self.TEXT)
        np.savez(tmp_path / "seesaw.npz", Y=self.Y, M_N=self.M_N)
        for name in ("seesaw.yaml", "seesaw.npz"):
            Y, M_N = read_matrices(tmp_path / name)
            np.testing.assert_array_equal(Y, self.Y)
            np.testing.assert_array_equal(M_N, self.M_N)
        assert matrix_seesaw(*read_matrices(tmp_path / "seesaw.yaml")).m_N == close([1.0, 2.0], rel=1e-5)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("Y: [[1]]", "M_N missing"),
            ("Y: [[1]]\nM_N: [[1]]\nm_N: 3", "unknown entry 'm_N'\n.*\n.*did you mean 'M_N'"),
            ("Y: [[1, x]]\nM_N: [[1]]", r"Y\[0\]\[1\]: is not a number\n  found: 'x'"),
            ("Y: [[1, true]]\nM_N: [[1]]", r"Y\[0\]\[1\]: is not a number"),
            ("Y: [[1], [1, 2]]\nM_N: [[1]]", "Y: is not a matrix"),
            ("Y: 1\nM_N: [[1]]", "Y: is not a matrix"),
            ("Y: []\nM_N: [[1]]", "Y: is not a matrix"),
            ("- 1", "not a mapping"),
            ("Y: [", "holds no matrices"),
        ],
    )
    def test_bad_text(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "seesaw.txt"
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_matrices(path)

    def test_bad_files(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="cannot be read: No such file"):
            read_matrices(tmp_path / "none.npz")
        (tmp_path / "bad.npz").write_bytes(b"no archive")
        with pytest.raises(InputError, match="holds no matrices"):
            read_matrices(tmp_path / "bad.npz")
        (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(InputError, match="holds no matrices"):
            read_matrices(tmp_path / "bad.txt")
