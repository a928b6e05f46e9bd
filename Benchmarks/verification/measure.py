"""Processor seconds of `verify` on published properties, beside recorded ones of alpha-beta-CROWN.

Runs the built program on one thread, stage process by stage process, without the cache. Needs the mirror:
PIPELINE_MIRROR, or ../shared/mirror beside the project. Usage: measure.py [ROUNDS]
"""

import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[2]
mirror = pathlib.Path(os.environ.get("PIPELINE_MIRROR", root.parent / "shared/mirror"))
program = root / ".build/release/pipeline"
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3

# What to verify, and the processor seconds that alpha-beta-CROWN was recorded with, Python's start included.
rows = [
    ("base", "base_easy", 565, 20.8), ("base", "base_easy", 212, 21.6), ("base", "base_easy", 557, 18.2),
    ("base", "base_easy", 178, 20.6), ("base", "base_med", 27, 38.8), ("base", "base_hard", 5, 27.1),
    ("deep", "deep", 0, 66.7), ("wide", "wide", 7, 29.7),
]
instances = [("base", 4549, 8.5), ("base", 5303, 23.0), ("deep", 8406, 5.3), ("deep", 5168, 76.6)]


def find(pattern):
    found = sorted(mirror.glob(f"raw.githubusercontent.com/{pattern}"))
    if not found:
        sys.exit(f"{mirror} has no {pattern}; set PIPELINE_MIRROR to a mirror with the verification data")
    return str(found[0])


cases = []
for network, table, row, recorded in rows:
    published = "oval-group/GNN_branching/*"
    cases.append((f"{table} {row}", recorded, [
        "--network", find(f"{published}/onnx_models/cifar_{network}_kw.onnx"),
        "--property", find(f"{published}/cifar_exp/{table}.pkl"), "--row", str(row),
        "--images", find("**/test_batch")]))
for network, image, recorded in instances:
    oval = "stanleybak/vnncomp2021/*/benchmarks/oval21"
    cases.append((f"oval21 {network} img{image}", recorded, [
        "--network", find(f"{oval}/**/cifar_{network}_kw.onnx"),
        "--property", find(f"{oval}/**/cifar_{network}_kw-img{image}-*.vnnlib")]))

print("| property | verdict | branches | CPU s, median | recorded | ratio |\n| --- | --- | --- | --- | --- | --- |")
ratios = []
with tempfile.TemporaryDirectory() as out:
    for name, recorded, arguments in cases:
        times = []
        for _ in range(rounds):
            subprocess.run(
                [program, "stage", "run", "verify", "--force", "--quiet", "--jobs", "1", "--out", out, *arguments],
                check=True, cwd=root, stdout=subprocess.DEVNULL)
            result = json.loads((pathlib.Path(out) / "result.json").read_text())
            times.append(result["cpu-seconds"])
        ratios.append(statistics.median(times) / recorded)
        print(f"| {name} | {result['verdict']} | {result['branches']} | {statistics.median(times):.2f} | "
              f"{recorded} | {ratios[-1]:.4f} |", flush=True)
mean = math.exp(statistics.fmean(map(math.log, ratios)))
print(f"\nGeometric mean of the ratios: {mean:.4f}")
