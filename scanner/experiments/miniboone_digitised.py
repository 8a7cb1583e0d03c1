"""MiniBooNE's spectra in visible energy and in the angle to the beam, digitised, for every signal that may be in them.

Events in neutrino mode with 0.2 < E_ν^QE < 1.25 GeV; the release has no covariance of theirs. Gaussian, with the
Poisson variance of the prediction, a common error of the background of `COMMON`, and one of `EACH` of every bin by
itself; see there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from scanner.experiments import miniboone_release as release
from scanner.experiments.base import Experiment
from scanner.experiments.miniboone_detector import LEAST_ENERGY, Window
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.gaussian import GaussianFractional

COMMON, EACH = 0.04, 0.1
"""Relative errors of the background. The release's covariance, with ν_μ as they were measured, has 10 to 20 % in each
bin of E_ν^QE, statistics included, and 4.9 % in the sum from 0.2 to 1.25 GeV without statistics; these two have 5 %."""

NOTES = (
    "0.2 < E_nu^QE < 1.25 GeV; data and background are digitised, to 2 % and 1 event",
    "errors are no collaboration's: Poisson, 4 % of the background common to all bins, 10 % of it in each bin",
)


class Spectrum(NamedTuple):
    """A digitised spectrum in neutrino mode."""

    table: str
    variable: str
    unit: str
    title: str

    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the bins."""
        columns = read_table(DATA / f"miniboone_{self.table}.txt").columns
        return columns[f"{self.variable}_low"], columns[f"{self.variable}_high"]

    def windows(self) -> list[Window]:
        """What each bin counts."""
        low, high = self.edges()
        if self.variable == "cos":
            return [Window(cosine=(float(a), float(b))) for a, b in zip(low, high, strict=True)]
        return [Window(visible=(max(float(a), LEAST_ENERGY), float(b))) for a, b in zip(low, high, strict=True)]


SPECTRA: Mapping[str, Spectrum] = {
    "evis": Spectrum("evis", "E", "GeV", "visible energy"),
    "costheta": Spectrum("costheta", "cos", "1", "angle to the beam"),
}


def experiment(
    spectrum: Spectrum, *, name: str, version: int, title: str, signals: Mapping[str, Any], **more: Any
) -> Experiment:
    """Return an experiment of a digitised spectrum.

    Parameters
    ----------
    spectrum
        Of SPECTRA.
    name, version, title, signals
        Of the experiment.
    **more
        Other fields of `Experiment`.
    """
    columns = read_table(DATA / f"miniboone_{spectrum.table}.txt").columns
    data, background = columns["data"], columns["background"]
    low, high = spectrum.edges()
    return Experiment(
        name=name,
        version=version,
        title=title,
        signals=signals,
        likelihood=GaussianFractional(
            fractional=_errors(background),
            background=background,
            data=data,
            control=np.empty(0),
            control_data=np.empty(0),
            log_determinant=False,
        ),
        data=data,
        background=background,
        signal_bins=np.arange(data.size),
        coordinates={f"{spectrum.variable}_low": low, f"{spectrum.variable}_high": high},
        coordinate_units={f"{spectrum.variable}_{end}": spectrum.unit for end in ("low", "high")},
        data_sets=frozenset({release.data_set("fhc")}),
        **more,
    )


def _errors(background: np.ndarray) -> np.ndarray:
    """Fractional covariance of signal and background, without the signal's variance, shape (2 bins,) squared."""
    bins = background.size
    fractional = np.zeros((2 * bins, 2 * bins))
    fractional[bins:, bins:] = COMMON * COMMON
    own = np.arange(bins, 2 * bins)
    fractional[own, own] += EACH * EACH + 1 / background
    return fractional
