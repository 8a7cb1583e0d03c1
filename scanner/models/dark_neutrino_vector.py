"""One to three heavy neutrinos of a dark sector whose dark photon Z′ makes them, on nuclei, and lets them decay.

One dark flavour ν_D has the charge g_D, g_D² = 4π alpha_D, and Z′ couples to e·epsilon times the electromagnetic
current. So Z′ couples N_i to N_j with V_ij = g_D U_Di U_Dj and ν_a to N_i with V_ai = -g_D U_Di Σ_j U_aj U_Dj, by
unitarity. Mixings are taken as real and positive. A state exists if its mass is not 0; a beam makes the heaviest.

In place of all that one may give vertices for N4: V_e4, V_mu4, V_tau4, V_p, V_n, V_l, A_l, as
`scanner.physics.dark_neutrino_decays` defines them; then there are neither weak decays nor Z′ → ν ν.

Final states: ``nu_e_e``, ``N4_e_e`` and so on hold Z′ on-shell, off-shell and, with ν, its interference with Z and W;
``nu_rho``, ``nu_omega``, ``nu_phi``, ``nu_q_q`` are Z′ or Z to hadrons (``rho`` is π⁺π⁻); ``nu_Zprime`` and
``N4_Zprime`` hold its decays into what this model does not name, and a Z′ that nothing is open to; ``nu_N4_N4`` and the
like are dark cascades. BR_inv is the branching ratio of what is not named, before Z′ → ν ν, ν N and N N are added.
Z′ is taken to decay where N does.

With ``cascade_only`` a state that is heavier than another one decays to those alone, as published fits have it.

Experiments see ν e e, and e e with a lighter heavy state, which is taken to fly away.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from scanner.errors import InputError
from scanner.models.base import Model
from scanner.models.dark_neutrinos import CHARGES, DARKNEWS, PANORAMA, SWITCHES, DarkNeutrinoModel, Production
from scanner.models.dark_vector_states import heavy_states
from scanner.models.dark_vertices import (
    CASCADE,
    DARK_MIXINGS,
    FLAVOURS,
    MIXINGS,
    STATES,
    VERTICES,
    Vertices,
    coupling_squared,
    dark_pairs,
    explicit,
    masses_of,
    mixings_of,
    vertices,
)
from scanner.models.heavy_neutrinos import weak_rows
from scanner.physics.dark_neutrino_decays import (
    DarkPair,
    transition_widths,
    vector_mediator_widths,
)
from scanner.physics.heavy_neutrino_channels import CHANNELS, COMPLETE_BELOW
from scanner.physics.heavy_neutrino_mediators import DarkPhoton, dark_photon_widths
from scanner.signals.dark_neutrino import Upscattering
from scanner.units import ALPHA_EM
from scanner.vocabulary import Constraint, Derived, Parameter, Reference

PROVIDES = ("dark_neutrino_vector",)
VERSION = 1

_ROUNDING = 1e-9  # of mixings that sum to 1

_PARAMETERS = (
    Parameter("m4", "GeV", 0.1, 1e-6, COMPLETE_BELOW, "$m_4$"),
    *(Parameter(f"m{i}", "GeV", 0.0, 0.0, COMPLETE_BELOW, f"$m_{i}$") for i in (5, 6)),
    Parameter("m_Zprime", "GeV", 0.03, 1e-6, 1e3, r"$m_{Z'}$"),
    *(
        Parameter(f"U{a}{i}_sq", "1", 0.0, 0.0, 1.0, rf"$|U_{{{label} {i}}}|^2$")
        for i in (4, 5, 6)
        for a, label in FLAVOURS.items()
    ),
    *(Parameter(f"UD{i}_sq", "1", float(i == 4), 0.0, 1.0, f"$|U_{{D{i}}}|^2$") for i in (4, 5, 6)),
    Parameter("alpha_D", "1", 0.25, 0.0, 1.0, r"$\alpha_D$"),
    Parameter("epsilon", "1", 1e-3, -1.0, 1.0, r"$\epsilon$"),
    Parameter("BR_inv", "1", 0.0, 0.0, 0.999999, r"BR$(Z'\to{\rm inv})$"),
    *SWITCHES,
    CHARGES,
    CASCADE,
    *(Parameter(f"V_{a}4", "1", 0.0, 0.0, 10.0, rf"$V_{{{label}4}}$") for a, label in FLAVOURS.items()),
    *(Parameter(f"V_{x}", "1", 0.0, -10.0, 10.0, f"$V_{x}$") for x in ("p", "n", "l")),
    Parameter("A_l", "1", 0.0, -10.0, 10.0, "$A_l$"),
)

_CONSTRAINTS = (
    *(Constraint(dict.fromkeys(names, 1.0), 1.0, f"unitarity: Σ|U_α{s[1]}|² ≤ 1") for s, names in MIXINGS.items()),
    *(
        Constraint(dict.fromkeys((f"U{a}{i}_sq" for i in (4, 5, 6)), 1.0), 1.0, f"unitarity: Σ|U_{a} i|² ≤ 1")
        for a in FLAVOURS
    ),
    Constraint(dict.fromkeys(DARK_MIXINGS.values(), 1.0), 1.0 + _ROUNDING, "unitarity: UD4_sq + UD5_sq + UD6_sq ≤ 1"),
)

_REFERENCES = (
    Reference(
        "Bertuzzo:2018itn",
        "Bertuzzo, Enrico and Jana, Sudip and Machado, Pedro A. N. and Zukanovich Funchal, Renata",
        "Dark Neutrino Portal to Explain MiniBooNE excess",
        2018,
        "1807.09877",
        "10.1103/PhysRevLett.121.241801",
        "Phys. Rev. Lett. 121 (2018) 241801",
    ),
    Reference(
        "Ballett:2018ynz",
        "Ballett, Peter and Pascoli, Silvia and Ross-Lonergan, Mark",
        "U(1)' mediated decays of heavy sterile neutrinos in MiniBooNE",
        2019,
        "1808.02915",
        "10.1103/PhysRevD.99.071701",
        "Phys. Rev. D 99 (2019) 071701",
    ),
    Reference(
        "Arguelles:2018mtc",
        "Argüelles, Carlos A. and Hostert, Matheus and Tsai, Yu-Dai",
        "Testing New Physics Explanations of the MiniBooNE Anomaly at Neutrino Scattering Experiments",
        2019,
        "1812.08768",
        "10.1103/PhysRevLett.123.261801",
        "Phys. Rev. Lett. 123 (2019) 261801",
    ),
    Reference(
        "Ballett:2019pyw",
        "Ballett, Peter and Hostert, Matheus and Pascoli, Silvia",
        "Dark neutrinos and a three portal connection to the Standard Model",
        2020,
        "1903.07589",
        "10.1103/PhysRevD.101.115025",
        "Phys. Rev. D 101 (2020) 115025",
    ),
)


def _final_state(daughter: str, product: str, pairs: Mapping[str, DarkPair]) -> str:
    if product in pairs:
        return "_".join(sorted((daughter, *product.split("_")), key=lambda name: (name != "nu", name)))
    return f"{daughter}_Zprime" if product == "invisible" else f"{daughter}_{product}"


class DarkNeutrinoVector(DarkNeutrinoModel):
    """Heavy neutrinos coupled to ν, and to one another, by a dark photon."""

    def masses(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the masses [GeV] of the states that there are, the lightest first."""
        return masses_of(values)

    def complete(self, given: Mapping[str, object]) -> dict[str, float]:
        """Return every parameter's value, checked: couplings given once, and only of states that have a mass."""
        values = super().complete(given)
        for state, mass in STATES.items():
            names = [name for name in (*MIXINGS[state], DARK_MIXINGS[state]) if values[name] > 0]
            if names and values[mass] == 0:
                raise InputError(f"{self.name}.{mass}", f"{names[0]} is of a state without a mass", 0.0, "above 0 GeV")
        replaced = [name for name in ("alpha_D", "epsilon", *DARK_MIXINGS.values(), "charge") if name in given]
        if explicit(values) and replaced:
            raise InputError(
                f"{self.name}.{replaced[0]}", f"explicit vertices ({', '.join(VERTICES)}) leave no place for it"
            )
        return values

    def heavy_states(self, zero: frozenset[str]) -> tuple[Upscattering, ...]:
        """Return the states that have a mass somewhere."""
        return heavy_states(zero)

    def production(self, state: str, flavour: int, values: Mapping[str, float]) -> Production:
        """Return how ν of a flavour becomes a state: by Z′ alone, without the Z."""
        found = vertices(values)
        V = float(found.light[state][flavour])
        return Production("vector", values["m_Zprime"], V**2, found.mediator.V_p, found.mediator.V_n)

    def decays(self, state: str, values: Mapping[str, float]) -> dict[str, float]:
        """Return the partial widths [GeV] of a state by final state, from the model's parameters."""
        majorana, found = bool(values["nature"]), vertices(values)
        mass = found.masses[state]
        lighter = tuple(other for other in found.masses if found.masses[other] < mass)
        pairs = dark_pairs(found, lighter, majorana)
        mediator = found.mediator._replace(pairs=pairs)
        widths: dict[str, float] = defaultdict(float)
        to_light = not (lighter and values[CASCADE.name])
        if to_light and not explicit(values):
            widths.update(_weak(state, values, found, majorana))
        for daughter in ("nu", *lighter) if to_light else lighter:
            squared = coupling_squared(found, state, daughter)
            light = found.masses.get(daughter, 0.0)
            for product, width in transition_widths(mass, light, mediator, majorana).items():
                if product != "tau_tau":  # closed as long as m4 ≤ COMPLETE_BELOW
                    widths[_final_state(daughter, product, pairs)] += squared * width
        return dict(widths)

    def mediator_widths(self, **params: float | str) -> dict[str, float]:
        """Return the partial widths [GeV] of Z′ on its shell.

        Parameters
        ----------
        **params
            The model's parameters; defaults where not given.

        Returns
        -------
        dict[str, float]
            ``e_e``, ``mu_mu``, ``tau_tau``, ``rho`` (π⁺π⁻), ``omega``, ``phi``, ``q_q``, ``invisible``, and ``nu_nu``,
            ``nu_N4``, ``N4_N4`` and so on.
        """
        values = self.complete(params)
        found = vertices(values)
        pairs = dark_pairs(found, tuple(found.masses), bool(values["nature"]))
        return vector_mediator_widths(found.mediator._replace(pairs=pairs))


