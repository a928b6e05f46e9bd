"""Writes what NumPy says the operators give: one npz entry for each input and result.

Convolutions, pools and normalisations are written out as sums over indices, so that they are
independent of any deep-learning library. Usage: reference.py OUTPUT.npz
"""

import math
import sys

import numpy as np

rng = np.random.default_rng(20)
entries = {}


def case(name, result, *inputs):
    """Keeps one call: its inputs by position, and its result or tuple of results."""
    for index, value in enumerate(inputs):
        entries[f"{name}/in{index}"] = np.asarray(value, order="C")
    results = result if isinstance(result, tuple) else (result,)
    for index, value in enumerate(results):
        entries[f"{name}/out{index}"] = np.asarray(value, order="C")


def normal(*shape):
    return rng.standard_normal(shape)


def each(function):
    return np.vectorize(function, otypes=[float])


x = normal(3, 4)
y = normal(3, 4)
row = normal(4)
positive = np.abs(x) + 0.1
unit = rng.uniform(-0.95, 0.95, (3, 4))
integers = rng.integers(-9, 9, (3, 4))
divisors = rng.integers(1, 5, (3, 4))

case("add", x + row, x, row)
case("subtract", x - row, x, row)
case("multiply", x * row, x, row)
case("divide", x / row, x, row)
case("integer-divide", integers / divisors, integers, divisors)
case("scalar-minus", 3 - x, x)
case("scalar-over", 3 / x, x)
case("floor-divide", integers // divisors, integers, divisors)
case("remainder", integers % divisors, integers, divisors)
case("power", positive**y, positive, y)
case("maximum", np.maximum(x, y), x, y)
case("minimum", np.minimum(x, y), x, y)
case("interpolate", x + 0.3 * (y - x), x, y)
case("add-product", x + 0.5 * y * row, x, y, row)

for name, function, argument in [
    ("exp", np.exp, x), ("expm1", np.expm1, x), ("log", np.log, positive),
    ("log1p", np.log1p, positive), ("log2", np.log2, positive), ("log10", np.log10, positive),
    ("sqrt", np.sqrt, positive), ("rsqrt", lambda v: 1 / np.sqrt(v), positive),
    ("square", np.square, x), ("abs", np.abs, x), ("sign", np.sign, x), ("sin", np.sin, x),
    ("cos", np.cos, x), ("tan", np.tan, x), ("asin", np.arcsin, unit), ("acos", np.arccos, unit),
    ("atan", np.arctan, x), ("sinh", np.sinh, x), ("cosh", np.cosh, x), ("tanh", np.tanh, x),
    ("atanh", np.arctanh, unit), ("erf", each(math.erf), x), ("erfc", each(math.erfc), x),
    ("lgamma", each(math.lgamma), positive),
    ("normalCDF", each(lambda v: 0.5 * math.erfc(-v / math.sqrt(2))), x),
    ("floor", np.floor, 3 * x), ("ceil", np.ceil, 3 * x), ("rounded", np.round, 3 * x),
    ("relu", lambda v: np.maximum(v, 0), x), ("sigmoid", lambda v: 1 / (1 + np.exp(-v)), x),
    ("softplus", lambda v: np.log1p(np.exp(v)), x), ("silu", lambda v: v / (1 + np.exp(-v)), x),
    ("gelu", each(lambda v: 0.5 * v * math.erfc(-v / math.sqrt(2))), x),
    ("elu", lambda v: np.where(v > 0, v, np.expm1(v)), x),
    ("clamp", lambda v: np.clip(v, -0.5, 0.7), x),
]:
    case(name, function(argument), argument)


def log_sum_exp(values, axis):
    top = values.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))


large = 400 * x
case("softmax", np.exp(x) / np.exp(x).sum(1, keepdims=True), x)
case("log-softmax", large - log_sum_exp(large, 1)[:, None], large)
case("log-sum-exp", log_sum_exp(large, 0), large)
case("sum", x.sum(), x)
case("sum-along", x.sum(0), x)
case("mean-along", x.mean(1, keepdims=True), x)
case("variance", x.var(1, ddof=1), x)
case("deviation", x.std(), x)
case("product", x.prod(1), x)
case("max", x.max(0), x)
case("min", x.min(), x)
case("argmax", x.argmax(1), x)
case("argmin", x.argmin(0), x)
case("norm", np.abs(x).sum(1), x)
case("norm2", np.sqrt((x**2).sum()), x)
case("cumulative-sum", x.cumsum(1), x)
case("cumulative-product", x.cumprod(0), x)
case("quantile", np.quantile(x, 0.3, axis=1), x)

case("transpose", x.T, x)
case("flip", x[:, ::-1], x)
case("roll", np.roll(x, 2, 1), x)
case("pad", np.pad(x, ((0, 1), (2, 0)), constant_values=7), x)
case("lower", np.tril(x, -1), x)
case("upper", np.triu(x, 1), x)
case("repeat", np.tile(x, (2, 3)), x)
case("repeat-each", np.repeat(x, 3, 1), x)
case("concatenate", np.concatenate([x, y], 1), x, y)
case("stack", np.stack([x, y], 1), x, y)

