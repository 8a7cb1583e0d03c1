"""What is seen of decays: against events drawn at random and weighted with whole amplitudes, and in limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dirac import G5, GAMMA, METRIC, P_L, tensor

from scanner.physics.dark_neutrino_decays import VectorMediator, transition_widths
from scanner.physics.heavy_neutrino_dark import dipole_widths
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.visible import (
    PHOTON,
    SCALAR_PAIR,
    VECTOR_PAIR,
    VIRTUAL_PHOTON,
    add_decays,
    fill_seen,
    pair_shares,
    spectrum,
)

ELECTRON = MASS["e"]
ROWS, COLUMNS, LOWEST, HIGHEST = 60, 60, 0.02, 3.0
LOG_STEP = math.log(HIGHEST / LOWEST) / (ROWS - 1)
EDGES = np.array([0.1, 0.25, 0.4, 0.6, 0.9])
HALF_TURN = np.array([math.cos(math.pi * (f + 0.5) / 16) for f in range(16)])


def seen_probability(E, sine):
    """A smooth response: bins of energy with soft edges, less of what is not forward."""
    edges = 1 / (1 + np.exp(-(np.asarray(E)[..., None] - EDGES) / 0.05))
    return (edges[..., :-1] - edges[..., 1:]) * np.exp(-2 * np.asarray(sine) ** 2)[..., None]


RESPONSE = seen_probability((LOWEST * np.exp(LOG_STEP * np.arange(ROWS)))[:, None], np.linspace(0, 1, COLUMNS)[None, :])
NO_RULE = (np.full(ROWS, np.inf), -1.0, 1.0, 0.0, -1.0, 0.0)
MERGED = (np.full(ROWS, np.inf), -1.0, 1.0, 0.0, math.cos(0.3), 0.02)
APART = (np.full(ROWS, np.inf), 0.0, math.cos(0.1), 0.03, -1.0, 0.0)
ONE_RING = (np.full(ROWS, 0.25), -1.0, 1.0, 0.0, -1.0, 0.0)


def passes(rule, one, two):
    """Whether pairs pass, from their momenta, by the words of `PairRule`."""
    r_cut, cos_min, cos_max, softest, merged_cos, merged_soft = rule
    momenta = [np.linalg.norm(x[1:], axis=0) for x in (one, two)]
    cosine = np.sum(one[1:] * two[1:], axis=0) / np.maximum(momenta[0] * momenta[1], 1e-300)
    cosine = np.clip(cosine, -1, 1)
    harder, softer = np.maximum(one[0], two[0]), np.minimum(one[0], two[0])
    r = np.sqrt((1 - cosine) ** 2 / 4 + (1 - harder / (harder + softer)) ** 2)
    found = (r < r_cut[0]) & (cosine >= cos_min) & (cosine <= cos_max) & (softer >= softest)
    return found & ((cosine >= merged_cos) | (softer < merged_soft))


def boosted(p, direction, gamma_beta):
    """Momenta boosted along a direction."""
    gamma = math.sqrt(1 + gamma_beta**2) if np.ndim(gamma_beta) == 0 else np.sqrt(1 + gamma_beta**2)
    along = np.sum(direction * p[1:], axis=0)
    energy = gamma * p[0] + gamma_beta * along
    return np.vstack([energy[None], p[1:] + direction * ((gamma - 1) * along + gamma_beta * p[0])])


def dot(a, b):
    return a[0] * b[0] - np.sum(a[1:] * b[1:], axis=0)


def isotropic(generator, n):
    c, phi = generator.uniform(-1, 1, n), generator.uniform(0, 2 * math.pi, n)
    s = np.sqrt(1 - c**2)
    return np.array([s * np.cos(phi), s * np.sin(phi), c])


def drawn(shape, m, daughter, mediator, product, spin, n=400_000):
    """Decays at rest: pair, one and the other of it, and weights with the whole amplitude for a spin vector."""
    generator = np.random.default_rng(1)
    low, high = 2 * product, m - daughter
    if 2 * product < mediator < high and shape in (VECTOR_PAIR, SCALAR_PAIR):
        q, weight = np.full(n, mediator), np.ones(n)
    else:
        x = generator.uniform(0, 1, n)
        q = low * (high / low) ** x if low > 0 else high * np.maximum(x, 1e-6)
        weight = q if low > 0 else np.ones(n)
    energy = (m * m + q * q - daughter**2) / (2 * m)
    p = np.sqrt(energy**2 - q**2)
    axis = isotropic(generator, n)
    pair = np.vstack([energy, p * axis])
    velocity = np.sqrt(np.maximum(1 - (2 * product / q) ** 2, 0))
    other = isotropic(generator, n)
    half = [np.vstack([q / 2, s * q / 2 * velocity * other]) for s in (1, -1)]
    one, two = (boosted(x, axis, p / q) for x in half)
    left = np.vstack([m - energy, -p * axis])
    v = np.concatenate([[m], -m * np.asarray(spin)])[:, None]  # p - m s
    if shape == SCALAR_PAIR:
        v[1:] *= -1
        squared = dot(left, v) * (dot(one, two) - product**2 if product else q**4)
    else:
        if shape == VIRTUAL_PHOTON:
            v[1:] *= -1
            v = 2 * dot(pair, v) * pair - q**2 * v  # the dipole's vertex is that of a vector for this
        squared = 2 * dot(left, one) * dot(v, two) + 2 * dot(left, two) * dot(v, one) + 2 * product**2 * dot(left, v)
    # Phase space: p of the pair, the velocity of the two in it, dq² = 2q dq.
    weight = weight * q * p * velocity * squared
    if shape == VIRTUAL_PHOTON:
        weight = weight / q**4
    elif not (2 * product < mediator < high):
        weight = weight / (q**2 - mediator**2) ** 2
    return pair, one, two, weight


CASES = [
    (VECTOR_PAIR, 0.42, 0.0, 0.03, ELECTRON, MERGED),
    (VECTOR_PAIR, 0.42, 0.0, 0.3, ELECTRON, ONE_RING),
    (VECTOR_PAIR, 0.2, 0.0, 1.25, ELECTRON, APART),
    (VECTOR_PAIR, 0.262, 0.15, 0.118, ELECTRON, ONE_RING),
    (VECTOR_PAIR, 0.262, 0.15, 0.05, ELECTRON, NO_RULE),
    (SCALAR_PAIR, 0.3, 0.0, 0.1, ELECTRON, ONE_RING),
    (SCALAR_PAIR, 0.3, 0.0, 0.6, 0.0, MERGED),
    (VIRTUAL_PHOTON, 0.25, 0.0, 0.0, ELECTRON, ONE_RING),
]
SPINS = [(0.0, 0.0), (-0.9, 0.0), (0.3, 0.7)]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("spin", SPINS)
def test_against_events_with_whole_amplitudes(case, spin):
    shape, m, daughter, mediator, product, rule = case
    energies, sines = np.array([max(1.2 * m, 0.5), 1.1]), np.array([0.0, 0.15, 0.5])
    found = seen(shape, m, daughter, mediator, product, rule, energies, sines)
    pair, one, two, weight = drawn(shape, m, daughter, mediator, product, (spin[1], 0.0, spin[0]))
    z = np.array([0.0, 0.0, 1.0])[:, None]
    for j, energy in enumerate(energies):
        gamma_beta = math.sqrt(energy**2 - m**2) / m
        lab = [boosted(x, z, gamma_beta) for x in (pair, one, two)]
        accepted = passes(rule, *lab[1:]) * (weight / weight.sum())
        for k, sine in enumerate(sines):
            # N flies along z; the beam is in the plane of x and z, at the angle of N to it.
            beam = np.array([2 * sine * math.sqrt(1 - sine**2), 0, 1 - 2 * sine**2])
            cosine = beam @ lab[0][1:] / np.linalg.norm(lab[0][1:], axis=0)
            events = accepted[:, None] * seen_probability(lab[0][0], np.sqrt((1 - cosine) / 2))
            expected = events.sum(axis=0)
            spread = np.sqrt(np.sum(events**2, axis=0))
            ours = found[0, j, k] + spin[0] * found[1, j, k] + spin[1] * found[2, j, k]
            # Beyond the error of the draw: of quadratures, and of linear interpolation.
            # Where a rule takes but the fastest of one energy, fixed directions are as coarse as that.
            allowed = 4 * spread + 0.01 * expected.sum() + 1.5e-3
            assert (np.abs(ours - expected) <= allowed).all(), (ours, expected, spread)


def seen(shape, m, daughter, mediator, product, rule, energies, sines, majorana=False, nodes=16):
    masses = spectrum(shape, m, daughter, mediator, product, majorana)
    r_cut, *limits = NO_RULE if rule is None else rule
    out = np.empty((3, energies.size, sines.size, EDGES.size - 1))
    used = np.ones((energies.size, sines.size), dtype=bool)
    fill_seen(
        m, daughter, *masses, energies, sines, used, math.log(LOWEST), LOG_STEP, 1.0, RESPONSE[None],
        -1.0 if shape == PHOTON else product, r_cut, np.array(limits), *gauss_legendre(nodes), HALF_TURN, out,
    )  # fmt: skip
    return out


class TestSpectrum:
    @pytest.mark.parametrize("mediator", [0.31, 0.5, 1.25])
    @pytest.mark.parametrize("daughter", [0.0, 0.15])
    def test_mean_mass_of_a_vector_pair_is_that_of_fine_steps(self, mediator, daughter):
        """Of dΓ/dq, whose integral is the width: from widths into pairs that are ever heavier, less those left out."""
        found = spectrum(VECTOR_PAIR, 0.3, daughter, mediator, ELECTRON, False)
        q = np.linspace(2 * ELECTRON, 0.3 - daughter, 20001)[1:-1]
        x = q**2
        m, d = 0.3, daughter
        momentum = np.sqrt(((m + d) ** 2 - x) * ((m - d) ** 2 - x))
        rate = q * momentum * (((m - d) ** 2 - x) * ((m + d) ** 2 + 2 * x) / x + 6 * m * d)
        rate *= np.sqrt(1 - 4 * ELECTRON**2 / x) * (1 + 2 * ELECTRON**2 / x) * x / (x - mediator**2) ** 2
        mean = np.sum(q * rate) / np.sum(rate)
        assert found.weight.sum() == pytest.approx(1, rel=1e-12)
        # At 1.03 of the mass of N the propagator is steep.
        assert found.weight @ found.mass == pytest.approx(mean, rel=1e-2 if mediator < 0.32 else 2e-3)

    @pytest.mark.parametrize("beyond", [1e-6, 1e-4, 1e-3, 1e-2, 0.05, 0.3])
    @pytest.mark.parametrize("daughter", [0.01, 0.15])
    def test_mean_mass_where_the_mediator_is_just_too_heavy(self, daughter, beyond):
        """Most pairs are then near the upper end, the nearer the closer the pole is to it."""
        m, low, high = 0.257, 2 * ELECTRON, 0.257 - daughter
        mediator = high * (1 + beyond)
        found = spectrum(VECTOR_PAIR, m, daughter, mediator, ELECTRON, False)
        below = np.geomspace(1e-12, high - low, 400001)[:-1]  # high - q
        q, d = high - below, daughter
        momentum = np.sqrt(below * (high + q) * (m + d - q) * (m + d + q))
        rate = q * momentum * (((m - d) ** 2 - q**2) * ((m + d) ** 2 + 2 * q**2) + 6 * m * d * q**2)
        rate *= (
            np.sqrt(1 - (low / q) ** 2)
            * (1 + 0.5 * (low / q) ** 2)
            / (below + high * beyond) ** 2
            / (q + mediator) ** 2
        )
        whole, first = np.trapezoid(rate, below), np.trapezoid(q * rate, below)
        assert found.weight @ found.mass == pytest.approx(first / whole, rel=2e-3)

    def test_mean_mass_of_what_a_mediator_too_light_for_the_pair_makes(self):
        """Nearly dq/q above the threshold, as of a virtual photon."""
        for mediator in (1e-4, 0.9e-3, 1.02e-3):
            found = spectrum(VECTOR_PAIR, 0.1, 0.0, mediator, ELECTRON, False)
            q = 2 * ELECTRON + np.geomspace(1e-13, 0.1 - 2 * ELECTRON, 400001)[:-1]
            x, velocity = (q / 0.1) ** 2, np.sqrt((q - 2 * ELECTRON) * (q + 2 * ELECTRON)) / q
            rate = q * (1 - x) ** 2 * (1 + 2 * x) * velocity * (1.5 - 0.5 * velocity**2) / (q**2 - mediator**2) ** 2
            mean = np.trapezoid(q * rate, q) / np.trapezoid(rate, q)
            assert found.weight @ found.mass == pytest.approx(mean, rel=6e-3)

    def test_on_its_shell_there_is_one_mass(self):
        found = spectrum(VECTOR_PAIR, 0.42, 0.0, 0.03, ELECTRON, False)
        assert found.mass.tolist() == [0.03] and found.weight.tolist() == [1.0]
        assert found.asymmetry[0] == pytest.approx((0.42**2 - 2 * 0.03**2) / (0.42**2 + 2 * 0.03**2), rel=1e-12)

    def test_closed_decays_weigh_nothing(self):
        assert spectrum(VECTOR_PAIR, 1e-3, 0.0, 0.5, ELECTRON, False).weight.sum() == 0
        assert transition_widths(1e-3, 0.0, VectorMediator(0.5, V_l=1e-3))["e_e"] == 0
        assert dipole_widths(1e-3)["nu_e_e"] == 0

    def test_majorana_decays_do_not_know_their_spin(self):
        found = spectrum(VECTOR_PAIR, 0.42, 0.0, 0.03, ELECTRON, True)
        assert found.asymmetry == [0.0] and found.polarised_alignment == [0.0] and found.alignment[0] < -0.9

    @pytest.mark.parametrize("majorana", [False, True])
    def test_alignment_is_that_of_the_current(self, majorana):
        """Left-handed of Dirac N, axial of Majorana N: helicities of the vector by traces of Dirac matrices."""
        m, daughter, q = 0.4, 0.15, 0.1
        found = spectrum(VECTOR_PAIR, m, daughter, q, ELECTRON, majorana)
        energy = (m**2 + q**2 - daughter**2) / (2 * m)
        p = math.sqrt(energy**2 - q**2)
        vertices = [g @ (G5 if majorana else P_L) for g in GAMMA]
        current = tensor(vertices, [m - energy, 0, 0, -p], daughter, [m, 0, 0, 0], m)
        along, across = np.array([p, 0, 0, energy]) / q, np.array([0, 1.0, 0, 0])
        helicity_0, other = ((METRIC @ v) @ current.real @ (METRIC @ v) for v in (along, across))
        softened = (1 - (2 * ELECTRON / q) ** 2) / (1 + 2 * ELECTRON**2 / q**2)
        assert found.alignment[0] == pytest.approx(softened * (other - helicity_0) / (2 * other + helicity_0), rel=1e-9)


class TestPhoton:
    def test_energies_of_a_single_photon_are_those_of_two_bodies(self):
        """Of N along the beam with spin P: dn/dE_γ is linear between the ends, and goes down with P."""
        m, E = 0.25, np.array([0.8])
        found = seen(PHOTON, m, 0.0, 0.0, 0.0, None, E, np.zeros(1), nodes=64)
        p = math.sqrt(E[0] ** 2 - m**2)
        energy = np.linspace((E[0] - p) / 2, (E[0] + p) / 2, 20001)
        c = (2 * energy - E[0]) / p
        # Angle of the photon to N, by its energy: m² = 2 E_γ (E - p cos).
        cosine = (E[0] - m**2 / (2 * energy)) / p
        weight = seen_probability(energy, np.sqrt(np.clip((1 - cosine) / 2, 0, 1)))
        for part, shape in ((0, np.ones_like(c)), (1, -c)):
            expected = np.trapezoid(weight * shape[:, None], energy, axis=0) / (energy[-1] - energy[0])
            np.testing.assert_allclose(found[part, 0, 0], expected, atol=6e-3)


class TestPairs:
    @pytest.mark.parametrize("rule", [NO_RULE, MERGED, APART, ONE_RING])
    @pytest.mark.parametrize(("E", "ratio"), [(0.5, 0.02), (0.5, 0.2), (2.0, 0.05), (0.3, 0.9), (0.1, 1.0)])
    @pytest.mark.parametrize("product", [0.0, ELECTRON])
    def test_shares_against_fine_steps(self, rule, E, ratio, product):
        q, c = ratio * E, (np.arange(200_000) + 0.5) / 200_000
        velocity, flight = math.sqrt(1 - (2 * product / q) ** 2), math.sqrt(E**2 - q**2)
        axis = np.array([np.sqrt(1 - c**2), 0 * c, c])
        rest = [np.vstack([np.full_like(c, q / 2), s * q / 2 * velocity * axis]) for s in (1, -1)]
        z = np.array([0.0, 0.0, 1.0])[:, None]
        found = passes(rule, *(boosted(x, z, flight / q) for x in rest))
        shares = pair_shares(E, q, product, np.array([rule[0][0], *rule[1:]]))
        assert shares[0] == pytest.approx(found.mean(), abs=2e-5)
        assert shares[1] == pytest.approx(np.mean(found * (1.5 * c**2 - 0.5)), abs=2e-5)

    def test_smallest_angle_of_a_symmetric_pair(self):
        """A pair of mass q and energy E opens by 2 asin(q/E) at least: wider ones are never merged."""
        rule = np.array([np.inf, -1.0, 1.0, 0.0, math.cos(0.05), 0.0])
        assert pair_shares(1.0, 1.001 * math.sin(0.025), 0.0, rule)[0] == 0
        assert pair_shares(1.0, 0.999 * math.sin(0.025), 0.0, rule)[0] > 0


def test_decays_are_weighted_with_where_they_happen():
    """One region in which N decay within 1 m, one node of energy: 1 - e^{-1/λ}."""
    m, energies, sines = 0.3, np.array([0.6]), np.array([0.0, 0.5])
    lengths = np.array([1e-3, 0.1, 10.0, 1e4])
    logs = np.linspace(math.log(1e-3), math.log(1e3), 400)
    probability = -np.expm1(-np.exp(-logs))[None]
    made = np.zeros((1, 1, 2, 3))
    made[0, 0, :, 0], made[0, 0, :, 1] = (2.0, 1.0), (-1.0, 0.5)
    here = np.zeros((3, 1, 2, 1))
    here[0, 0, :, 0], here[1, 0, :, 0] = (0.5, 0.25), (0.1, 0.2)
    out = np.zeros((1, 4, 1))
    add_decays(m, energies, sines, np.ones((1, 2), bool), lengths, made, np.zeros(1), logs, probability, here, out)
    flown = lengths * math.sqrt(0.6**2 - m**2) / m
    expected = (2 * 0.5 + 0.25 - 0.1 + 0.5 * 0.2) * -np.expm1(-1 / flown)
    np.testing.assert_allclose(out[0, :, 0], expected, rtol=2e-3)
