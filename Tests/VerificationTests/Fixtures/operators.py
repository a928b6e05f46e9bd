"""Writes small networks as PyTorch exports them, and what PyTorch computes with them in float64.

Usage: operators.py FOLDER. Leaves NAME.onnx for each network, and FOLDER/answers.json with
inputs and outputs, flattened, under each name.
"""

import json
import pathlib
import sys
import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")
folder = pathlib.Path(sys.argv[1])
torch.manual_seed(3)


class Do(nn.Module):
    """A function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Past(nn.Module):
    """The sum of two ways, the second one taken first where `early`."""

    def __init__(self, main, past=None, early=False):
        super().__init__()
        self.main, self.past, self.early = nn.Sequential(*main), nn.Sequential(*(past or [])), early

    def forward(self, x):
        if self.early:
            past = self.past(x)
            return past + self.main(x)
        return self.main(x) + self.past(x)


def conv(i=2, o=2, k=3, **options):
    return nn.Conv2d(i, o, k, **options)


def norm2(n=2):
    return nn.BatchNorm2d(n)


plane, row = (1, 2, 6, 6), (1, 4)
mean, deviation = torch.rand(1, 2, 1, 1), 0.5 + torch.rand(1, 2, 1, 1)


def end():
    return [nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)]


networks = {
    "norm-after-conv": (plane, [conv(padding=1), norm2(), *end()]),
    "norm-before-conv": (plane, [conv(), nn.ReLU(), norm2(), conv(padding=1), *end()]),
    "norm-of-input": (plane, [norm2(), conv(padding=1), *end()]),
    "norm-after-dense": (row, [nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)]),
    "norm-before-dense": (row, [nn.Linear(4, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 3)]),
    "scaled-input": (plane, [Do(lambda x: (x - mean) / deviation), conv(padding=1), *end()]),
    "subtracted": (row, [nn.Linear(4, 5), Do(lambda x: 0.3 - 2 * x), nn.ReLU(), Do(lambda x: -x), nn.Linear(5, 3)]),
    "average-pool": (plane, [conv(padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.LazyLinear(3)]),
    "average-pool-padded": (plane, [conv(), nn.ReLU(), nn.AvgPool2d(3, 2, 1), conv(k=2), *end()]),
    "average-pool-first": (plane, [conv(padding=1), nn.AvgPool2d(2), *end()]),
    "global-average": (plane, [conv(o=3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(3)]),
    "mean": (plane, [conv(o=3), nn.ReLU(), Do(lambda x: x.mean((2, 3))), nn.LazyLinear(3)]),
    "max-pool": (plane, [conv(padding=1), nn.ReLU(), nn.MaxPool2d(2), conv(k=2), *end()]),
    "max-pool-overlapping": (plane, [conv(padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), *end()]),
    "max-pool-of-conv": (plane, [conv(padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(3)]),
    "max-pool-of-input": (plane, [nn.MaxPool2d(2), conv(k=2), *end()]),
    "max-pool-twice": (plane, [conv(padding=1), nn.ReLU(), nn.MaxPool2d(2, 1), nn.MaxPool2d(2, 2), *end()]),
    "leaky-conv": (plane, [conv(), nn.LeakyReLU(0.2), conv(padding=1), nn.LeakyReLU(0.1), nn.Flatten(), nn.LazyLinear(3)]),
    "leaky-dense": (row, [nn.Linear(4, 5), nn.LeakyReLU(0.2), nn.Linear(5, 4), nn.LeakyReLU(0.3), nn.Linear(4, 3)]),
    "leaky-pool": (plane, [conv(), nn.LeakyReLU(0.2), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(3)]),
    "slopes": (plane, [conv(), nn.PReLU(2), conv(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)]),
    "clipped": (row, [nn.Linear(4, 5), nn.Hardtanh(-0.2, 0.3), nn.Linear(5, 3)]),
    "clipped-conv": (plane, [conv(), nn.ReLU6(), conv(padding=1), Do(lambda x: x.clamp(min=0.1)), nn.Flatten(), nn.LazyLinear(3)]),
    "clipped-above": (row, [nn.Linear(4, 5), Do(lambda x: x.clamp(max=0.2)), nn.Linear(5, 3)]),
    "absolute": (row, [nn.Linear(4, 5), Do(torch.abs), nn.Linear(5, 3)]),
    "groups": (plane, [conv(o=4), nn.ReLU(), conv(4, 4, groups=2, padding=1), *end()]),
    "depthwise-dilated": (plane, [conv(o=2, groups=2, dilation=2, padding=2), *end()]),
    "convs-in-a-row": (plane, [conv(o=3, stride=2, padding=1), conv(3, 2, 2), *end()]),
    "pointwise-then-padded": (plane, [conv(o=3, k=1), conv(3, 2, padding=1), *end()]),
    "padded-in-a-row": (plane, [conv(o=3, padding=1), conv(3, 2, padding=1), *end()]),
    "dropout": (row, [nn.Linear(4, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3)]),
    "rectified-input": (row, [nn.ReLU(), nn.Linear(4, 3)]),
    "residual": (plane, [conv(padding=1), nn.ReLU(), Past([conv(padding=1), nn.ReLU(), conv(padding=1)]), *end()]),
    "residual-strided": (plane, [conv(padding=1), norm2(), nn.ReLU(), Past(
        [conv(o=3, padding=1, stride=2), norm2(3), nn.ReLU(), conv(3, 3, padding=1), norm2(3)],
        [conv(o=3, k=1, stride=2), norm2(3)]), *end()]),
    "residual-late-stride": (plane, [conv(padding=1), nn.ReLU(), Past(
        [conv(o=3, k=1), nn.ReLU(), conv(3, 3, padding=1, stride=2), nn.ReLU(), conv(3, 2, 1)],
        [conv(k=1, stride=2)], early=True), *end()]),
    "residual-twice": (plane, [conv(padding=1), nn.ReLU(), Past([conv(padding=1), nn.ReLU(), conv(padding=1)]), nn.ReLU(),
        Past([conv(o=3, padding=1), nn.ReLU(), conv(3, padding=1)]), nn.AvgPool2d(2), *end()]),
    "residual-dense": (row, [nn.Linear(4, 5), nn.ReLU(), Past([nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 5)]), nn.ReLU(), nn.Linear(5, 3)]),
    "residual-dense-projected": (row, [nn.Linear(4, 5), nn.ReLU(), Past(
        [nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 4), nn.ReLU()], [nn.Linear(5, 4, bias=False)]), nn.ReLU(), nn.Linear(4, 3)]),
    "ends-rectified": (plane, [conv(), nn.LeakyReLU(0.2)]),
}

answers = {}
for name, (shape, layers) in networks.items():
    network = nn.Sequential(*layers)
    network(torch.rand(*shape).expand(2, *shape[1:]))
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
        elif isinstance(layer, nn.PReLU):
            layer.weight.data.uniform_(0.1, 0.9)
    network.eval()
    torch.onnx.export(
        network, torch.rand(*shape), folder / f"{name}.onnx", dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE if name == "dropout" else torch.onnx.TrainingMode.EVAL,
        do_constant_folding=False)
    network.double()
    mean, deviation = mean.double(), deviation.double()
    inputs = [torch.randn(*shape).double() for _ in range(3)]
    answers[name] = {
        "inputs": [x.flatten().tolist() for x in inputs],
        "outputs": [network(x).flatten().tolist() for x in inputs],
    }
    mean, deviation = mean.float(), deviation.float()
(folder / "answers.json").write_text(json.dumps(answers))
