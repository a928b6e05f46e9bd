"""Processor seconds of `verify` on published properties, and of the parts of a search.

Runs the built program on one thread, stage process by stage process, without the cache, beside recorded
seconds of alpha-beta-CROWN; then the benchmark's program and auto_LiRPA in turn, each on one thread. Needs
the mirror: PIPELINE_MIRROR, or ../shared/mirror beside the project. PEER_PYTHON names a Python that has
auto_LiRPA; without it a venv is set up. Usage: measure.py [ROUNDS] [instances | parts]
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
here = pathlib.Path(__file__).resolve().parent
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
what = sys.argv[2] if len(sys.argv) > 2 else "all"

# What to verify, and the processor seconds that alpha-beta-CROWN was recorded with, Python's start included.
rows = [
    ("base", "base_easy", 565, 20.8), ("base", "base_easy", 212, 21.6), ("base", "base_easy", 557, 18.2),
    ("base", "base_easy", 178, 20.6), ("base", "base_med", 27, 38.8), ("base", "base_hard", 5, 27.1),
    ("deep", "deep", 0, 66.7), ("wide", "wide", 7, 29.7),
]
competition = [("base", 4549, 8.5), ("base", 5303, 23.0), ("deep", 8406, 5.3), ("deep", 5168, 76.6)]


def find(pattern):
    found = sorted(mirror.glob(f"raw.githubusercontent.com/{pattern}"))
    if not found:
        sys.exit(f"{mirror} has no {pattern}; set PIPELINE_MIRROR to a mirror with the verification data")
    return str(found[0])


def instances():
    cases = []
    for network, table, row, recorded in rows:
        published = "oval-group/GNN_branching/*"
        cases.append((f"{table} {row}", recorded, [
            "--network", find(f"{published}/onnx_models/cifar_{network}_kw.onnx"),
            "--property", find(f"{published}/cifar_exp/{table}.pkl"), "--row", str(row),
            "--images", find("**/test_batch")]))
    for network, image, recorded in competition:
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
    print(f"\nGeometric mean of the ratios: {mean:.4f}\n")


def peer():
    """A Python with auto_LiRPA, which asks for an older PyTorch than it needs."""
    given = os.environ.get("PEER_PYTHON")
    if given:
        return given
    venv = here / ".venv"
    if not (venv / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin/pip"), "install", "--quiet"]
        subprocess.run([*pip, "torch", "numpy<2", "packaging", "appdirs", "pyyaml", "ninja", "tqdm"], check=True)
        subprocess.run([*pip, "--no-deps", "auto_LiRPA==0.3"], check=True)
        (venv / ".ready").touch()
    return str(venv / "bin/python")


def parts():
    subprocess.run(["swift", "build", "-c", "release"], check=True, cwd=here)
    python = peer()
    environment = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    checkpoint = find("oval-group/GNN_branching/*/models/cifar_base_kw.pth")
    values = {}
    with tempfile.TemporaryDirectory() as folder:
        programs = {
            "here": [str(here / ".build/release/verification-benchmark"), str(mirror), folder],
            "peer": [python, "-W", "ignore", str(here / "peer.py"), checkpoint, f"{folder}/parts.bin",
                     f"{folder}/children.bin"],
        }
        for _ in range(rounds):
            for program, command in programs.items():
                output = subprocess.run(
                    command, check=True, cwd=here, env=environment, capture_output=True, text=True).stdout
                for line in output.splitlines():
                    values.setdefault((program, line.split()[0]), []).append(float(line.split()[-1]))

    def fastest(name, program="here"):
        return min(values[program, name])

    def ratio(name, other, program="here", second="here"):
        return statistics.median(a / b for a, b in zip(values[program, name], values[second, other]))

    print("| part of a search, base network | CPU ms | beside | CPU ms | ratio | wanted |")
    print("| --- | --- | --- | --- | --- | --- |")
    rows = [
        ("a step of 64 parts, auto_LiRPA", "step", "peer", "the same here", "step", "here", "≥ 1.5"),
        ("BaBSR's scores of 64 parts", "babsr", "here", "one backward bound of them", "backward", "here", "≤ 2"),
    ]
    for name, text in (("published", "the published network"), ("whole", "a network that is whole")):
        for layers, which in (("all", ""), ("later", ", without the first layer's scores")):
            rows.append((
                f"a decision by {text}{which}", f"decision-{name}-{layers}", "here", "both children", "children",
                "here", "≤ 0.2"))
    for layers, which in (("all", ""), ("later", ", without the first layer's scores")):
        rows.append((
            f"the same over a whole search by the published network{which}", f"searched-decision-{layers}", "here",
            "both children", f"searched-children-{layers}", "here", "≤ 0.2"))
    steps = fastest("child-steps")
    for value in values["peer", "children-step"]:
        values.setdefault(("peer", "children"), []).append(steps * value)
    for layers, which in (("all", ""), ("later", ", without the first layer's scores")):
        rows.append((
            f"a decision by the published network{which}", f"decision-published-{layers}", "here",
            "both children, auto_LiRPA", "children", "peer", ""))
    for text, name, program, other, second, side, goal in rows:
        print(f"| {text} | {1e3 * fastest(name, program):.3g} | {other} | {1e3 * fastest(second, side):.3g} | "
              f"{ratio(name, second, program, side):.3g} | {goal} |")
    print("\nOver the whole search: " + ", ".join(
        f"{fastest('searched-branches-' + layers):.0f} branches {which}"
        for layers, which in (("all", "with"), ("later", "without"))) + " the first layer's scores; "
        + ", ".join(
            f"{fastest('passes-' + generations):.2f} passes a decision and "
            f"{fastest('search-branches-' + generations):.0f} branches with generations {generations}"
            for generations in ("0", "2")))
    print("\n| root, alpha-CROWN over KW's bounds of layers | steps | short of the LP | CPU s | wanted |")
    print("| --- | --- | --- | --- | --- |")
    for name in dict.fromkeys(name for program, name in values if name.startswith("root-")):
        row = name.removeprefix("root-")
        print(f"| {row.replace('-', ' ')} | {fastest('steps-' + row):.0f} | {100 * fastest('gap-' + row):.2f} % | "
              f"{fastest(name):.3f} | < 0.5, within 1 % |")
    print("\nMean bound of the 64 parts, here and there: before "
          + " and ".join(f"{fastest('bound-after-0', p):.4f}" for p in programs) + ", after 20 steps "
          + " and ".join(f"{fastest('bound-after-20', p):.4f}" for p in programs))


if what in ("all", "instances"):
    instances()
if what in ("all", "parts"):
    parts()