def _weak(state: str, values: Mapping[str, float], found: Vertices, majorana: bool) -> dict[str, float]:
    """Widths through Z and W, and their interference with Z′ (whose own dark decays do not matter in it)."""
    mass, mixings = found.masses[state], mixings_of(state, values)
    by_channel = (mixings**2)[:, None] * weak_rows(mass, majorana)
    widths = dict(zip(CHANNELS, map(math.fsum, by_channel.T), strict=True))
    if values["alpha_D"] == 0:
        return widths
    # That function's charge is the one of α(0).
    epsilon = found.mediator.V_p / math.sqrt(4 * math.pi * ALPHA_EM)
    photon = DarkPhoton(values["m_Zprime"], values["alpha_D"], epsilon, values["BR_inv"])
    products = mixings * found.light[state] / math.sqrt(4 * math.pi * values["alpha_D"])
    for channel, rows in dark_photon_widths(mass, photon).interference.items():
        widths[channel] += (2.0 if majorana else 1.0) * math.fsum(products * rows)
    return widths


def _alpha_eps_sq(values: np.ndarray) -> float:
    return ALPHA_EM * float(values[0]) ** 2


def load(name: str) -> Model:
    """Return the model."""
    return DarkNeutrinoVector(
        name=name,
        version=VERSION,
        title="Dark neutrinos made and decaying through a dark photon",
        parameters=_PARAMETERS,
        signals={"upscattering": ()},
        references=(*_REFERENCES, DARKNEWS, PANORAMA),
        constraints=_CONSTRAINTS,
        null=dict.fromkeys((*itertools.chain(*MIXINGS.values()), *VERTICES), 0.0),
        derived=(Derived("alpha_eps_sq", "1", ("epsilon",), _alpha_eps_sq, r"$\alpha\epsilon^2$"),),
    )
