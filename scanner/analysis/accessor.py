"""``ds.scan``: what is done with an opened cube, as methods of the Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from scanner.analysis import contours, export, fits, limits, marginal, tension, totals
from scanner.analysis.axes import check_axes, nearest
from scanner.analysis.contours import Contour
from scanner.analysis.fits import BestFit
from scanner.analysis.surface import surface
from scanner.analysis.tension import Tension
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

    Raises
    ------
    InputError
        For a Dataset that is no cube.
    """

    def __init__(self, dataset: xr.Dataset):
        if not {"chi2", "experiment"} <= set(dataset.variables) or "experiments" not in dataset.attrs:
            raise InputError("scan", "this Dataset is no opened cube", [str(name) for name in dataset.variables])
        self._dataset = dataset

    def total(self, experiments: Sequence[str] | None = None) -> xr.DataArray:
        """Return the lazy sum of −2 ln L: see `scanner.analysis.totals.total`."""
        return totals.total(self._dataset, experiments)

    def best_fit(self, experiments: Sequence[str] | None = None, refine: bool = False) -> BestFit:
        """Return the best fit, of the grid or off it: see `scanner.analysis.fits.best_fit`."""
        return fits.best_fit(self._dataset, experiments, refine)

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

    def limit(
        self,
        parameter: str,
        along: str | None = None,
        cl: float = 0.90,
        method: str = "delta_chi2",
        dof: int = 1,
        experiments: Sequence[str] | None = None,
        at: Mapping[str, float] | None = None,
        reference: str = "global",
    ) -> xr.Dataset:
        """Return limits on a parameter along another: see `scanner.analysis.limits.limits`."""
        return limits.limits(self._dataset, parameter, along, cl, method, dof, experiments, at, reference)

    def marginalise(
        self,
        *keep: str,
        priors: Mapping[str, str | Sequence[float] | np.ndarray] | None = None,
        experiments: Sequence[str] | None = None,
    ) -> xr.DataArray:
        """Return a posterior density over the axes named: see `scanner.analysis.marginal.marginalise`."""
        return marginal.marginalise(self._dataset, keep, priors, experiments)

    def tension(self, groups: Mapping[str, Sequence[str]], dof: int | None = None) -> Tension:
        """Return how well groups of experiments agree: see `scanner.analysis.tension.tension`."""
        return tension.tension(self._dataset, groups, dof)

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

    def to_csv(
        self,
        path: str | Path,
        *keep: str,
        experiments: Sequence[str] | None = None,
        at: Mapping[str, float] | None = None,
    ) -> Path:
        """Write a profile as comma-separated columns: see `scanner.analysis.export.to_csv`."""
        return export.to_csv(self._dataset, path, keep, experiments, at)

    def to_hepdata(
        self,
        folder: str | Path,
        *keep: str,
        experiments: Sequence[str] | None = None,
        at: Mapping[str, float] | None = None,
        cl: Sequence[float] = (0.90,),
    ) -> Path:
        """Write a profile and its contours for HEPData: see `scanner.analysis.export.to_hepdata`."""
        return export.to_hepdata(self._dataset, folder, keep, experiments, at, cl)


def _keep_statuses(values: xr.DataArray, dataset: xr.Dataset, codes: list[int]) -> xr.DataArray:
    """Blank what has another status: the experiment's own, or the sum's for a stored sum."""
    status = dataset["total_status" if "experiment" not in values.dims and "total_status" in dataset else "status"]
    kept = values.where(status.isin(codes), np.uint8(Status.missing) if values.dtype.kind == "u" else np.nan)
    return kept.transpose(*values.dims).assign_attrs(values.attrs)
