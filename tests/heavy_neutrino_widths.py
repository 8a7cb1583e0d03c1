"""Heavy-neutrino widths at 25 digits, from the matrix elements over phase space: an oracle for the kernels."""

from __future__ import annotations

import functools
import math

import mpmath as mp
import numpy as np

from scanner import units
from scanner.physics.heavy_neutrino_channels import CHANNELS, COMPLETE_BELOW, FLAVOURS, INPUTS, WeakInputs
from scanner.physics.heavy_neutrino_decays import BLEND, weak_widths
from scanner.physics.particles import MASS
from scanner.physics.phase_space import NODES, gauss_legendre

DIGITS = 25
RULE = gauss_legendre(NODES)
SPOT = WeakInputs(
    sin2_theta_w=0.23121,
    V_ud=0.97373,
    V_us=0.2243,
    f_pi=0.1303,
    f_K=0.1564,
    f_eta=0.0784,
    f_rho=0.220,
    f_rho0=0.220,
    f_omega=0.195,
    f_phi=0.229,
    f_Kst=0.204,
)
LIGHT = ["pi", "K", "rho", "Kst", "pi0", "rho0", "eta", "etap", "omega", "phi"]
# What the test knows of mesons: spin, then the decay constant with CKM element (charged) or quark content (neutral).
CHARGED = {
    "pi": (0, "f_pi", "V_ud"),
    "K": (0, "f_K", "V_us"),
    "rho": (1, "f_rho", "V_ud"),
    "Kst": (1, "f_Kst", "V_us"),
    "D": (0, "f_D", "V_cd"),
    "Ds": (0, "f_Ds", "V_cs"),
}
ROOT_HALF = 1 / math.sqrt(2)
NEUTRAL = {
    "pi0": (0, "f_pi", {"u": ROOT_HALF, "d": -ROOT_HALF}),
    "rho0": (1, "f_rho0", {"u": ROOT_HALF, "d": -ROOT_HALF}),
    "omega": (1, "f_omega", {"u": ROOT_HALF, "d": ROOT_HALF}),
    "phi": (1, "f_phi", {"s": 1.0}),
    "eta": (0, "f_eta", {"s": math.sqrt(2)}),  # the inputs are those of the strange current over √2
    "etap": (0, "f_etap", {"s": math.sqrt(2)}),
}
MESON_OF = {"nu_rho": "rho0"}  # the others are spelt in their channels
CHARGE = {"u": 2 / 3, "d": -1 / 3, "s": -1 / 3}
ISOSPIN = {"u": 0.5, "d": -0.5, "s": -0.5}

# Squared matrix elements for G_F = 1, averaged over the spin of N; P → p1 p2 p3, p2 the antiparticle.


def dot(p, q):
    return p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3]


def charged_current(P, p1, p2, p3):
    return 64 * dot(P, p2) * dot(p1, p3)


def neutral_current(P, p1, p2, p3, gL, gR, mass):
    """P → ν(p1) f̄(p2) f(p3)."""
    left, right = dot(P, p2) * dot(p1, p3), dot(P, p3) * dot(p1, p2)
    return 64 * (gL**2 * left + gR**2 * right + gL * gR * mass**2 * dot(P, p1))


def meson_squared(P, lepton, meson, mass, spin):
    """For f = V = 1."""
    if spin == 0:
        return 2 * (2 * dot(lepton, meson) * dot(P, meson) - mass**2 * dot(P, lepton))
    return 2 * mass**2 * (dot(P, lepton) + 2 * dot(lepton, meson) * dot(P, meson) / mass**2)


# Independent widths, at 25 digits: integrals of those matrix elements over phase space, in units of m.


def two_body(m, lepton, meson, spin):
    """Width [GeV] for f = V = G_F = 1 GeV."""
    p = mp.sqrt((m**2 - (lepton + meson) ** 2) * (m**2 - (lepton - meson) ** 2)) / (2 * m)
    momenta = [m, 0, 0, 0], [mp.sqrt(lepton**2 + p**2), 0, 0, p], [mp.sqrt(meson**2 + p**2), 0, 0, -p]
    return p / (8 * mp.pi * m**2) * meson_squared(*momenta, meson, spin)


