"""Ratios of tensor operations to the same LibTorch from C++ and from Python, in one run.

Builds the three programs and runs them in turn, so that a busy machine slows all alike. Times are
each case's fastest, ratios the median over the rounds: both of one round ran side by side, whereas
the luckiest round of one program says little about another's. Needs python3-torch and libtorch-dev of one version, and a C++ compiler.
Usage: measure.py [ROUNDS]
"""

import pathlib
import statistics
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
system_python = "/usr/bin/python3"  # Debian's python3-torch is of this one.


def run(*command, **options):
    return subprocess.run(command, check=True, cwd=here, **options)


run("swift", "build", "-c", "release", "--package-path", str(root), "--product", "CTorch")
run("swift", "build", "-c", "release")
build = here / ".build"
run("c++", "-std=c++17", "-O2", "-I/usr/include/torch/csrc/api/include", "peer.cpp", "-o",
    str(build / "peer"), "-ltorch_cpu", "-lc10", "-ldl")

environment = {"LD_LIBRARY_PATH": str(root / ".build/release"), "PATH": "/usr/bin:/bin"}
programs = {
    "Swift": [str(build / "release/tensor-benchmark")],
    "C++": [str(build / "peer")],
    "Python": [system_python, "peer.py"],
}
units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")]


def shown(nanoseconds):
    for size, unit in units:
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


for threads in (1, 2):
    times = {}
    for _ in range(rounds):
        for name, command in programs.items():
            output = run(*command, str(threads), env=environment, capture_output=True, text=True)
            for line in output.stdout.splitlines():
                if line.startswith(("#", "WARNING")):
                    if threads == 1 and name == "Swift" and not times:
                        print(line)
                    continue
                case, time = line.split()
                times.setdefault((case, name), []).append(float(time))
    print(f"\n| {threads} thread{'s'[:threads > 1]} | here | of C++ | of PyTorch from Python |")
    print("|---|---|---|---|")
    for case in dict.fromkeys(case for case, _ in times):
        ours = times[case, "Swift"]
        ratios = [
            f"{statistics.median(a / b for a, b in zip(ours, times[case, peer])):.2f}"
            if (case, peer) in times else "–"
            for peer in ("C++", "Python")]
        print(f"| {case} | {shown(min(ours))} | {ratios[0]} | {ratios[1]} |", flush=True)
