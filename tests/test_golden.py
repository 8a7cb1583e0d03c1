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
    (
        "sterile_3p1_invisible_decay",
        1,
        "miniboone",
        1,
        {"dm2_41": 0.6, "m4_Gamma4": 0.3, "Ue4_sq": 0.02, "Umu4_sq": 0.03},
        361.3642906,
        55.82943152,
        156.0213637,
    ),
    (
        "sterile_3p1_matter",
        1,
        "miniboone",
        1,
        {"dm2_41": 0.6, "V_s": -6e-10, "Ue4_sq": 0.005, "Umu4_sq": 0.01},
        369.5754452,
        65.20629313,
        36.62730821,
    ),
    (
        "quasi_sterile",
        1,
        "miniboone",
        1,
        {"delta_M3_sq": 1.0, "theta_S3": 0.2, "delta_M2_sq": 0.5, "theta_S2": 0.1, "E_res": 0.25},
        367.6076378,
        63.2374181,
        50.76979948,
    ),
    ("sterile_3p1", 1, "lsnd", 2, {"dm2_41": 1.3, "Ue4_sq": 0.01, "Umu4_sq": 0.02}, 11.046771, 11.046771, 8.16589488),
    (
        "sterile_3p1",
        1,
        "karmen",
        1,
        {"dm2_41": 1.3, "Ue4_sq": 0.01, "Umu4_sq": 0.02},
        7.91852157,
        7.91852157,
        1.99606548,
    ),
    ("sterile_3p1", 1, "gallium", 3, {"dm2_41": 2.0, "Ue4_sq": 0.05}, 14.0950762, 14.0950762, -0.59520647),
    ("sterile_3p1", 1, "reactor_rates", 3, {"dm2_41": 0.4, "Ue4_sq": 0.02}, 7.97902529, 7.97902529, -0.905382674),
    ("sterile_3p1", 1, "cdhs", 3, {"dm2_41": 5.0, "Umu4_sq": 0.04}, 28.449031, 28.449031, -1.77124899),
    (
        "sterile_3p1_matter",
        1,
        "lsnd",
        2,
        {"dm2_41": 1.3, "V_s": 1.6e-8, "Ue4_sq": 0.01, "Umu4_sq": 0.02},
        6.29241329,
        6.29241329,
        33.9535578,
    ),
    (
        "sterile_3p1_matter",
        1,
        "cdhs",
        3,
        {"dm2_41": 2.0, "V_s": -5e-10, "Umu4_sq": 0.02},
        31.8324845,
        31.8324845,
        -1.10198252,
    ),
    (
        "quasi_sterile",
        1,
        "karmen",
        1,
        {"delta_M3_sq": 5.0, "theta_S3": 0.3, "E_res": 0.3},
        6.84423973,
        6.84423973,
        0.430339289,
    ),
    (
        "quasi_sterile",
        1,
        "gallium",
        3,
        {"delta_M1_sq": 1.3, "theta_S1": 0.2, "delta_M3_sq": 1.0, "E_res": 0.002},
        18.7505686,
        18.7505686,
        -0.770732834,
    ),
    (
        "quasi_sterile",
        1,
        "reactor_rates",
        3,
        {"delta_M1_sq": 0.5, "theta_S1": 0.1, "delta_M3_sq": 1.0, "E_res": 0.02},
        13.8770628,
        13.8770628,
        -0.183565874,
    ),
    (
        "sterile_3p1_visible_decay",
        1,
        "miniboone",
        1,
        {"m4": 60.0, "g_phi": 2.0, "m_phi_over_m4": 0.6, "Ue4_sq": 0.01, "Umu4_sq": 0.01},
        351.6060826,
        42.25014059,
        690.2030073,
    ),
    (
        "sterile_3p1_visible_decay",
        1,
        "lsnd",
        2,
        {"m4": 60.0, "g_phi": 2.0, "m_phi_over_m4": 0.6, "Ue4_sq": 0.01, "Umu4_sq": 0.01},
        14.3017099,
        14.3017099,
        6.801003386,
    ),
    (
        "flavour_changing_bremsstrahlung",
        1,
        "miniboone",
        1,
        {"m_phi": 100.0, "lambda_emu": 0.5},
        363.0898352,
        56.1897635,
        209.0008843,
    ),
    ("sterile_3p1", 1, "icecube_8yr", 1, {"dm2_41": 5.0, "Umu4_sq": 0.04}, 0.869166751, 0.869166751, 5.1536),
    (
        "sterile_3p1",
        1,
        "microboone_inclusive",
        1,
        {"dm2_41": 1.3, "Ue4_sq": 0.05, "Umu4_sq": 0.02},
        122.190186,
        122.190186,
        -3709.1829,
    ),
    (
        "electron_neutrino_excess",
        1,
        "microboone_inclusive",
        1,
        {"strength": 0.002, "slope": 4.0},
        94.4587066,
        94.4587066,
        35.3749074,
    ),
]

