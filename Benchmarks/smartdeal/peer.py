"""The same decomposition with NumPy and SciPy, block by block, as the papers' code does it.

Usage: peer.py FOLDER, which holds the sample that smartdeal-benchmark wrote. Prints processor time a
block, and how many non-zeros were found.
"""

import json
import sys
import time

import numpy
import scipy.linalg

folder = sys.argv[1]
theta, iterations, tolerance, rcond, largest = 4e-3, 30, 1e-10, 1e-10, 32.0


def rounded(c):
    """Each non-zero to the nearest power of two, ties to the smaller."""
    magnitude, exponent = numpy.frexp(numpy.abs(c))  # 0.5 <= magnitude < 1
    power = numpy.ldexp(1.0, exponent - 1 + (magnitude > 0.75))
    return numpy.where(c == 0, 0.0, numpy.sign(c) * numpy.minimum(power, largest))


def decompose(a):
    c, previous = a.copy(), None
    for _ in range(iterations - 1):
        q = rounded(c)
        if previous is not None and numpy.linalg.norm(q - previous) <= tolerance:
            break
        previous = q
        b = scipy.linalg.lstsq(q, a, cond=rcond, check_finite=False)[0]
        c = scipy.linalg.lstsq(b.T, a.T, cond=rcond, check_finite=False)[0].T
        c[numpy.abs(c) < theta] = 0
    q = rounded(c)
    return q, scipy.linalg.lstsq(q, a, cond=rcond, check_finite=False)[0]


data = numpy.fromfile(f"{folder}/sample.bin", numpy.float32).astype(numpy.float64)
shapes = json.load(open(f"{folder}/sample.json"))
blocks, start = [], 0
for count, rows, columns in shapes:
    for _ in range(count):
        blocks.append(data[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
decompose(blocks[0])
nonzeros, begun = 0, time.process_time()
for block in blocks:
    nonzeros += numpy.count_nonzero(decompose(block)[0])
print("peer-cpu", (time.process_time() - begun) / len(blocks) * 1e3, "ms/block")
print("peer-blocks", len(blocks))
print("peer-nonzeros", nonzeros)
