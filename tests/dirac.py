"""Amplitudes by traces of Dirac matrices, with explicit momenta in the frame of the target."""

from __future__ import annotations

import math

import numpy as np

from scanner.physics.upscattering import DIPOLE, SCALAR

_PAULI = [np.array(x, complex) for x in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])]
GAMMA = [np.kron(np.diag([1, -1]), np.eye(2)).astype(complex)]
GAMMA += [np.kron([[0, 1], [-1, 0]], sigma) for sigma in _PAULI]
METRIC = np.diag([1.0, -1, -1, -1])
G5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
P_L, ONE = (np.eye(4) - G5) / 2, np.eye(4, dtype=complex)
SIGMA = [[0.5j * (a @ b - b @ a) for b in GAMMA] for a in GAMMA]


def slash(p):
    return sum(METRIC[i, i] * p[i] * GAMMA[i] for i in range(4))


def barred(vertex):
    return GAMMA[0] @ vertex.conj().T @ GAMMA[0]


def tensor(vertices, p_out, m_out, p_in, m_in, spin=None):
    """Σ over helicities of (ū Γ^μ u)(ū Γ^ν u)*, or for one spin vector of what goes out."""
    left, right = slash(p_out) + m_out * ONE, slash(p_in) + m_in * ONE
    if spin is not None:
        left = left @ (ONE + G5 @ slash(spin)) / 2
    return np.array([[np.trace(left @ a @ right @ barred(b)) for b in vertices] for a in vertices])


def momenta(E, Q2, m, M):
    """Momenta k, p → k′, p′ with the target p at rest."""
    k, p = np.array([E, 0, 0, E]), np.array([M, 0, 0, 0.0])
    energy = E - Q2 / (2 * M)
    momentum = math.sqrt(energy**2 - m**2)
    cosine = (2 * E * energy - m**2 - Q2) / (2 * E * momentum)
    out = np.array([energy, momentum * math.sqrt(1 - cosine**2), 0, momentum * cosine])
    return k, p, out, k + p - out


def brute_force(mediator, E, Q2, m, m_mediator, M, F1, F2=0.0, spin_zero=False, spin=None):
    """dσ/dQ² by traces, for a current F1 γ^μ + F2 iσ^μν q_ν/2M, a density F1, or a scalar nucleus of charge F1."""
    k, p, k_out, p_out = momenta(E, Q2, m, M)
    q = METRIC @ (k - k_out)
    if mediator == SCALAR:
        lepton = tensor([P_L], k_out, m, k, 0.0, spin)[0, 0]
        hadron = (2 * M) ** 2 * F1**2 if spin_zero else tensor([F1 * ONE], p_out, M, p, M)[0, 0]
        squared = (lepton * hadron).real
    else:
        vertices = [g @ P_L for g in GAMMA]
        if mediator == DIPOLE:
            vertices = [2 * sum(SIGMA[i][j] * q[j] for j in range(4)) @ P_L for i in range(4)]
        lepton = tensor(vertices, k_out, m, k, 0.0, spin)
        if spin_zero:
            hadron = F1**2 * np.multiply.outer(p + p_out, p + p_out)
        else:
            current = [F1 * GAMMA[i] + F2 / (2 * M) * 1j * sum(SIGMA[i][j] * q[j] for j in range(4)) for i in range(4)]
            hadron = tensor(current, p_out, M, p, M)
        squared = np.einsum("ij,ik,jl,kl->", lepton, METRIC, METRIC, hadron).real
    average = 1.0 if spin_zero else 0.5
    return average * squared / (Q2 + m_mediator**2) ** 2 / (16 * math.pi * (2 * M * E) ** 2)