def dalitz(m, masses, invariant_squared):
    """Width for G_F = 1 of a matrix element that is a polynomial, at most cubic, in s13 at fixed s12.

    invariant_squared takes the products P·p1, P·p2, P·p3, p1·p2, p1·p3, p2·p3, all in units of m.
    """
    x1, x2, x3 = (mass / m for mass in masses)
    y1, y2, y3 = x1**2, x2**2, x3**2
    gap = (1 - x3 - x1 - x2) * (1 - x3 + x1 + x2)
    gauss = 1 / mp.sqrt(3)  # two nodes integrate a cubic exactly

    def over_s13(v):
        s = (x1 + x2) ** 2 + gap * v
        root = gap * mp.sqrt(v * (1 - v) * (gap * v + 4 * x1 * x2) * (gap * (1 - v) + 4 * x3))
        half = root / (2 * s)
        middle = y1 + y3 + (s + y1 - y2) * (1 - s - y3) / (2 * s)
        total = 0
        for u in (middle - gauss * half, middle + gauss * half):
            t = 1 + y1 + y2 + y3 - s - u
            products = (1 + y1 - t, 1 + y2 - u, 1 + y3 - s)
            pairs = (s - y1 - y2, u - y1 - y3, t - y2 - y3)
            total += invariant_squared(*(q / 2 for q in products + pairs))
        return total * half

    scale = over_s13(mp.mpf(1) / 2)  # quad judges its error absolutely
    # A sixth degree would double the points for what is right to 1e-19.
    integral = gap * scale * mp.quad(lambda v: over_s13(v) / scale, [0, 1], maxdegree=5)
    return m**5 * integral / (32 * (2 * mp.pi) ** 3)


def charged_width(m, first, anti, third):
    """The pair (1, 2) of the integral is not the one in which the matrix element factorises."""
    return dalitz(m, (first, anti, third), lambda P1, P2, P3, s12, s13, s23: 64 * P2 * s13)


def neutral_width(m, fermion, gL, gR):
    left, right, both = 64 * gL**2, 64 * gR**2, 64 * gL * gR * (fermion / m) ** 2

    def squared(P1, P2, P3, s12, s13, s23):
        return left * P2 * s13 + right * P3 * s12 + both * P1

    return dalitz(m, (mp.mpf(0), fermion, fermion), squared)


@functools.cache
def precise_alpha_s(scale, known):
    """Four-loop running as the root of ln(μ²/m_τ²) = -∫ da / (β0 a² + ...)."""
    zeta = mp.zeta(3)
    b = [mp.mpf(9) / 4, 4, mp.mpf(3863) / 384, 0]
    nf = 3
    b[3] = (
        mp.mpf(149753) / 6
        + 3564 * zeta
        - (mp.mpf(1078361) / 162 + mp.mpf(6508) / 27 * zeta) * nf
        + (mp.mpf(50065) / 162 + mp.mpf(6472) / 81 * zeta) * nf**2
        + mp.mpf(1093) / 729 * nf**3
    ) / 256
    logarithm = 2 * mp.log(scale / mp.mpf(MASS["tau"]))
    start = known / mp.pi

    def slope(x):
        return 1 / (x**2 * sum(c * x**k for k, c in enumerate(b)))

    def excess(a):
        return logarithm + mp.quad(slope, [start, a], method="gauss-legendre")

    return mp.pi * mp.findroot(excess, (start * 0.9, start * 1.1), tol=1e-30)


def smooth(t):
    t = min(max(t, mp.mpf(0)), mp.mpf(1))
    return t**3 * (10 - 15 * t + 6 * t**2)


def blended(m):
    return smooth((m - mp.mpf(1)) * 2)


def qcd(m, inputs):
    a = precise_alpha_s(m, mp.mpf(inputs.alpha_s_tau)) / mp.pi
    return 1 + a + mp.mpf("5.2") * a**2 + mp.mpf("26.4") * a**3