HEAVY_NEUTRINOS = [
    # model, its version, experiment, its version, signal, its version, parameters, chi2, events
    (
        "hnl",
        2,
        "t2k_nd280_hnl",
        1,
        "decay_in_flight",
        1,
        {"m_N": 0.35, "Umu4_sq": 1e-08, "Ue4_sq": 2e-09, "nature": "majorana"},
        160.347594,
        149.86207,
    ),
    ("hnl", 2, "ps191", 1, "decay_in_flight", 1, {"m_N": 0.2, "Umu4_sq": 1e-06}, 24.8170921, 26.2775581),
    ("hnl", 2, "microboone_kdar", 1, "decay_in_flight", 1, {"m_N": 0.1, "Umu4_sq": 5e-06}, 3.74489504, 2.92837332),
    (
        "hnl",
        2,
        "microboone_numi",
        1,
        "decay_in_flight",
        1,
        {"m_N": 0.2, "Umu4_sq": 1e-07, "nature": "majorana"},
        31.1549413,
        27.3143592,
    ),
    ("hnl", 2, "argoneut", 1, "decay_in_flight", 1, {"m_N": 0.7, "Utau4_sq": 0.001}, 5.43636864, 3.05201112),
    ("hnl", 2, "sbnd_hnl", 1, "decay_in_flight", 1, {"m_N": 0.3, "Umu4_sq": 0.01}, 8221.87685, 7.11094041e13),
    (
        "hnl_dipole",
        1,
        "dune_nd_hnl",
        1,
        "decay_in_flight",
        1,
        {"m_N": 0.25, "Umu4_sq": 1e-10, "mu_tr_mu": 1e-07},
        1584.79177,
        7196232.81,
    ),
    (
        "hnl_dark_photon",
        1,
        "peak_na62_mu",
        1,
        "peak_search",
        1,
        {"m_N": 0.25, "Umu4_sq": 1e-08, "m_Zprime": 0.1, "epsilon": 0.001, "alpha_D": 0.1, "UD4_sq": 0.1},
        7.27770938e-26,
        3.7764678e-13,
    ),
    (
        "hnl_alp",
        1,
        "t2k_nd280_hnl_recast",
        1,
        "decay_in_flight",
        1,
        {"m_N": 0.2, "Umu4_sq": 1e-07, "m_a": 0.03, "f_a": 1000.0, "c_N": 1.0, "c_e": 1.0},
        4538.804,
        3817537.59,
    ),
    (
        "hnl",
        2,
        "lnv_kaon",
        1,
        "lepton_number_violation",
        1,
        {"m_N": 0.3, "Umu4_sq": 1e-05, "nature": "majorana"},
        0.0138114545,
        0.221032961,
    ),
    (
        "hnl_dipole",
        1,
        "miniboone_dif",
        1,
        "decay_spectra",
        1,
        {"m_N": 0.25, "Umu4_sq": 1e-9, "mu_tr_mu": 3.5e-9},
        196.221457,
        467.635695,
    ),
    (
        "hnl_alp",
        1,
        "miniboone_dif",
        1,
        "decay_spectra",
        1,
        {"m_N": 0.15, "Umu4_sq": 8e-7, "m_a": 0.02, "f_a": 100.0, "c_e": 1.0, "c_N": 0.4},
        267.418109,
        2616.94563,
    ),
    ("hnl", 2, "published_Umu4_nutev", 1, "published_bound", 1, {"m_N": 0.9, "Umu4_sq": 1e-06}, 128.254697, 64.1273485),
    ("seesaw_mriss", 1, "bbn", 1, "bbn", 1, {"m_D": 1e-05, "Lambda": 0.3, "mu_prime": 1e-05}, 1317.25788, 56.0749775),
]


@pytest.mark.parametrize("golden", HEAVY_NEUTRINOS, ids=lambda g: f"{g[0]}-{g[2]}")
def test_heavy_neutrino(golden: tuple) -> None:  # type: ignore[type-arg]
    model, model_version, experiment, experiment_version, signal, signal_version, parameters, chi2, events = golden
    versions = registry.model(model).version, registry.experiment(experiment).version, registry.signal(signal).VERSION
    found = predict(model, experiment, **parameters)
    assert float(found["chi2"]) == pytest.approx(chi2, rel=1e-6, abs=0)
    assert float(found["events"]) == pytest.approx(events, rel=1e-6, abs=0)
    assert versions == (model_version, experiment_version, signal_version)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda g: f"{g[0]}-{g[2]}")
def test_prediction(golden: tuple) -> None:  # type: ignore[type-arg]
    model, model_version, experiment, experiment_version, parameters, chi2, gof, events = golden
    found = predict(model, experiment, **parameters)
    assert float(found["chi2"]) == pytest.approx(chi2, rel=1e-6)
    assert float(found["gof"]) == pytest.approx(gof, rel=1e-6)
    assert float(found["events"]) == pytest.approx(events, rel=1e-6)
    assert registry.model(model).version == model_version
    assert registry.experiment(experiment).version == experiment_version
    assert registry.signal("oscillation").VERSION == registry.signal("surface").VERSION == 1


def test_sterile_probability() -> None:
    found = registry.model("sterile_3p1").probability(
        "mu", "e", [0.6, 2.0], 295.0, density=2.6, dm2_41=1.0, Ue4_sq=0.02, Umu4_sq=0.01, delta14=0.7, delta24=-0.4
    )
    np.testing.assert_allclose(found, [0.0465555817785, 0.0110355557539], rtol=1e-9)
