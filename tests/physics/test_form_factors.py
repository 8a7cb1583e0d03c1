"""Form factors: Fourier transforms of the densities done numerically, charges, radii, a Fermi sphere, the builder."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate, special

from scanner.errors import InputError
from scanner.experiments.builders import charge_densities as builder
from scanner.experiments.tables import read_table
from scanner.physics.form_factors import (
    DENSITIES,
    HELM_REACH,
    MU_N,
    MU_P,
    TARGETS,
    dirac_proton,
    fourier_bessel,
    fourier_bessel_terms,
    helm,
    helm_terms,
    nuclide,
    pauli_blocking,
    sachs_neutron,
    sachs_proton,
)
from scanner.physics.particles import MASS
from scanner.units import HBARC_GEV_FM

MEASURED = TARGETS[1:]
RADII = {
    "C12": 2.4702, "O16": 2.6991, "Al27": 3.0610, "Si28": 3.1224, "Ar40": 3.4274, "Ca40": 3.4776, "Ti48": 3.5921,
    "Fe56": 3.7377, "Cu63": 3.8823, "Zn64": 3.9283, "Pb208": 5.5012,
}  # fmt: skip
"""Of the charge [fm]: Angeli & Marinova, At. Data Nucl. Data Tables 99 (2013) 69."""


@functools.cache
def density(name: str) -> tuple[float, np.ndarray]:
    """R [fm] and a_n [1/fm³], without the zeros that fill up a line."""
    columns = read_table(DENSITIES).columns
    row = int(np.flatnonzero((columns["Z"] == nuclide(name).Z) & (columns["A"] == nuclide(name).A))[0])
    a = np.array([columns[f"a{n}"][row] for n in range(1, len(columns) - 2)])
    return columns["R"][row], np.trim_zeros(a, "b")


def moment(name: str, weight) -> float:
    """∫ 4π r² ρ(r) weight(r) dr."""
    radius, a = density(name)
    r, w = special.roots_legendre(120)
    r, w = 0.5 * radius * (r + 1), 0.5 * radius * w
    rho = sum(a_n * np.sinc(n * r / radius) for n, a_n in enumerate(a, 1))
    return float(np.sum(4 * np.pi * w * r**2 * rho * weight(r)))


def terms(name: str) -> np.ndarray:
    return fourier_bessel_terms()[nuclide(name).Z, nuclide(name).A]


class TestNuclei:
    @pytest.mark.parametrize("name", MEASURED)
    def test_fourier_transform_of_the_density(self, name):
        charge, reach = moment(name, np.ones_like), (terms(name).size - 1) * math.pi / density(name)[0]
        for q in np.linspace(0.0, 0.999 * reach, 13):
            expected = moment(name, lambda r, q=q: np.sinc(q * r / np.pi)) / charge
            assert fourier_bessel(q * HBARC_GEV_FM, terms(name)) == pytest.approx(expected, rel=1e-9, abs=1e-13)

    @pytest.mark.parametrize("name", MEASURED)
    def test_charge_and_radius_are_the_published_ones(self, name):
        charge = moment(name, np.ones_like)
        assert charge == pytest.approx(nuclide(name).Z, rel=0.01)
        assert math.sqrt(moment(name, np.square) / charge) == pytest.approx(RADII[name], rel=0.025)

    @pytest.mark.parametrize("gap", [0.0, 1e-15, -1e-15, 1e-9, -1e-9, 1e-4, -1e-4])
    @pytest.mark.parametrize("k", [0, 1, 4, 14])
    def test_where_the_sum_is_0_over_0(self, k, gap):
        radius, *c = terms("C12")
        q = (k * math.pi + gap) / radius if k else abs(gap) / radius
        with mp.workdps(60):
            x = mp.mpf(q) * mp.mpf(radius) + mp.mpf("1e-40")
            whole = mp.sin(x) / x * mp.fsum(c_n / ((n * mp.pi) ** 2 - x**2) for n, c_n in enumerate(c, 1))
        assert fourier_bessel(q, terms("C12")) == pytest.approx(float(whole), rel=1e-10, abs=0)

    @pytest.mark.parametrize("name", MEASURED)
    def test_beyond_the_data_there_is_nothing(self, name):
        end = (terms(name).size - 1) * math.pi / terms(name)[0]
        assert 0 < fourier_bessel(end * (1 - 1e-9), terms(name)) ** 2 < 1e-10
        assert fourier_bessel(end * (1 + 1e-9), terms(name)) == 0

    @pytest.mark.parametrize("q", [0.0, 1e-9, 1e-3, 0.019, 0.021, 0.1, 0.35, 1.0, 1.99])
    @pytest.mark.parametrize("A", [12, 208])
    def test_helm(self, q, A):
        with mp.workdps(60):
            fm = mp.mpf(q) / mp.mpf(HBARC_GEV_FM)
            radius = mp.sqrt((mp.mpf("1.23") * mp.cbrt(A) - mp.mpf("0.6")) ** 2
                             + mp.mpf(7) / 3 * (mp.pi * mp.mpf("0.52")) ** 2 - 5 * mp.mpf("0.9") ** 2)  # fmt: skip
            x = fm * radius or mp.mpf("1e-12")
            sphere = 3 * (mp.sin(x) - x * mp.cos(x)) / x**3
            expected = float(sphere * mp.exp(-((fm * mp.mpf("0.9")) ** 2) / 2))
        assert helm(q, helm_terms(A)) == pytest.approx(expected, rel=1e-12, abs=1e-20)

    def test_what_helm_drops(self):
        for A in (12, 208):
            assert helm(HELM_REACH, helm_terms(A)) ** 2 < 1e-36
            assert helm(HELM_REACH * 1.001, helm_terms(A)) == 0

    def test_helm_follows_the_data_in_the_first_lobe(self):
        for name in ("O16", "Ar40", "Pb208"):
            q = 1 / terms(name)[0]
            assert helm(q, helm_terms(nuclide(name).A)) == pytest.approx(fourier_bessel(q, terms(name)), rel=0.02)


class TestNuclides:
    def test_masses_are_those_of_nuclei(self):
        """12 u without six electrons, and the 1636.4 MeV that bind lead: AME 2020."""
        assert nuclide("C12").mass == pytest.approx(12 * 0.93149410242 - 6 * MASS["e"], rel=1e-8)
        assert nuclide("H1").mass == MASS["p"]
        lead = nuclide("Pb208")
        assert (lead.Z, lead.A) == (82, 208)
        assert 82 * MASS["p"] + 126 * MASS["n"] - lead.mass == pytest.approx(1.6364, abs=1e-3)

    @pytest.mark.parametrize("name", ["H2O", "p", "C", "Ar-40", ""])
    def test_no_nuclide(self, name):
        with pytest.raises(InputError, match="no nuclide of this name"):
            nuclide(name)


class TestNucleons:
    def test_charges_and_moments(self):
        assert sachs_proton(0.0) == (1.0, MU_P)
        assert sachs_neutron(0.0, MASS["n"]) == (0.0, MU_N)
        assert dirac_proton(0.0, MASS["p"]) == 1

    def test_dipole_at_its_mass(self):
        assert sachs_proton(0.843**2) == pytest.approx((0.25, 0.25 * MU_P), rel=1e-14)

    def test_charge_radii(self):
        """-6 dG_E/dQ² [fm²]; the neutron's is -0.116, Galster's fit has 9 % more; a dipole has 12/Λ²."""
        step = 1e-6
        neutron = -6 * sachs_neutron(step, MASS["n"])[0] / step * HBARC_GEV_FM**2
        proton = 6 * (1 - sachs_proton(step)[0]) / step * HBARC_GEV_FM**2
        assert neutron == pytest.approx(-0.116, rel=0.1)
        assert math.sqrt(proton) == pytest.approx(0.811, abs=2e-3)

    def test_dirac_and_pauli_make_sachs(self):
        Q2, M = 0.3, MASS["p"]
        electric, magnetic = sachs_proton(Q2)
        dirac = dirac_proton(Q2, M)
        pauli = magnetic - dirac
        assert dirac - Q2 / (4 * M**2) * pauli == pytest.approx(electric, rel=1e-14)


class TestPauliBlocking:
    @pytest.mark.parametrize("q", [0.01, 0.1, 0.3, 0.46])
    def test_share_of_a_sphere_outside_of_a_shifted_one(self, q):
        k_F, M = 0.235, MASS["p"]
        overlap = 2 * integrate.quad(lambda z: math.pi * (k_F**2 - z**2), q / 2, k_F)[0]
        expected = 1 - overlap / (4 / 3 * math.pi * k_F**3)
        Q2 = 2 * M * (math.sqrt(M**2 + q**2) - M)
        assert pauli_blocking(Q2, M, k_F) == pytest.approx(expected, rel=1e-9)

    def test_ends(self):
        assert pauli_blocking(0.0, MASS["p"], 0.235) == 0
        assert pauli_blocking(0.3, MASS["p"], 0.235) == 1
        assert pauli_blocking(1e-9, MASS["p"], 0.0) == 1


def test_builder_makes_what_is_shipped(shared_data: Path, tmp_path: Path) -> None:
    builder.build(shared_data / "aux" / "fourier_bessel.csv", tmp_path)
    assert (tmp_path / DENSITIES.name).read_bytes() == DENSITIES.read_bytes()


def test_builder_refuses_what_is_no_nuclide(tmp_path: Path) -> None:
    source = tmp_path / "list.csv"
    source.write_text("nuclide,R_fm,a1\nXy7,8,0.1\n")
    with pytest.raises(InputError, match="Xy7"):
        builder.build(source, tmp_path)
