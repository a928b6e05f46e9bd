"""SmartDeal beside the same procedure in NumPy and SciPy, in one run, one thread each.

Builds the benchmark, sets up a venv with the peers, and runs both in turn. Times are processor time, so
that a busy machine hardly changes them; ratios are the median over the rounds. Usage: measure.py [ROUNDS]
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3


def run(*command, **options):
    return subprocess.run(command, check=True, cwd=here, **options)


venv = here / ".venv"
if not (venv / ".ready").exists():
    run("/usr/bin/python3", "-m", "venv", str(venv))
    run(str(venv / "bin/pip"), "install", "--quiet", "numpy", "scipy")
    (venv / ".ready").touch()
# In a folder of its own: a package is known by its folder's name, and a checkout may be called smartdeal.
run("swift", "build", "-c", "release", "--package-path", "program")

environment = dict(os.environ)
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    environment[name] = "1"
found = {}


def collect(*command):
    output = run(*command, env=environment, capture_output=True, text=True).stdout
    for line in output.splitlines():
        name, value = line.split()[:2]
        found.setdefault(name, []).append(float(value))


program = str(here / "program/.build/release/smartdeal-benchmark")
with tempfile.TemporaryDirectory() as folder:
    for _ in range(rounds):
        collect(program, folder, "decompose")
        collect(str(venv / "bin/python"), "peer.py", folder)
        collect(program, folder, "joint", "code")
    collect(program, folder, "large")

ratio = statistics.median(p / m for p, m in zip(found["peer-cpu"], found["sample-cpu"]))
same = set(found["peer-nonzeros"]) == set(found["sample-nonzeros"])
print("| case | measured | wanted |\n|---|---|---|")
print(f"| decomposing a block, here | {min(found['decompose-cpu']) * 1e3:.1f} µs | |")
print(f"| the same in NumPy and SciPy | {min(found['peer-cpu']) * 1e3:.0f} µs | |")
print(f"| ratio, processor time | {ratio:.0f}× | ≥ 20× |")
print(f"| non-zeros of the sample are equal | {'yes' if same else 'no'} | yes |")
print(f"| two threads over one, wall clock | {max(found['two-threads-speedup']):.2f}× | ≥ 1.8× |")
print(f"| peak memory, 11.2 M weights | {max(found['decompose-memory']):.0f} MiB | < 1 GiB |")
print(f"| joint rounding of a block | {min(found['joint-cpu']) * 1e3:.1f} µs | |")
for name in ("bitmap", "dense", "rowBitmap", "rle4", "entropy"):
    decode, encode = max(found[f"decode-{name}"]), max(found[f"encode-{name}"])
    print(f"| {name}: decoding, encoding | {decode:.2f} GB/s, {encode:.0f} MB/s | ≥ 1, ≥ 200 |")
for copies in (10, 42):
    size = found[f"large-{copies}-weights"][0] / 1e6
    time, memory = found[f"large-{copies}-cpu"][0], found[f"large-{copies}-memory"][0]
    print(f"| {size:.0f} M weights, layer by layer | {time:.0f} ns a weight, {memory:.0f} MiB | linear, bounded |")
