"""Golden values: a prediction that changes must raise the physics version of what changed it.

If a test here fails after a change of physics that is right, raise VERSION in the file of the model, the
experiment or the signal concerned, and renew the numbers: stores made before will then be refused instead of
being mixed with new points.
"""

from __future__ import annotations

import numpy as np
import pytest

from scanner import registry
from scanner.prediction import predict

GOLDEN = [
    # model, its version, experiment, its version, parameters, chi2, gof, events
    ("two_flavour", 1, "miniboone_fhc", 1, {"dm2": 0.4, "sin2_2theta": 0.01}, 201.1532466, 15.6977033, 444.6819460),
    ("two_flavour", 1, "miniboone_rhc", 1, {"dm2": 0.4, "sin2_2theta": 0.01}, 143.8102096, 13.5097544, 52.5031856),
    ("two_flavour", 1, "miniboone", 1, {"dm2": 7.0, "sin2_2theta": 0.002}, 359.8371696, 52.6121617, 334.2325720),
    (
        "sterile_3p1",
        1,
        "miniboone",
        1,
        {"dm2_41": 1.3, "Ue4_sq": 0.01, "Umu4_sq": 0.02},
        363.2787023,
        57.4333766,
        179.8884555,
    ),
]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda g: f"{g[0]}-{g[2]}")
def test_prediction(golden: tuple) -> None:  # type: ignore[type-arg]
    model, model_version, experiment, experiment_version, parameters, chi2, gof, events = golden
    found = predict(model, experiment, **parameters)
    assert float(found["chi2"]) == pytest.approx(chi2, rel=1e-6)
    assert float(found["gof"]) == pytest.approx(gof, rel=1e-6)
    assert float(found["events"]) == pytest.approx(events, rel=1e-6)
    assert registry.model(model).version == model_version
    assert registry.experiment(experiment).version == experiment_version
    assert registry.signal("oscillation").VERSION == 1


def test_sterile_probability() -> None:
    found = registry.model("sterile_3p1").probability(
        "mu", "e", [0.6, 2.0], 295.0, density=2.6, dm2_41=1.0, Ue4_sq=0.02, Umu4_sq=0.01, delta14=0.7, delta24=-0.4
    )
    np.testing.assert_allclose(found, [0.0465555817785, 0.0110355557539], rtol=1e-9)
