"""Writes the standard's own conformance cases for some operators, as the `onnx` package makes them.

Usage: cases.py FOLDER OPERATOR.... Leaves NAME.onnx for each case, FOLDER/index.txt with their names,
and FOLDER/arrays.npz with NAME/in0, NAME/out0, ….
"""

import pathlib
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
from onnx.backend.test.case.node import collect_testcases  # noqa: E402

folder, operators = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
plain = {np.dtype(name) for name in (
    "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")}

names, entries = [], {}
for case in sorted(collect_testcases(None), key=lambda case: case.name):
    graph = case.model.graph
    if not {node.op_type for node in graph.node} <= operators:
        continue
    inputs, outputs = case.data_sets[0]
    if not all(isinstance(value, (np.ndarray, np.generic)) and value.dtype in plain
               for value in [*inputs, *outputs]):
        continue
    names.append(case.name)
    (folder / f"{case.name}.onnx").write_bytes(case.model.SerializeToString())
    for kind, values in (("in", inputs), ("out", outputs)):
        for position, value in enumerate(values):
            entries[f"{case.name}/{kind}{position}"] = np.asarray(value, order="C")
(folder / "index.txt").write_text("\n".join(names))
np.savez(folder / "arrays.npz", **entries)
