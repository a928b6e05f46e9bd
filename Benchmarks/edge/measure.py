"""Edge optimisation beside Python's libraries, in one run on one thread.

Builds the benchmark, sets up a venv with the peers (Debian's python3-torch reads the published tables),
and runs both in turn. Times are of the processor, but for the case on two threads: each case's fastest;
ratios are the median over the rounds.
Usage: measure.py [MIRROR] [ROUNDS]
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
given = sys.argv[1] if len(sys.argv) > 1 else root.parent / "shared/mirror"
mirror = str(pathlib.Path(given).resolve())
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
peers = ["numpy<2", "pandas", "scipy", "cvxpy", "scikit-learn", "xgboost"]
limits = {"transfer": 2, "optimizer-training": 60, "direct": 0.05, "sampled": 1}
# The peer has one thread for each, also for the case of two here.
wanted = {"import": 0.2, "srcc": 0.2, "srcc-2-threads": 0.2, "adaproxy": 0.05,
          "adaproxy-l1": 0.05, "adaproxy-max": 0.05, "gbdt": 1, "gp": 1}


def run(*command, **options):
    return subprocess.run(command, check=True, cwd=here, **options)


venv = here / ".venv"
if not (venv / ".ready").exists():
    run("/usr/bin/python3", "-m", "venv", "--system-site-packages", str(venv))
    run(str(venv / "bin/pip"), "install", "--quiet", *peers)
    (venv / ".ready").touch()
run("swift", "build", "-c", "release", "--package-path", str(root), "--product", "CTorch")
# In a folder of its own: a package is known by its folder's name, and a checkout may be called edge.
run("swift", "build", "-c", "release", "--package-path", "program")

environment = dict(os.environ, LD_LIBRARY_PATH=str(root / ".build/release"))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    environment[name] = "1"
times, results = {}, {}
with tempfile.TemporaryDirectory() as folder:
    programs = {
        "Swift": [str(here / "program/.build/release/edge-benchmark"), mirror, folder],
        "Python": [str(venv / "bin/python"), "peer.py", mirror, folder],
    }
    for _ in range(rounds):
        for program, command in programs.items():
            output = run(*command, env=environment, capture_output=True, text=True).stdout
            for line in output.splitlines():
                name, value = line.split()[0], float(line.split()[-1])
                if "=" in line:
                    results[name, program] = value
                else:
                    times.setdefault((name, program), []).append(value)

print("| case | here | peer | here / peer | wanted |\n|---|---|---|---|---|")
for name, goal in wanted.items():
    ours, theirs = times[name, "Swift"], times[name.removesuffix("-2-threads"), "Python"]
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print(f"| {name} | {min(ours):.3g} s | {min(theirs):.3g} s | {ratio:.3g} | ≤ {goal} |")
print("\n| case | here | wanted |\n|---|---|---|")
for name, goal in limits.items():
    print(f"| {name} | {min(times[name, 'Swift']):.3g} s | ≤ {goal} s |")
print("\n| result | here | peer |\n|---|---|---|")
for name in dict.fromkeys(name for name, _ in results):
    both = [f"{results[name, p]:.6g}" if (name, p) in results else "" for p in programs]
    print(f"| {name} | {both[0]} | {both[1]} |")
