"""
The same rules in idiomatic NumPy, for a comparison in one run.

Reads one JSON command per line from stdin, replies with one JSON object per line on stdout, and ends with its stdin:

    {"do": "hello"}                                       versions
    {"do": "load", "file", "n", "d"}                      reads an n x d float32 matrix, row-major
    {"do": "variants", "rule", "parameters"}              the ways to compute this rule in NumPy
    {"do": "time", "rule", "variant", "parameters", "repeats", "columns"}
                                                          seconds of each repeat, the result at these columns

A rule may have several variants; the comparison uses the fastest exact one. "exact" is false for a variant that loses
precision: distances by a Gram matrix are fast, but wrong for updates that are close together.
"""

import itertools
import json
import math
import signal
import sys
import time

import numpy as np

try:
    from scipy.spatial.distance import pdist, squareform
    import scipy
except ImportError:
    scipy = None

MAX_SUBSETS = 20_000


# --- distances ----------------------------------------------------------------------------------------------


def distances_direct(x):
    n = len(x)
    table = np.zeros((n, n))
    for i in range(n - 1):
        away = x[i + 1 :] - x[i]
        table[i, i + 1 :] = table[i + 1 :, i] = np.einsum("ij,ij->i", away, away)
    return table


def distances_scipy(x):
    return squareform(pdist(x, "sqeuclidean"))


def distances_gram(x):
    gram = x @ x.T
    norms = np.diag(gram)
    return np.maximum(norms[:, None] + norms[None, :] - 2 * gram, 0)


distances = distances_direct if scipy is None else distances_scipy
distances_name = "direct loop" if scipy is None else "scipy pdist"


# --- coordinate-wise rules ----------------------------------------------------------------------------------


def trimmed_by_sort(x, f):
    return np.sort(x, axis=0)[f : len(x) - f].mean(axis=0)


def trimmed_by_partition(x, f):
    last = len(x) - f - 1
    return np.partition(x, (f, last), axis=0)[f : last + 1].mean(axis=0)


def median_by_sort(x):
    ordered = np.sort(x, axis=0)
    n = len(x)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) * np.float32(0.5)


def nearest_to(x, center, count):
    """Per coordinate, the mean of the `count` values closest to the center."""
    order = np.argpartition(np.abs(x - center), count - 1, axis=0)[:count]
    return np.take_along_axis(x, order, axis=0).mean(axis=0)


# --- rules that select or weigh rows ------------------------------------------------------------------------


def krum_scores(table, neighbors):
    away = table + np.diag(np.full(len(table), np.inf))
    return np.sort(away, axis=1)[:, :neighbors].sum(axis=1)


def krum(x, f, between=None):
    n = len(x)
    return x[np.argmin(krum_scores((between or distances)(x), n - f - 2))].copy()


def multi_krum(x, f):
    n = len(x)
    best = np.argsort(krum_scores(distances(x), n - f - 2), kind="stable")[: n - f]
    return x[best].mean(axis=0)


def bulyan(x, f):
    n = len(x)
    table = distances(x)
    left, chosen = list(range(n)), []
    while len(chosen) < n - 2 * f:
        part = table[np.ix_(left, left)]
        neighbors = max(1, len(left) - f - 2)
        chosen.append(left.pop(int(np.argmin(krum_scores(part, neighbors)))))
    selected = x[sorted(chosen)]
    return nearest_to(selected, np.median(selected, axis=0), len(chosen) - 2 * f)


def mda(x, f):
    n = len(x)
    table = distances(x)
    best = min(
        itertools.combinations(range(n), n - f),
        key=lambda subset: table[np.ix_(subset, subset)].max(),
    )
    return x[list(best)].mean(axis=0)


def monna(x, f):
    away = x - x[0]
    nearest = np.argsort(np.einsum("ij,ij->i", away, away), kind="stable")[: len(x) - f]
    return x[nearest].mean(axis=0)


def cge(x, f):
    nearest = np.argsort(np.einsum("ij,ij->i", x, x), kind="stable")[: len(x) - f]
    return x[nearest].mean(axis=0)


