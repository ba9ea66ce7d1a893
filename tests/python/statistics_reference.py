"""Prints reference values for the formulas of harness/report/src/statistics, as JSON.

usage: statistics_reference.py > harness/report/src/statistics/reference.json

Needs scipy and statsmodels. What they have is taken from them; Tango's interval and Connor's equation are
solved numerically from their definitions, and the bootstrap resamples whole rows, so that none of it goes
the way of the Rust code.
"""

import json
import math

import numpy
import scipy
import statsmodels
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

COUNTS = [(0, 1), (1, 1), (0, 48), (48, 48), (36, 48), (1, 16), (1269, 1692), (45000, 50000)]
SEED_VALUES = [[70.0, 72.5], [81.25, 80.0, 84.5], [12.0, 12.0, 12.0], [1.5, -2.5, 0.25, 3.0, 9.75]]
PAIRS = [(48, 0, 0), (48, 3, 0), (48, 0, 7), (48, 9, 4), (528, 31, 12), (528, 0, 0), (1692, 80, 95),
         (5, 5, 0), (50000, 2600, 2400)]
P_VALUES = [[0.04], [0.01, 0.04, 0.03, 0.005], [1.0, 0.2, 0.2, 0.0001],
            [0.001, 0.6, 0.0049, 0.03, 0.049, 0.9, 0.012, 0.0051, 0.3, 0.02, 0.0004]]
DESIGNS = [(1692, 0.1, 0.05, 0.8), (48, 0.2, 0.05, 0.8), (528, 0.1, 0.1, 0.95), (50000, 0.1, 0.05, 0.8),
           (8041, 0.03, 0.01, 0.9)]


def wilson(right, n, alpha):
    ends = proportion_confint(right, n, alpha=alpha, method="wilson")
    return {"right": right, "n": n, "alpha": alpha, "ends": [100 * float(end) for end in ends]}


def seeds(values, alpha):
    half = stats.t.isf(alpha / 2, len(values) - 1) * stats.sem(values)
    ends = (numpy.mean(values) - half, numpy.mean(values) + half)
    return {"values": values, "alpha": alpha, "mean": float(numpy.mean(values)),
            "sd": float(numpy.std(values, ddof=1)), "ends": [float(end) for end in ends]}


def paired_p(n, worse, better):
    table = [[n - worse - better, worse], [better, 0]]
    exact = min(1.0, float(mcnemar(table, exact=True).pvalue)) if worse + better else 1.0
    fewer, total = min(worse, better), worse + better
    mid = 2 * stats.binom.cdf(fewer - 1, total, 0.5) + stats.binom.pmf(fewer, total, 0.5)
    return {"n": n, "worse": worse, "better": better, "exact": exact, "mid_p": float(mid)}


def tango(n, worse, better, alpha):
    """The changes at which the score test's statistic is the normal quantile."""
    z = stats.norm.isf(alpha / 2)

    def log_likelihood(p_worse, change):
        p_better = p_worse + change
        rest = 1 - p_worse - p_better
        parts = [(worse, p_worse), (better, p_better), (n - worse - better, rest)]
        return sum(k * math.log(max(p, 1e-300)) for k, p in parts if k)

    def statistic(change):
        low, high = max(0.0, -change), (1 - change) / 2
        found = optimize.minimize_scalar(lambda p: -log_likelihood(p, change), bounds=(low, high),
                                         method="bounded", options={"xatol": 1e-14})
        p_worse = max([low, high, float(found.x)], key=lambda p: log_likelihood(p, change))
        variance = (2 * p_worse + change - change * change) / n
        return ((better - worse) / n - change) / math.sqrt(max(variance, 1e-300))

    middle = (better - worse) / n
    tiny = 1e-12
    upper = 1.0 if statistic(1 - tiny) > -z else optimize.brentq(
        lambda change: statistic(change) + z, middle + tiny, 1 - tiny, xtol=1e-13)
    lower = -1.0 if statistic(tiny - 1) < z else optimize.brentq(
        lambda change: statistic(change) - z, tiny - 1, middle - tiny, xtol=1e-13)
    return {"n": n, "worse": worse, "better": better, "alpha": alpha, "ends": [100 * lower, 100 * upper]}


def detectable(n, discordance, alpha, power):
    def excess(change):
        spread = math.sqrt(max(0.0, discordance - change * change))
        needed = stats.norm.isf(alpha / 2) * math.sqrt(discordance) + stats.norm.ppf(power) * spread
        return change * math.sqrt(n) - needed

    change = optimize.brentq(excess, 0.0, discordance, xtol=1e-15)
    return {"n": n, "discordance": discordance, "alpha": alpha, "power": power, "points": 100 * change}


def bootstrap(cells, shared, n_resamples=40_000, alpha=0.05):
    """`cells` are tables, seeds by images; `shared` tells whether all are of the same fine-tunes."""
    generator = numpy.random.default_rng(1)
    tables = [numpy.array(cell) for cell in cells]
    means = numpy.empty(n_resamples)
    for at in range(n_resamples):
        drawn = None
        sums = []
        for table in tables:
            n_seeds, n_images = table.shape
            if drawn is None or not shared:
                drawn = generator.integers(n_seeds, size=n_seeds)
            images = generator.integers(n_images, size=n_images)
            sums.append(table[drawn][:, images].mean())
        means[at] = 100 * numpy.mean(sums)
    ends = numpy.quantile(means, [alpha / 2, 1 - alpha / 2])
    return {"cells": cells, "shared": shared, "alpha": alpha, "standard_error": float(means.std()),
            "ends": [float(end) for end in ends], "mean": float(numpy.mean([t.mean() for t in tables])) * 100}


def made_cell(key, n_seeds, n_images, worse, better):
    """Changes of images that lean each their own way, under seeds that do as well."""
    generator = numpy.random.default_rng(key)
    lean = generator.uniform(0, 2, size=n_images)
    tilt = generator.uniform(0.3, 1.7, size=(n_seeds, 1))
    chance = generator.random((n_seeds, n_images))
    down = chance < worse * lean * tilt
    up = chance > 1 - better * lean
    return (up.astype(int) - down.astype(int)).tolist()


def main():
    cells = [made_cell(key, 3, 48, 0.12, 0.08) for key in (1, 2, 3)]
    print(json.dumps({
        "made_by": f"scipy {scipy.__version__}, statsmodels {statsmodels.__version__}",
        "wilson": [wilson(*pair, alpha) for pair in COUNTS for alpha in (0.05, 0.1)],
        "seeds": [seeds(values, alpha) for values in SEED_VALUES for alpha in (0.05, 0.01)],
        "mcnemar": [paired_p(*pairs) for pairs in PAIRS + [(20, 1, 1), (48, 4, 4)]],
        "tango": [tango(*pairs, alpha) for pairs in PAIRS for alpha in (0.05, 0.1)],
        "holm": [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in P_VALUES],
        "detectable": [detectable(*design) for design in DESIGNS],
        "bootstrap": [bootstrap([made_cell(4, 1, 48, 0.1, 0.1)], False), bootstrap(cells[:1], False),
                      bootstrap(cells, False), bootstrap(cells, True)],
    }))


if __name__ == "__main__":
    main()
