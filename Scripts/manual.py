"""Writes manual pages from what the program says of itself: manual.py PROGRAM FOLDER."""

import json
import pathlib
import re
import subprocess
import sys

SYSTEM_EXITS = [
    ("0", "done; also where there was nothing to do"),
    ("1", "a stage failed, or with --check-claims a claim"),
    ("2", "wrong usage"),
    ("3", "the pipeline file is invalid"),
    ("4", "an input is missing"),
    ("5", "damaged content"),
    ("6", "locked by another process"),
    ("7", "disk or supervisor"),
    ("8", "not reproducible"),
    ("9", "work to do (status --check)"),
    ("10", "different (diff --exit-code, export --check)"),
    ("130, 143", "interrupted"),
]


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(("\\&" + line) if line[:1] in ".'" else line for line in text.split("\n"))


def name(argument):
    """An option with its value as it is typed, such as -C, --directory FOLDER."""
    value = argument.get("valueName", "value")
    if argument["kind"] == "positional":
        return "\\fI" + escape(value) + "\\fR"
    spellings = []
    for one in argument.get("names", []):
        dashes = {"short": "-", "long": "--", "longWithSingleDash": "-"}[one["kind"]]
        spellings.append("\\fB" + escape(dashes + one["name"]) + "\\fR")
    text = ", ".join(spellings)
    return text + (" \\fI" + escape(value) + "\\fR" if argument["kind"] == "option" else "")


def paragraphs(text):
    """Prose is filled; lines that start with spaces stand as they are."""
    lines = []
    inside = False
    for line in text.split("\n"):
        indented = line.startswith("  ")
        if indented != inside:
            lines.append(".EX" if indented else ".EE")
            inside = indented
        lines.append(escape(line) if line.strip() else ".PP")
    if inside:
        lines.append(".EE")
    return lines


def page(command, words, version):
    title = "-".join(words)
    lines = [
        f'.TH "{escape(title).upper()}" 1 "" "pipeline {version}" "pipeline"',
        ".SH NAME",
        f"{escape(title)} \\- {escape(command.get('abstract', '').rstrip('.'))}",
        ".SH SYNOPSIS",
        "\\fB" + escape(" ".join(words)) + "\\fR",
    ]
    arguments = [a for a in command.get("arguments", []) if a.get("shouldDisplay", True)]
    for argument in arguments:
        text = name(argument)
        lines.append(f"[{text}]" if argument.get("isOptional") else text)
    if command.get("discussion"):
        lines.append(".SH DESCRIPTION")
        lines += paragraphs(command["discussion"])
    if arguments:
        lines.append(".SH OPTIONS")
        for argument in arguments:
            lines += [".TP", name(argument), escape(argument.get("abstract", "") or "\\&")]
            if argument.get("defaultValue"):
                lines.append("Default: " + escape(argument["defaultValue"]) + ".")
    children = [c for c in command.get("subcommands", []) if c["commandName"] != "help"]
    if children:
        lines.append(".SH COMMANDS")
        for child in children:
            lines += [
                ".TP",
                "\\fB" + escape("-".join(words + [child["commandName"]])) + "\\fR(1)",
                escape(child.get("abstract", "")),
            ]
    if len(words) == 1:
        lines.append(".SH EXIT STATUS")
        for code, meaning in SYSTEM_EXITS:
            lines += [".TP", code, escape(meaning)]
    else:
        lines += [".SH SEE ALSO", "\\fB" + escape("-".join(words[:-1])) + "\\fR(1)"]
    return title, "\n".join(lines) + "\n"


def write(command, words, version, folder):
    title, text = page(command, words, version)
    (folder / f"{title}.1").write_text(text)
    for child in command.get("subcommands", []):
        if child["commandName"] != "help":
            write(child, words + [child["commandName"]], version, folder)


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    described = subprocess.run(
        [program, "--experimental-dump-help"], check=True, capture_output=True, text=True
    ).stdout
    version = subprocess.run(
        [program, "--version"], check=True, capture_output=True, text=True
    ).stdout.strip()
    command = json.loads(described)["command"]
    write(command, [re.sub(r"[^a-z-]", "", command["commandName"])], version, folder)


main()
