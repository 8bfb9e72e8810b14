"""Time the Excess-Mass and Mass-Volume curves against loops as in the public scripts.

    python bench/mass_curves.py

10,000 points in two dimensions and 100,000 uniform points; both ways get the same scores, and
the curves must agree to 1e-12. Then: what scoring the uniform points costs, which all detectors
share.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from latentbook import mass_curves
from latentbook.anomaly import detector
from latentbook.study import records

N, N_UNIFORM = 10_000, 100_000
ALPHA = np.arange(0.9, 0.999, 0.0001)


def best_of(repeats: int, function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the shortest processor time of several calls, and the result."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        times.append(time.process_time() - start)
    return min(times), result


def em_by_loop(t: np.ndarray, s: np.ndarray, s_uniform: np.ndarray, volume: float) -> np.ndarray:
    """Try every observed score as threshold for every t, counting anew each time (Goix 2016)."""
    em = np.zeros(len(t))
    em[0] = 1.0
    for u in np.unique(s):
        mass = 1.0 / len(s) * (s > u).sum()
        em = np.maximum(em, mass - t * (s_uniform > u).sum() / len(s_uniform) * volume)
    return em


def mv_by_loop(s: np.ndarray, s_uniform: np.ndarray, volume: float) -> np.ndarray:
    """Walk down the sorted scores, counting uniform points anew for each mass (Goix 2016)."""
    order, taken, mass = s.argsort(), 0, 0.0
    mv = np.zeros(len(ALPHA))
    for i, alpha in enumerate(ALPHA):
        while mass < alpha:
            taken += 1
            mass = 1.0 / len(s) * taken
        u = s[order[-taken]]
        mv[i] = float((s_uniform >= u).sum()) / len(s_uniform) * volume
    return mv


def curves(s: np.ndarray, s_uniform: np.ndarray, volume: float) -> None:
    """Time both curves and both areas, ours against the loops, and compare the curves."""
    t = np.arange(0, 100 / volume, 0.01 / volume)

    def fresh() -> mass_curves.MassCurves:
        return mass_curves.mass_curves(s, s_uniform, volume, strict=True)

    def em() -> tuple[np.ndarray, float]:
        one = fresh()
        return one.excess_mass(t), one.em_area()

    def mv() -> tuple[np.ndarray, float]:
        one = fresh()
        return one.mass_volume(ALPHA), one.mv_area()

    def both() -> tuple[np.ndarray, float, np.ndarray, float]:
        one = fresh()
        return one.excess_mass(t), one.em_area(), one.mass_volume(ALPHA), one.mv_area()

    slow_em, their_em = best_of(2, lambda: em_by_loop(t, s, s_uniform, volume))
    slow_mv, their_mv = best_of(2, lambda: mv_by_loop(s, s_uniform, volume))
    fast_em, (our_em, em_area) = best_of(9, em)
    fast_mv, (our_mv, mv_area) = best_of(9, mv)
    fast, _ = best_of(9, both)
    for name, slow, quick, goal in (
        ("EM: curve and area", slow_em, fast_em, ""),
        ("MV: curve and area", slow_mv, fast_mv, ""),
        ("both", slow_em + slow_mv, fast, "at least 50 x: "),
    ):
        ratio = f"{goal}{slow / quick:.0f} x"
        print(f"{name:<24} loops {slow:8.4f} s   ours {quick:8.4f} s   {ratio}")
    gaps = np.abs(our_em - their_em).max(), np.abs(our_mv - their_mv).max()
    print(f"largest difference of the curves: EM {gaps[0]:.1e}, MV {gaps[1]:.1e}")
    assert max(gaps) <= 1e-12
    taken = np.argmax(their_em <= 0.9) + 1
    grid_em = np.trapezoid(their_em[:taken], t[:taken])
    grid_mv = np.trapezoid(their_mv, ALPHA)
    print(f"EM area: exact {em_area:.6g}, {taken} grid points {grid_em / em_area - 1:+.2%}")
    print(f"MV area: exact {mv_area:.6g}, {len(ALPHA)} grid points {grid_mv / mv_area - 1:+.2%}")
    all_sets = mass_curves.mass_curves(s, s_uniform, volume)
    print(f"EM area over the sets s >= u: {all_sets.em_area() / em_area - 1:+.2%}")


def scoring(z: np.ndarray, uniform: mass_curves.UniformPoints) -> None:
    """Time the scoring of the uniform points and the standard errors, detector by detector."""
    labels = (z[:, 0] > 0).astype(int)
    for name in ("isolation forest", "local outlier factor", "one-class svm", "class mean"):
        one = detector(name).fit(z, labels)
        seconds, s_uniform = best_of(1, partial(one.score_samples, uniform.points))
        final = mass_curves.mass_curves(
            one.score_samples(z), s_uniform, uniform.volume, batches=uniform.batches
        )
        area_seconds, areas = best_of(1, final.areas)
        print(
            f"{name:<24} scores {seconds:7.3f} s   areas with errors {area_seconds:.3f} s   "
            f"EM {areas.em:.3g} ± {areas.em_error / areas.em:.2%}   "
            f"MV {areas.mv:.4g} ± {areas.mv_error / areas.mv:.2%}"
        )


def main() -> None:
    """Run both parts on a mixture of two Gaussians scored by an isolation forest."""
    print(f"{provenance.device()}, {provenance.versions()['python']}")
    rng = np.random.default_rng(0)
    z = rng.normal(size=(N, 2)) + 4 * rng.integers(0, 2, (N, 1))
    uniform = mass_curves.uniform_points(z, N_UNIFORM)
    forest = detector("isolation forest").fit(z)
    curves(forest.score_samples(z), forest.score_samples(uniform.points), uniform.volume)
    scoring(z, uniform)


if __name__ == "__main__":
    main()
