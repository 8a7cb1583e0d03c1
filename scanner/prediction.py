"""The prediction of one model at one point in one experiment, bin by bin."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from scanner import registry, tables
from scanner.errors import Status
from scanner.evaluate import evaluate, signal_at
from scanner.experiments.base import Experiment
from scanner.grid import Block
from scanner.scan import point


def predict(model: str, experiment: str, /, **params: float | str) -> xr.Dataset:
    """Return signal, background and data of an experiment at one point of a model.

    Parameters
    ----------
    model, experiment
        Their names.
    **params
        Values of the model's parameters; defaults where not given.

    Returns
    -------
    xarray.Dataset
        ``signal``, ``background`` and ``data`` [events] over ``bin``, and the scalars ``chi2`` (−2 ln L up to
        the experiment's constant), ``gof``, ``events`` and ``status``.

    Raises
    ------
    InputError
        For an unknown name, or a value outside its range.
    """
    scan = point(registry.model(model), [experiment], params)
    built = tables.build_all(scan)
    results = evaluate(scan, built, Block(0, 0, (), ()))
    found = scan.members()[experiment].experiment
    signal = np.zeros(found.data.size)
    signal[found.signal_bins] = signal_at(scan, built, experiment)
    if results["status"][0] != Status.ok:
        signal[:] = np.nan
    dataset = xr.Dataset(
        {name: ("bin", values, {"units": "events"}) for name, values in _spectra(found, signal).items()},
        {name: ("bin", v, _units(found.coordinate_units, name)) for name, v in found.coordinates.items()},
        {"model": model, "experiment": experiment, **found.attributes()},
    )
    for name in ("chi2", "gof", "events"):
        dataset[name] = float(results[name][0])
    dataset["status"] = Status(int(results["status"][0])).name
    dataset.attrs["parameters"] = {p.name: p.shown(float(scan.parameters[p.name].array)) for p in scan.model.parameters}
    return dataset


def _spectra(found: Experiment, signal: np.ndarray) -> dict[str, np.ndarray]:
    return {"signal": signal, "background": found.background, "data": found.data}


def _units(units: Mapping[str, str], name: str) -> dict[str, str]:
    return {"units": units[name]} if name in units else {}
