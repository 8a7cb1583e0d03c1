"""What a model of dark particles supplies to every experiment, and what an experiment says of a sample of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scanner.errors import Status
from scanner.physics.bundle import Bundle
from scanner.physics.dark_production import Emission
from scanner.signals.dark_neutrino import Decay
from scanner.signals.upscattering_samples import Region, Selection
from scanner.vocabulary import Monomial

Float = NDArray[np.float64]


@dataclass(frozen=True)
class DarkDynamics:
    """How dark particles are made, scatter and are seen, at a node of the masses.

    Parameters
    ----------
    sources
        Ways in which they are made, in the order of `DarkBeam.sources`.
    vector
        Mass of what is exchanged with matter [GeV].
    partner
        Mass of what scattering makes [GeV]; 0 for a photon.
    decays
        Of the partner, its share of all decays as the second of each; none for a photon.
    ctau
        Of the partner [m]; 0 where it decays at once.
    form_factor, spin, pauli
        As those of `scanner.physics.upscattering.target`.
    """

    sources: tuple[Emission, ...]
    vector: float
    partner: float = 0.0
    decays: tuple[tuple[Decay, float], ...] = ()
    ctau: float = 0.0
    form_factor: str = "fourier_bessel"
    spin: str = "half"
    pauli: bool = False


@dataclass(frozen=True)
class DarkTerm:
    """One way in which dark particles are made, and one current that they scatter off.

    Parameters
    ----------
    source
        Position in `DarkDynamics.sources`.
    current
        Of `scanner.signals.dark_neutrino.CURRENTS`.
    coupling
        What multiplies events of unit couplings.
    """

    source: int
    current: str
    coupling: tuple[Monomial, ...]


@dataclass(frozen=True)
class DarkBeam:
    """The ingredient of a model.

    Parameters
    ----------
    parameters
        Names of the parameters that events depend on but for couplings.
    dynamics
        From their values, shape (len,), to the dynamics; None where nothing is made or seen, and the status of what
        the model does not know.
    terms
        All pairs of a source and a current.
    neutron
        What multiplies events that are only seen with a neutron beside them; None where there are none.
    """

    parameters: tuple[str, ...]
    dynamics: Callable[[Float], DarkDynamics | Status | None]
    terms: tuple[DarkTerm, ...]
    neutron: Monomial | None = None

    def without(self, zero: frozenset[str]) -> DarkBeam:
        """Return it without the terms that vanish where some parameters are 0."""
        kept = []
        for term in self.terms:
            left = tuple(m for m in term.coupling if not zero & m.powers.keys())
            if left:
                kept.append(DarkTerm(term.source, term.current, left))
        neutron = None if self.neutron is None or zero & self.neutron.powers.keys() else self.neutron
        return DarkBeam(self.parameters, self.dynamics, tuple(kept), neutron)


@dataclass(frozen=True)
class DarkBeamResponse:
    """What an experiment supplies for one sample.

    Parameters
    ----------
    name
        Of the sample, unique in its experiment.
    regions
        Matter in which dark particles scatter: photons are seen of the first one, partners that fly of all. What a
        region says of decays holds for photons too, which are seen where they are made.
    selection
        What is seen.
    mesons
        Decays in flight in the whole exposure as the detector sees them, by the name of the meson, per m² and sr.
    stopped
        Decays at rest by the name of the meson, per cm² of a sphere about them.
    first_bin
        Signal bin of the experiment that the first one of the selection is.
    neutron
        Whether events are seen only with a neutron beside them.
    """

    name: str
    regions: tuple[Region, ...]
    selection: Selection
    mesons: Callable[[], Mapping[str, Bundle]] = field(default=dict)
    stopped: Mapping[str, float] = field(default_factory=dict)
    first_bin: int = 0
    neutron: bool = False