def geometric_median(x, nu, tolerance, iterations):
    z = np.zeros(x.shape[1], x.dtype)
    for _ in range(iterations):
        away = x - z
        length = np.sqrt(np.einsum("ij,ij->i", away, away))
        weights = 1 / np.maximum(length, nu)
        moved = (weights / weights.sum()).astype(x.dtype) @ x
        step, z = np.linalg.norm(moved - z), moved
        if step <= tolerance * np.sort(length)[(len(x) - 1) // 2]:
            break
    return z


def centered_clipping(x, tau, iterations):
    v = np.zeros(x.shape[1], x.dtype)
    for _ in range(iterations):
        away = x - v
        length = np.sqrt(np.einsum("ij,ij->i", away, away))
        v = v + np.minimum(1, tau / length).astype(x.dtype) / np.float32(len(x)) @ away
    return v


def caf(x, f):
    n = len(x)
    weights = np.ones(n)
    least, best = math.inf, None
    while weights.sum() > n - 2 * f:
        center = (weights / weights.sum()).astype(x.dtype) @ x
        away = x - center
        root = np.sqrt(weights / weights.sum())
        gram = (away @ away.T) * root[:, None] * root[None, :]
        values, vectors = np.linalg.eigh(gram.astype(np.float64))
        top = values[-1]
        if top < least:
            least, best = top, center
        if top <= 0:
            break
        # The eigenvector of the covariance is away.T @ (root * u) / sqrt(top), so the projections follow from u.
        kept = weights > 0
        projections = np.zeros(n)
        projections[kept] = top * (vectors[kept, -1] / root[kept]) ** 2
        weights = np.where(kept, weights * (1 - projections / projections.max()), 0)
    return best


def smea(x, f):
    n = len(x)
    table = distances(x)
    least, best = math.inf, None
    for subset in itertools.combinations(range(n), n - f):
        part = table[np.ix_(subset, subset)]
        means = part.mean(axis=0)
        gram = -0.5 * (part - means[:, None] - means[None, :] + means.mean())
        top = np.linalg.eigvalsh(gram)[-1]
        if top < least:
            least, best = top, subset
    return x[list(best)].mean(axis=0)


def nnm(x, f):
    n = len(x)
    nearest = np.argpartition(distances(x), n - f - 1, axis=1)[:, : n - f]
    mix = np.zeros((n, n), x.dtype)
    np.put_along_axis(mix, nearest, np.float32(1 / (n - f)), axis=1)
    return mix @ x


# --- the list -----------------------------------------------------------------------------------------------


def variants(rule, x, p):
    """[(name, exact, function)] of a rule; empty if NumPy's plain search would take too long."""
    n = len(x)
    f = p.get("f", 0)
    subsets_end = math.comb(n, f) <= MAX_SUBSETS
    one = np.full(n, 1 / n, x.dtype)
    table = {
        "mean": [
            ("w @ x", True, lambda: one @ x),
            ("np.mean", True, lambda: np.mean(x, axis=0)),
        ],
        "median": [
            ("np.median", True, lambda: np.median(x, axis=0)),
            ("np.sort, middle", True, lambda: median_by_sort(x)),
        ],
        "trimmed-mean": [
            ("np.sort + mean", True, lambda: trimmed_by_sort(x, f)),
            ("np.partition + mean", True, lambda: trimmed_by_partition(x, f)),
        ],
        "meamed": [("argpartition", True, lambda: nearest_to(x, median_by_sort(x), n - f))],
        "phocas": [("argpartition", True, lambda: nearest_to(x, trimmed_by_sort(x, f), n - f))],
        "sign-vote": [("np.sign, sum", True, lambda: np.sign(np.sign(x).sum(axis=0)))],
        "distances": [
            ("direct loop", True, lambda: distances_direct(x)),
            ("Gram matrix", False, lambda: distances_gram(x)),
        ],
        "krum": [
            (distances_name, True, lambda: krum(x, f)),
            ("Gram matrix", False, lambda: krum(x, f, distances_gram)),
        ],
        "multi-krum": [(distances_name, True, lambda: multi_krum(x, f))],
        "bulyan": [(distances_name, True, lambda: bulyan(x, f))],
        "mda": [(distances_name, True, lambda: mda(x, f))] if subsets_end else [],
        "monna": [("einsum", True, lambda: monna(x, f))],
        "geometric-median": [
            ("Weiszfeld", True, lambda: geometric_median(x, p["nu"], p["tolerance"], p["maxIterations"])),
        ],
        "centered-clipping": [("einsum", True, lambda: centered_clipping(x, p["tau"], p["iterations"]))],
        "cge": [("einsum", True, lambda: cge(x, f))],
        "caf": [("Gram matrix, eigh", True, lambda: caf(x, f))],
        "smea": [(distances_name, True, lambda: smea(x, f))] if subsets_end else [],
        "nnm > trimmed-mean": [(distances_name, True, lambda: trimmed_by_sort(nnm(x, f), f))],
    }
    if scipy is not None:
        table["distances"].insert(0, ("scipy pdist", True, lambda: distances_scipy(x)))
    return table.get(rule, [])


def answer(command, state):
    action = command["do"]
    if action == "hello":
        return {
            "python": sys.version.split()[0],
            "numpy": np.__version__,
            "scipy": None if scipy is None else scipy.__version__,
        }
    if action == "load":
        state["x"] = None
        state["x"] = np.fromfile(command["file"], "<f4").reshape(command["n"], command["d"])
        return {}
    listed = variants(command["rule"], state["x"], command["parameters"])
    if action == "variants":
        return {"variants": [{"name": name, "exact": exact} for name, exact, _ in listed]}
    function = next(function for name, _, function in listed if name == command["variant"])
    seconds = []
    for _ in range(command["repeats"]):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    flat = np.asarray(result, np.float64).reshape(-1)
    return {"seconds": seconds, "probe": [float(flat[k]) for k in command["columns"]]}


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when this ends
    state = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except Exception as error:  # every failure belongs to the command that caused it
            reply = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


main()
