"""Lepton-flavour-violating muon decay, μ⁺ → e⁺ ν_α ν̄_e: ν̄_e where muons decay at rest, and no L/E.

The ν̄_e of a fraction BR of the decays have the spectrum 12x²[(1 − x) + (2ρ̃/9)(4x − 3)] with x = 2E/m_μ; ρ̃ = 3/4 is
the spectrum of the ν̄_μ of ordinary decays, ρ̃ = 0 the one of ν_e. Neutrinos from pions in flight have no such signal.
"""

from __future__ import annotations

from scanner.models.base import Model
from scanner.signals.muon_decay import MuonDecayTerm
from scanner.vocabulary import Monomial, Parameter, Reference

PROVIDES = ("lfv_muon_decay",)
VERSION = 1

_SPECTRUM = (
    MuonDecayTerm((Monomial(1.0, {"BR": 1}),), (12.0, -12.0)),
    MuonDecayTerm((Monomial(1.0, {"BR": 1, "rho_tilde": 1}),), (-8.0, 32.0 / 3.0)),
)


def load(name: str) -> Model:
    """Return the model."""
    return Model(
        name=name,
        version=VERSION,
        title="Lepton-flavour-violating muon decay into electron antineutrinos",
        parameters=(
            Parameter("BR", "1", 0.0, 0.0, 1.0, r"BR$(\mu^+ \to e^+ \nu_\alpha \bar\nu_e)$"),
            Parameter("rho_tilde", "1", 0.75, 0.0, 0.75, r"$\tilde\rho$"),
        ),
        signals={"muon_decay": _SPECTRUM},
        references=(
            Reference(
                "Bergmann:1998ft",
                "Bergmann, Sven and Grossman, Yuval",
                "Can lepton flavor violating interactions explain the LSND results?",
                1999,
                "hep-ph/9809524",
                "10.1103/PhysRevD.59.093005",
                "Phys. Rev. D 59 (1999) 093005",
            ),
            Reference(
                "KARMEN:2003hap",
                "Armbruster, B. and others (KARMEN)",
                "Improved limits on anti-nu(e) emission from mu+ decay",
                2003,
                "hep-ex/0302017",
                "10.1103/PhysRevLett.90.181804",
                "Phys. Rev. Lett. 90 (2003) 181804",
            ),
        ),
        null={"BR": 0.0},
    )
