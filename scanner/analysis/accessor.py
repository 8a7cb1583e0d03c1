"""``ds.scan``: what is done with an opened cube, as methods of the Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from scanner.analysis import contours, fits, totals
from scanner.analysis.axes import check_axes, nearest
from scanner.analysis.contours import Contour
from scanner.analysis.fits import BestFit
from scanner.analysis.surface import surface
from scanner.errors import InputError, Status, did_you_mean


@xr.register_dataset_accessor("scan")
class ScanAccessor:
    """Sums, fits, profiles, contours and limits of an opened cube.

    Everything follows from −2 ln L as stored: sums are in float64 and in order of name, Δχ² is taken once, after the
    sum and the profile, and a point that is not ok is NaN and never a number. ``experiments`` are names to be summed,
    all by default; ``at`` are values at which axes are fixed, the nearest of the grid being taken.

    Parameters
    ----------
    dataset
        An opened cube.
    """

    def __init__(self, dataset: xr.Dataset):
        self._dataset = dataset

    def total(self, experiments: Sequence[str] | None = None) -> xr.DataArray:
        """Return the lazy sum of −2 ln L: see `scanner.analysis.totals.total`."""
        return totals.total(self._dataset, experiments)

    def best_fit(self, experiments: Sequence[str] | None = None) -> BestFit:
        """Return the best fit: see `scanner.analysis.fits.best_fit`."""
        return fits.best_fit(self._dataset, experiments)

    def delta(self, experiments: Sequence[str] | None = None) -> xr.DataArray:
        """Return −2 ln L minus its global minimum over all axes, as lazy as the cube.

        Attributes: ``minimum``, ``best_fit``, ``experiments``.
        """
        best, chi2 = self.best_fit(experiments), self.total(experiments)
        delta = (chi2 - best.chi2).rename("delta_chi2")
        facts = {"minimum": best.chi2, "best_fit": best.point, "experiments": list(best.experiments)}
        return delta.assign_attrs(long_name=r"$\Delta\chi^2$", units="1", **facts)

    def profile(
        self, *keep: str, experiments: Sequence[str] | None = None, at: Mapping[str, float] | None = None
    ) -> xr.DataArray:
        """Return Δχ² over the axes named, the others profiled: see `scanner.analysis.surface.surface`."""
        return surface(self._dataset, keep, experiments, at)

    def contour(
        self,
        x: str | None = None,
        y: str | None = None,
        cl: float | Sequence[float] = 0.90,
        dof: int = 2,
        method: str = "wilks",
        toys: xr.Dataset | None = None,
        experiments: Sequence[str] | None = None,
        at: Mapping[str, float] | None = None,
    ) -> tuple[Contour, ...]:
        """Return contours as curves: see `scanner.analysis.contours.contours`."""
        return contours.contours(self._dataset, x, y, cl, dof, method, toys, experiments, at)

    def slice(self, **at: float) -> xr.Dataset:
        """Return the cube at the grid values nearest to those given, its other axes untouched.

        Raises
        ------
        InputError
            For an unknown axis, or a value beyond its ends.
        """
        check_axes(at, [str(name) for name in self._dataset["chi2"].dims if name != "experiment"], "slice")
        return self._dataset.isel({name: nearest(self._dataset[name], value, "slice") for name, value in at.items()})

    def sel_status(self, *names: str) -> xr.Dataset:
        """Return the cube with only those points of each experiment that have one of these statuses.

        Elsewhere numbers are NaN and the status is ``missing``.

        Raises
        ------
        InputError
            For a name that is no status.
        """
        known = [status.name for status in Status]
        for name in names:
            if name not in known:
                raise InputError(
                    "status", f"unknown: {name!r}", allowed=", ".join(known), hint=did_you_mean(name, known)
                )
        codes = [int(Status[name]) for name in names]
        return self._dataset.map(_keep_statuses, keep_attrs=True, dataset=self._dataset, codes=codes)


def _keep_statuses(values: xr.DataArray, dataset: xr.Dataset, codes: list[int]) -> xr.DataArray:
    """Blank what has another status: the experiment's own, or the sum's for a stored sum."""
    status = dataset["total_status" if "experiment" not in values.dims and "total_status" in dataset else "status"]
    kept = values.where(status.isin(codes), np.uint8(Status.missing) if values.dtype.kind == "u" else np.nan)
    return kept.transpose(*values.dims).assign_attrs(values.attrs)