def precise_width(channel, flavour, mass, inputs=INPUTS):
    """Reference for an open channel [GeV]."""
    m, fermi = mp.mpf(mass), mp.mpf(units.G_FERMI) ** 2
    mass_of = {name: mp.mpf(value) for name, value in MASS.items()}
    s = mp.mpf(inputs.sin2_theta_w)
    head, *rest = channel.split("_")
    if channel == "nu_nu_nu":
        return fermi * m**5 / (192 * mp.pi**3)
    if channel == "nu_q_q":
        quarks = [
            3 * neutral_width(m, mass_of[q], ISOSPIN[q] - mp.mpf(CHARGE[q]) * s, -mp.mpf(CHARGE[q]) * s) for q in "uds"
        ]
        return fermi * sum(quarks) * blended(m) * qcd(m, inputs)
    if rest == ["q", "q"]:
        pairs = [("d", inputs.V_ud), ("s", inputs.V_us)]
        total = sum(3 * mp.mpf(V) ** 2 * charged_width(m, mass_of[head], mass_of["u"], mass_of[q]) for q, V in pairs)
        return fermi * total * blended(m - (mass_of["tau"] if head == "tau" else 0)) * qcd(m, inputs)
    if len(rest) == 2 and rest[0] == rest[1]:
        same = 1 if rest[0] == flavour else 0
        return fermi * neutral_width(m, mass_of[rest[0]], s - mp.mpf("0.5") + same, s)
    if len(rest) == 2:
        other = rest[0] if rest[1] == flavour else rest[1]
        return fermi * charged_width(m, mass_of[flavour], mass_of[other], mp.mpf(0))
    meson = MESON_OF.get(channel, rest[0])
    if head == "nu":
        spin, constant, content = NEUTRAL[meson]
        current = (lambda q: ISOSPIN[q] - 2 * CHARGE[q] * s) if spin else (lambda q: ISOSPIN[q])
        amplitude = sum(mp.mpf(weight) * current(q) for q, weight in content.items())
    else:
        spin, constant, element = CHARGED[meson]
        amplitude = mp.mpf(getattr(inputs, element))
    lepton = mass_of["nu" if head == "nu" else head]
    width = fermi * (mp.mpf(getattr(inputs, constant)) * amplitude) ** 2 * two_body(m, lepton, mass_of[meson], spin)
    return width * smooth((mp.mpf(1.5) - m + (mass_of["tau"] if head == "tau" else 0)) * 2) if meson in LIGHT else width


def threshold(channel):
    """Mass at which the channel opens [GeV]; the inclusive ones with their blend."""
    head, *rest = channel.split("_")
    if rest == ["q", "q"]:
        return BLEND[0] + (MASS["tau"] if head == "tau" else 0.0)
    return MASS[head] + sum(MASS[name] for name in ([MESON_OF[channel]] if channel in MESON_OF else rest))


def opened_by(channel):
    """Flavours whose mixing opens a channel."""
    head, *rest = channel.split("_")
    if head == "nu" and len(rest) == 2 and rest[0] != rest[1]:
        return tuple(rest)
    return FLAVOURS if head == "nu" else (head,)


def total(mass, flavour, inputs=INPUTS):
    return sum(width[FLAVOURS.index(flavour)] for width in weak_widths(mass, inputs).values())


OPENED = [(channel, flavour) for channel in CHANNELS for flavour in opened_by(channel)]


def random_points(count):
    """Masses just above thresholds, from 1.0001 of them on, and all over the range that is asked for."""
    rng = np.random.default_rng(20240229)
    pairs = [OPENED[i % len(OPENED)] for i in range(count)]
    for channel, flavour in pairs:
        low = max(threshold(channel), 0.001)
        ends = min(BLEND[1], COMPLETE_BELOW) if channel.split("_")[-1] in LIGHT else COMPLETE_BELOW
        if rng.random() < 0.5 or low > ends:
            yield channel, flavour, low * (1 + 10 ** rng.uniform(-4, -1))
        else:
            yield channel, flavour, math.exp(rng.uniform(math.log(low * 1.0001), math.log(ends)))
