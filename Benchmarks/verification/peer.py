"""Steps of alpha-beta-CROWN by auto_LiRPA, on parts that verification-benchmark wrote.

Bounds of the ReLUs are given, as they are there; a step is one backward bound of all parts with the gradient
by slopes and multipliers and Adam's update, in float32. Processor seconds of one thread.
Usage: peer.py CHECKPOINT PARTS CHILDREN, the latter the two children of each of some parts
"""

import pathlib
import sys
import time
import types

import numpy
import torch


def older_exporter():
    """Gives auto_LiRPA 0.3 the private names that PyTorch has moved since."""
    import torch.onnx.symbolic_helper as helper
    import torch.onnx.utils as utils

    if hasattr(helper, "_set_opset_version"):
        return
    from torch.onnx._internal.torchscript_exporter import jit_utils
    from torch.onnx._internal.torchscript_exporter import utils as exporter
    from torch.onnx._internal.torchscript_exporter._globals import GLOBALS

    helper._set_opset_version = lambda version: setattr(GLOBALS, "export_onnx_opset_version", version)
    utils._optimize_graph = exporter._optimize_graph
    torch._C.Node.__getitem__ = lambda node, key: getattr(node, node.kindOf(key))(key)


try:
    import numpy.lib.arraysetops  # noqa: F401
except ImportError:
    sys.modules["numpy.lib.arraysetops"] = types.SimpleNamespace(isin=numpy.isin)
older_exporter()
from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm  # noqa: E402

checkpoint, parts, children = sys.argv[1:]
torch.set_num_threads(1)

model = torch.nn.Sequential(
    torch.nn.Conv2d(3, 8, 4, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 16, 4, 2, 1), torch.nn.ReLU(),
    torch.nn.Flatten(), torch.nn.Linear(1024, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))
model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=False)["state_dict"][0])
model.eval()


class Parts:
    """Parts of one property."""

    def __init__(self, path):
        self.raw, self.place = pathlib.Path(path).read_bytes(), 0
        inputs, self.batch, outputs, *relus = self.take("<i4", 6).tolist()
        lower, upper, row = self.take("<f4", inputs), self.take("<f4", inputs), self.take("<f4", outputs)
        bounds = [([], []) for _ in relus]
        self.splits = []
        for _ in range(self.batch):
            for layer, count in enumerate(relus):
                bounds[layer][0].append(self.take("<f4", count))
                bounds[layer][1].append(self.take("<f4", count))
            count = int(self.take("<i4", 1))
            self.splits.append(self.take("<i4", 3 * count).reshape(count, 3).tolist())
        image = (3, 32, 32)
        shapes = [(8, 16, 16), (16, 8, 8), (100,)]
        low, high = (x.reshape(1, *image).repeat(self.batch, 1, 1, 1) for x in (lower, upper))
        self.bounded = BoundedModule(
            model, torch.zeros(1, *image),
            bound_opts={"conv_mode": "matrix", "optimize_bound_args": {"enable_beta_crown": True}})
        self.x = BoundedTensor((low + high) / 2, PerturbationLpNorm(norm=numpy.inf, x_L=low, x_U=high))
        self.row = row.reshape(1, 1, -1).repeat(self.batch, 1, 1)
        self.given = {
            relu.inputs[0].name: [torch.stack(side).reshape(self.batch, *shape) for side in both]
            for relu, both, shape in zip(self.bounded.relus, bounds, shapes)}

    def take(self, kind, count):
        numbers = numpy.frombuffer(self.raw, kind, count, self.place)
        self.place += 4 * count
        return torch.from_numpy(numbers.copy())

    def run(self, steps):
        """The mean bound after some steps."""
        for layer, relu in enumerate(self.bounded.relus):
            own = [[s for s in part if s[0] == layer] for part in self.splits]
            width = max(1, max(len(part) for part in own))
            relu.sparse_beta = torch.zeros(self.batch, width, requires_grad=True)
            relu.sparse_beta_loc = torch.zeros(self.batch, width, dtype=torch.long)
            relu.sparse_beta_sign = torch.zeros(self.batch, width)
            for index, part in enumerate(own):
                for column, (_, neuron, sign) in enumerate(part):
                    relu.sparse_beta_loc[index, column] = neuron
                    relu.sparse_beta_sign[index, column] = sign
        self.bounded.set_bound_opts({"optimize_bound_args": {
            "iteration": steps, "lr_alpha": 0.1, "lr_beta": 0.1, "lr_decay": 0.98, "early_stop_patience": 1000,
            "start_save_best": 0.0, "init_alpha": False, "enable_beta_crown": True}})
        self.bounded.init_slope((self.x,), c=self.row, bound_upper=False, intermediate_layer_bounds=self.given)
        found, _ = self.bounded.compute_bounds(
            x=(self.x,), C=self.row, method="CROWN-Optimized", intermediate_layer_bounds=self.given,
            bound_upper=False)
        return found.mean().item()

    def fastest(self, steps, rounds=3):
        times = []
        for _ in range(rounds):
            start = time.process_time()
            self.run(steps)
            times.append(time.process_time() - start)
        return min(times)

    def step(self):
        """Seconds of one step, without what a call takes beside its steps."""
        self.run(3)
        return (self.fastest(30) - self.fastest(10)) / 20


all_parts = Parts(parts)
print("step", all_parts.step())
print("bound-after-0 =", all_parts.run(1))
print("bound-after-20 =", all_parts.run(21))
both = Parts(children)
print("children-step", both.step() / (both.batch / 2))
