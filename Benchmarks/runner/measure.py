"""Measures the runner against make, ninja, DVC, Snakemake, redun and OpenSSL.

Every figure is CPU time (user and system, children included) of whole processes, the median of
several runs, so that the load of the machine matters little. Peers do the same work in the same
sitting: chains of ten `cp` stages.
"""
import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def cpu(command, folder, runs=5, check=True, environment=None):
    """The median CPU seconds of a command, and the peak memory of the last run in MiB."""
    times = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if check and done.returncode not in (0, 10):
            sys.exit(f"{command} failed:\n{done.stdout.decode()[-2000:]}")
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)


def peak(command, folder):
    """Peak memory of a command in MiB."""
    code = ("import resource,subprocess,sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL,"
            " stderr=subprocess.DEVNULL);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    output = subprocess.check_output([sys.executable, "-c", code, *command], cwd=folder)
    return int(output) / 1024


def previous(index):
    return f"s{index - 1}" if index % 10 else None


def git(folder):
    subprocess.run("git init -q . && git add -A && git -c user.name=b -c user.email=b@localhost "
                   "commit -qm start", shell=True, cwd=folder, check=True)


def write_pipeline(folder, count, sandbox="off"):
    lines = ["pipeline: v1", "name: chains", "cells:"]
    for index in range(count):
        source = f"{previous(index)}.y" if previous(index) else "./a.txt"
        lines += [f"  - stage: s{index}", '    run: ["cp", "${inputs.x}", "${outputs.y}"]',
                  f"    inputs: {{x: {source}}}", "    outputs: {y: {kind: file}}",
                  f'    env: {{N: "{index}"}}', f"    sandbox: {sandbox}"]
    (folder / "paper.yaml").write_text("\n".join(lines) + "\n")
    (folder / "a.txt").write_text("hello")


def write_make(folder, count):
    rules = [f"all: {' '.join(f's{i}' for i in range(count))}"]
    for index in range(count):
        rules.append(f"s{index}: {previous(index) or 'a.txt'}\n\tcp $< $@")
    (folder / "Makefile").write_text("\n".join(rules) + "\n")
    (folder / "a.txt").write_text("hello")


def write_ninja(folder, count):
    rules = ["rule cp", "  command = cp $in $out"]
    rules += [f"build s{i}: cp {previous(i) or 'a.txt'}" for i in range(count)]
    (folder / "build.ninja").write_text("\n".join(rules) + "\n")
    (folder / "a.txt").write_text("hello")


def write_dvc(folder, count):
    lines = ["stages:"]
    for index in range(count):
        source = previous(index) or "a.txt"
        lines += [f"  s{index}:", f"    cmd: cp {source} s{index}", f"    deps: [{source}]",
                  f"    outs: [s{index}]"]
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")
    (folder / "a.txt").write_text("hello")
    git(folder)
    subprocess.run(["dvc", "init", "-q"], cwd=folder, check=True)


def write_snakemake(folder, count):
    names = ", ".join(f'"s{i}"' for i in range(count))
    lines = ["rule all:", f"    input: {names}"]
    for index in range(count):
        lines += [f"rule r{index}:", f'    input: "{previous(index) or "a.txt"}"',
                  f'    output: "s{index}"', '    shell: "cp {input} {output}"']
    (folder / "Snakefile").write_text("\n".join(lines) + "\n")
    (folder / "a.txt").write_text("hello")


def write_redun(folder, count):
    (folder / "flow.py").write_text(f'''from redun import task, File

redun_namespace = "bench"

@task()
def copy(source: File, target: str):
    with open(source.path) as a, open(target, "w") as b:
        b.write(a.read())
    return File(target)

@task()
def main():
    results, last = [], None
    for index in range({count}):
        last = copy(last if index % 10 else File("a.txt"), f"s{{index}}")
        results.append(last)
    return results
''')
    (folder / "a.txt").write_text("hello")


PEERS = {
    "make": (write_make, ["make", "-j2", "-s", "all"], ["make", "-j2", "-s", "all"]),
    "ninja": (write_ninja, ["ninja", "-j2", "--quiet"], ["ninja", "-j2", "--quiet"]),
    "DVC": (write_dvc, ["dvc", "repro", "-q"], ["dvc", "repro", "-q"]),
    "Snakemake": (write_snakemake, ["snakemake", "-j2", "-q", "all"],
                  ["snakemake", "-j2", "-q", "all"]),
    "redun": (write_redun, ["redun", "run", "flow.py", "main"],
              ["redun", "run", "flow.py", "main"]),
}


# DVC rewrites its whole lock file for every stage: its first run of 1,000 takes a quarter of an hour.
COUNTS = {"DVC": 200}


class Table:
    def __init__(self):
        self.rows = []

    def add(self, case, ours, target, *ratios):
        row = f"| {case} | {ours} | {target} | {'; '.join(ratios)} |"
        print(row, flush=True)
        self.rows.append(row)


def ms(seconds):
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def ratio(value):
    return f"{value:.2f}×" if value < 10 else f"{value:.0f}×"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--peers", default="make,ninja,DVC,Snakemake,redun")
    parser.add_argument("--big", action="store_true", help="also 10,000 stages")
    options = parser.parse_args()
    ours = str(Path(options.pipeline).resolve())
    root = Path(tempfile.mkdtemp(prefix="bench-"))
    table = Table()
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if "model name" in l), "?")
    print(f"{model}, {os.cpu_count()} cores, {platform.release()}; CPU time, medians\n")
    print("| case | pipeline | target | beside |\n| --- | --- | --- | --- |")

    table.add("`pipeline --help`", ms(cpu([ours, "--help"], root, 15)), "30 ms")

    noop = {}
    first = {}
    counts = [100, 1000, 5000] + ([10000] if options.big else [])
    for count in sorted(set(counts) | set(COUNTS.values())):
        folder = root / f"ours{count}"
        folder.mkdir()
        write_pipeline(folder, count)
        git(folder)
        time.sleep(1.2)  # younger files are not trusted unread
        first[count] = cpu([ours, "run", "-q"], folder, 1)
        cpu([ours, "run", "-q"], folder, 1)
        noop[count] = cpu([ours, "run", "-q"], folder)

    peers = {}
    for name in options.peers.split(","):
        write, run, again = PEERS[name]
        if not shutil.which(run[0]):
            print(f"({name} is not installed)", file=sys.stderr)
            continue
        folder = root / name
        folder.mkdir()
        count = COUNTS.get(name, 1000)
        write(folder, count)
        started = cpu(run, folder, 1, check=False) / count
        repeated = cpu(again, folder, 5 if name in ("make", "ninja") else 2, check=False)
        peers[name] = (started, repeated, count)

    targets = {100: "10 ms", 1000: "40 ms", 5000: "200 ms", 10000: "12 × of 1,000, 300 MiB"}
    for count in counts:
        beside = []
        if count == 1000:
            beside = [f"{name} {ms(again)}, {ratio(again / noop[stages])}"
                      + ("" if stages == 1000 else f" (at {stages} stages)")
                      for name, (_, again, stages) in peers.items()]
        beside.append(f"{peak([ours, 'run', '-q'], root / f'ours{count}'):.0f} MiB")
        table.add(f"nothing to do, {count:,} stages", ms(noop[count]), targets[count], *beside)

    table.add("first run of 1,000 trivial stages, a stage", f"{first[1000]:.2f} ms", "3 ms",
              *[f"{name} {started * 1000:.2f} ms" for name, (started, _, _) in peers.items()])

    boxed = root / "boxed"
    boxed.mkdir()
    write_pipeline(boxed, 200, sandbox="strict")
    table.add("the same in the sandbox, a stage", f"{cpu([ours, 'run', '-q'], boxed, 1) * 5:.2f} ms",
              "10 ms")

    folder = root / "ours1000"
    text = (folder / "paper.yaml").read_text()
    changes = []
    for index in range(7):
        (folder / "paper.yaml").write_text(text.replace('N: "0"', f'N: "change {index}"'))
        changes.append(cpu([ours, "run", "-q"], folder, 1))
    table.add("one stage of 1,000 changed, its users cut off early", ms(statistics.median(changes)),
              "70 ms: 40 of no-op, 3 for each of its chain's 10")

    (folder / "paper.yaml").write_text(text)
    (folder / "a.txt").write_text("other")
    cpu([ours, "run", "-q"], folder, 1)
    table.add("diff of two runs, 1,000 outputs changed",
              ms(cpu([ours, "diff", "latest~1", "latest", "--brief"], folder)), "50 ms")

    big = root / "big"
    big.mkdir()
    (big / "paper.yaml").write_text(
        "pipeline: v1\nname: big\ncells:\n  - stage: a\n    run: 'true'\n"
        "    inputs: {x: ./data}\n")
    data = big / "data"
    # Commands that only look leave no store, and remember nothing, in a project that never ran.
    data.write_text("small")
    cpu([ours, "run", "-q"], big, 1)
    with open(data, "wb") as file:
        for _ in range(2048):
            file.write(os.urandom(1 << 20))
    openssl = cpu(["openssl", "dgst", "-sha256", "data"], big, 2)
    hashed = cpu([ours, "plan"], big, 1)
    table.add("SHA-256 of a 2 GiB file (plan)", ms(hashed), "1.15 × OpenSSL",
              f"OpenSSL {ms(openssl)}, {hashed / openssl:.2f}×")
    data.unlink()
    data.mkdir()
    block = os.urandom(26 << 10)
    for index in range(10000):
        (data / f"f{index}").write_bytes(block[index % 1000:] + str(index).encode())
    time.sleep(1.5)
    table.add("plan over 10,000 new files, 256 MiB", ms(cpu([ours, "plan"], big, 1)), "1.5 s")
    table.add("plan over 10,000 unchanged files", ms(cpu([ours, "plan"], big)), "60 ms")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
