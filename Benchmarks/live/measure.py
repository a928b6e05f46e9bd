#!/usr/bin/env python3
"""Measures the live page in headless Chromium; prints a Markdown table.

Needs a release build and the package `chromium`:  Benchmarks/live/measure.py [--pipeline FILE]

Times are CPU time of processes where load would distort wall time, wall time where it is what a
reader waits for; the latter wants a quiet machine.
"""
import argparse
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import threading
import time

FIGURE = json.dumps({
    "description": "Bars", "data": {"values": [{"a": c, "b": i} for i, c in enumerate("ABCDEFGH")]},
    "mark": "bar", "encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}}})

TALKER = """
import json, os, sys, time
rate, seconds = int(sys.argv[1]), float(sys.argv[2])
channel = os.fdopen(int(os.environ["PIPELINE_FD"]), "w", buffering=1 << 16)
def say(**message): channel.write(json.dumps(message) + "\\n")
say(type="hello", protocol=1, name="talker")
begin, step = time.monotonic(), 0
while time.monotonic() - begin < seconds:
    for _ in range(max(1, rate // 100)):
        if step % 2: say(type="log", level="info", message=f"step {step} of the training, loss {1 / (step + 1):.6f}")
        else: say(type="metric", name="loss", step=step, value=1 / (step + 1))
        step += 1
    channel.flush()
    if rate < 1000000: time.sleep(max(0, begin + step / rate - time.monotonic()))
open(sys.argv[3], "w").write(str(step))
say(type="result", outputs=["o"], metrics={"events": step})
channel.flush()
"""


class Browser:
    """Chromium through --remote-debugging-pipe."""

    def __init__(self):
        read, self.write = os.pipe()
        self.read, write = os.pipe()

        def prepare():
            copies = os.dup(read), os.dup(write)
            os.dup2(copies[0], 3)
            os.dup2(copies[1], 4)

        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--user-data-dir=" + self.folder.name, "about:blank"],
            preexec_fn=prepare, close_fds=False, stderr=subprocess.DEVNULL)
        os.close(read), os.close(write)
        self.numbers, self.replies, self.news = itertools.count(1), {}, threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        rest = b""
        while data := os.read(self.read, 1 << 20):
            *messages, rest = (rest + data).split(b"\0")
            with self.news:
                for message in map(json.loads, messages):
                    if "id" in message: self.replies[message["id"]] = message
                self.news.notify_all()

    def send(self, method, session=None, **params):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if session: message["sessionId"] = session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        with self.news:
            assert self.news.wait_for(lambda: number in self.replies, 120), method
            reply = self.replies.pop(number)
        assert "error" not in reply, reply
        return reply["result"]

    def open(self, address):
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"], target)
        page.send("Page.enable")
        page.send("Page.navigate", url=address)
        return page

    def close(self):
        self.process.kill()
        self.process.wait()


class Page:
    def __init__(self, browser, session, target):
        self.browser, self.session, self.target = browser, session, target

    def send(self, method, **params): return self.browser.send(method, self.session, **params)

    def evaluate(self, expression):
        return self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)["result"].get("value")

    def wait(self, expression, seconds=300):
        end = time.time() + seconds
        while time.time() < end:
            if self.evaluate(f"Boolean({expression})"): return
            time.sleep(0.05)
        raise SystemExit("waited in vain for " + expression + ": " + str(self.evaluate("document.body.innerText.slice(0, 500)")))

    def heap(self):
        self.send("HeapProfiler.collectGarbage")
        return self.send("Runtime.getHeapUsage")["usedSize"] / 2**20

    def close(self): self.browser.send("Target.closeTarget", targetId=self.target)