a, b = normal(2, 3, 4), normal(2, 4, 5)
case("matmul", a @ b, a, b)
case("matmul-vector", a @ row, a, row)
case("einsum", np.einsum("bij,bjk->bki", a, b), a, b)
case("outer", np.outer(row, x[0]), row, x[0])
square = normal(2, 4, 4)
definite = square @ square.transpose(0, 2, 1) + 0.5 * np.eye(4)
right = normal(2, 4, 2)
factor = np.linalg.cholesky(definite)
case("cholesky", factor, definite)
case("solve", np.linalg.solve(square, right), square, right)
case("cholesky-solve", np.linalg.solve(definite, right), factor, right)
case("triangular-solve", np.linalg.solve(factor, right), factor, right)
case("inverse", np.linalg.inv(square), square)
case("slogdet", tuple(np.linalg.slogdet(square)), square)
case("eigenvalues", np.linalg.eigvalsh(definite), definite)
case("singular-values", np.linalg.svd(a, compute_uv=False), a)
tall = normal(7, 3)
low_rank = np.concatenate([tall, tall[:, :1]], 1)
target = normal(7, 2)
case("least-squares", np.linalg.lstsq(low_rank, target, rcond=None)[0], low_rank, target)
case("distances", np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1)), x, y)

image, kernel, bias = normal(2, 4, 7, 6), normal(6, 2, 3, 2), normal(6)


def convolve(images, weight, offset, stride, padding, dilation, groups):
    count, channels, _, _ = images.shape
    outputs, inner, high, wide = weight.shape
    padded = np.pad(images, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    rows = (padded.shape[2] - dilation[0] * (high - 1) - 1) // stride[0] + 1
    columns = (padded.shape[3] - dilation[1] * (wide - 1) - 1) // stride[1] + 1
    result = np.zeros((count, outputs, rows, columns)) + offset[None, :, None, None]
    for output in range(outputs):
        group = output // (outputs // groups)
        for i in range(rows):
            for j in range(columns):
                for p in range(high):
                    for q in range(wide):
                        pixels = padded[
                            :, group * inner:(group + 1) * inner,
                            i * stride[0] + p * dilation[0], j * stride[1] + q * dilation[1]]
                        result[:, output, i, j] += pixels @ weight[output, :, p, q]
    return result


case("conv2d", convolve(image, kernel, bias, (2, 1), (1, 2), (1, 2), 2), image, kernel, bias)
line, line_kernel = normal(2, 3, 9), normal(5, 3, 4)
case(
    "conv1d",
    convolve(line[:, :, None], line_kernel[:, :, None], np.zeros(5), (1, 2), (0, 1), (1, 1), 1)
    [:, :, 0], line, line_kernel)

# The transpose, by its definition: <conv(x), y> = <x, transposed(y)> for every x.
small, cotangent = (2, 3, 5, 4), normal(2, 6, 3, 2)
transposed_kernel = normal(6, 3, 3, 3)
transposed = np.zeros(small)
for index in np.ndindex(*small):
    basis = np.zeros(small)
    basis[index] = 1
    transposed[index] = (
        convolve(basis, transposed_kernel, np.zeros(6), (2, 2), (1, 1), (1, 1), 1) * cotangent
    ).sum()
case("conv-transposed", transposed, cotangent, transposed_kernel)

windows = np.lib.stride_tricks.sliding_window_view(image, (2, 3), (2, 3))[:, :, ::2, ::1]
case("max-pool", windows.max((-1, -2)), image)
case("average-pool", windows.mean((-1, -2)), image)
case("unfold", np.stack(
    [image[:, c, p:p + 6, q:q + 4].reshape(2, -1)
     for c in range(4) for p in range(2) for q in range(3)], 1), image)
mean, variance = image.mean((0, 2, 3)), image.var((0, 2, 3))
scale, shift = normal(4), normal(4)


def per_channel(values):
    return values[None, :, None, None]


case(
    "batch-norm",
    (image - per_channel(mean)) / np.sqrt(per_channel(variance) + 1e-5) * per_channel(scale)
    + per_channel(shift), image, scale, shift)
case(
    "layer-norm",
    (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * scale + shift, x,
    scale, shift)

classes = np.array([1, 3, 0])
log_probabilities = x - log_sum_exp(x, 1)[:, None]
case("cross-entropy", -log_probabilities[np.arange(3), classes].mean(), x, classes)
case("squared-error", ((x - y) ** 2).mean(), x, y)
case("absolute-error", np.abs(x - y).sum(), x, y)
case("huber", np.where(np.abs(x - y) < 0.5, (x - y) ** 2 / 2, 0.5 * (np.abs(x - y) - 0.25)), x, y)
probability = rng.uniform(0, 1, (3, 4))
case(
    "binary-cross-entropy",
    -(probability * -np.log1p(np.exp(-x)) + (1 - probability) * -np.log1p(np.exp(x))).mean(), x,
    probability)

rows = np.array([2, 0, 2])
case("gather-rows", x[rows], x, rows)
places = rng.integers(0, 3, (3, 4))
case("gather", np.take_along_axis(x, places, 0), x, places)
scattered = np.zeros((3, 4))
np.add.at(scattered, (places, np.arange(4)[None].repeat(3, 0)), y)
case("scatter-add", scattered, places, y)
summed = np.zeros((3, 4))
np.add.at(summed, rows, y)
case("index-add", summed, rows, y)
case("sort", (np.sort(x, 1), np.argsort(x, 1)), x)
case("topk", (-np.sort(-x, 1)[:, :2], np.argsort(-x, 1)[:, :2]), x)
case("search", np.searchsorted(np.sort(row), x.ravel()), np.sort(row), x.ravel())
case("bincount", np.bincount(divisors.ravel(), minlength=7), divisors.ravel())
transform = np.fft.rfft(x, axis=1)
case("fourier", np.stack([transform.real, transform.imag], -1), x)

np.savez(sys.argv[1], **entries)
