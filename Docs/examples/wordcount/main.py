"""Counts words: a whole stage in Python, to copy from."""
import collections
import csv
import json
import os
import re
import sys

channel = os.fdopen(int(os.environ["PIPELINE_FD"]), "w", buffering=1)


def say(kind, **fields):
    """Sends one message to the runner; what is printed goes to the log instead."""
    channel.write(json.dumps({"type": kind, **fields}) + "\n")


request = json.loads(sys.stdin.readline())
say("hello", protocol=1, name=request["stage"], version=request["version"])

try:
    with open(request["inputs"]["text"]["path"], encoding="utf-8") as file:
        lines = file.readlines()
except UnicodeDecodeError as error:
    say("error", code="bad-input", message=f"the text is not UTF-8: {error.reason}",
        location={"slot": "text"})
    sys.exit(1)

counts = collections.Counter()
for number, line in enumerate(lines, start=1):
    counts.update(re.findall(r"\w+", line.lower()))
    say("progress", done=number, total=len(lines), unit="line")

with open(request["outputs"]["counts"]["path"], "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["word", "count"])
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    writer.writerows(ranked[: request["params"]["top"]])

print(f"{len(counts)} different words")
say("result", outputs=["counts"], metrics={"words": counts.total()})