def cpu(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"): return int(line.split()[1]) / 1024


class Project:
    def __init__(self, pipeline, text, files=()):
        self.pipeline, self.folder = pipeline, tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.path = pathlib.Path(self.folder.name)
        (self.path / "paper.yaml").write_text(text)
        for name, content in files: (self.path / name).write_text(content)
        subprocess.run("git init -q . && git config user.name t && git config user.email t@t", shell=True, cwd=self.path, check=True)
        venv = pathlib.Path(__file__).resolve().parents[2] / ".venv"
        if venv.exists(): (self.path / ".venv").symlink_to(venv)

    def start(self, *arguments, **options):
        return subprocess.Popen([self.pipeline, *arguments], cwd=self.path, stderr=subprocess.DEVNULL, text=True, **options)

    def serve(self):
        server = self.start("serve", stdout=subprocess.PIPE)
        return server, server.stdout.readline().strip()


def first_paint(pipeline, browser):
    cells = []
    for index in range(200):
        cells.append(f"  - {{stage: f{index}, run: 'cp ${{inputs.s}} ${{outputs.f}}', inputs: {{s: ./figure{index}.json}}, outputs: {{f: figure/vega-lite}}, show: [{{figure: f}}], sandbox: off}}")
        for part in range(4): cells.append(f"  - text: '## Section {index}.{part}\n\n\n      Words about figure {index}, and a number of them, so that it looks like a text of its own kind.'")
    figures = [(f"figure{index}.json", FIGURE.replace("Bars", f"Bars {index}")) for index in range(200)]
    project = Project(pipeline, "pipeline: v1\nname: long\ncells:\n" + "\n".join(cells) + "\n", figures)
    assert project.start("run", "-q").wait() == 0
    server, address = project.serve()
    page = browser.open(address)
    page.wait("document.querySelector('#bar-state').textContent.includes('up to date')")
    paints, ready = [], []
    for _ in range(5):
        page.send("Page.reload")
        page.wait("performance.getEntriesByName('first-contentful-paint').length && document.querySelector('#bar-state')?.textContent.includes('up to date')")
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        ready.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    size = page.evaluate("performance.getEntriesByType('navigation')[0].decodedBodySize") / 2**20
    count = page.evaluate("[document.querySelectorAll('.part').length, document.querySelectorAll('figure.deferred').length]")
    page.close()
    server.terminate()
    return statistics.median(paints), statistics.median(ready), size, count


def talk(pipeline, browser, rate, seconds, watch=True):
    """CPU of the runner and the server, events that the page saw, memory along the way."""
    text = f"""pipeline: v1
name: talk
cells:
  - stage: talker
    run: ["python3", "${{inputs.code}}", "{rate}", "{seconds}", "${{outputs.o}}"]
    inputs: {{code: ./talker.py}}
    outputs: {{o: text}}
    sandbox: off
"""
    project = Project(pipeline, text, [("talker.py", TALKER)])
    server = page = None
    if watch:
        server, address = project.serve()
        page = browser.open(address)
        page.wait("document.querySelector('#bar-state').textContent.includes('to run')")
        page.evaluate("document.querySelector('#stage-talker').scrollIntoView()")
    served = cpu(server.pid) if watch else 0
    runner = project.start("run", "-q")
    marks, used = [], 0
    begin = time.time()
    while runner.poll() is None:
        try: used = cpu(runner.pid)
        except (OSError, IndexError): break
        if watch and (not marks or time.time() - marks[-1][0] > seconds / 6):
            marks.append((time.time(), memory(server.pid), page.heap()))
        time.sleep(0.2)
    runner.wait()
    duration = time.time() - begin
    events = int((next(project.path.glob("Artifacts/runs/*/events.jsonl"))).read_text().count("\n"))
    result = {"runner": used / duration, "events": events, "seconds": duration}
    if watch:
        page.wait("document.querySelector('#bar-state').textContent.includes('up to date')")
        last = page.evaluate("Number(document.querySelector('.curve-end')?.textContent)")
        result |= {"server": (cpu(server.pid) - served) / duration, "marks": marks, "last": last}
        page.close()
        server.terminate()
    return result


def main():
    parser = argparse.ArgumentParser()
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--pipeline", default=str(root / ".build/release/pipeline"))
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    pipeline = os.path.abspath(options.pipeline)
    browser = Browser()
    try:
        print("| case | measured | target |\n| --- | --- | --- |", flush=True)
        paint, load, size, count = first_paint(pipeline, browser)
        print(f"| first paint, {count[0]} parts, {count[1]} figures still to draw | {paint:.0f} ms, loaded {load:.0f} ms, {size:.1f} MiB | 1,000 ms |", flush=True)
        alone = [talk(pipeline, browser, 1000, options.seconds, watch=False) for _ in range(2)]
        watched = [talk(pipeline, browser, 1000, options.seconds) for _ in range(2)]
        of = lambda runs, key: statistics.median(run[key] for run in runs)
        print(f"| runner at 1,000 events a second, alone and watched | {of(alone, 'runner'):.1%} and {of(watched, 'runner'):.1%} of a core | 10 % more |", flush=True)
        print(f"| server meanwhile; {watched[0]['events']} events, the page's curve ends at step {watched[0]['last']:.0f} | {of(watched, 'server'):.1%} of a core | |", flush=True)
        flood = talk(pipeline, browser, 100_000, options.seconds * 3)
        rate = flood["events"] / flood["seconds"]
        for moment, resident, heap in flood["marks"][1:]:
            print(f"| after {(moment - flood['marks'][0][0]) * rate:,.0f} events at {rate:,.0f} a second | server {resident:.0f} MiB, page {heap:.1f} MiB | bounded |", flush=True)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
