"""The peers: NumPyro's HMC, PyTorch's leapfrogs, dropout and SGHMC in eager mode; one thread each.

Usage: peer.py CASE FOLDER, with FOLDER as measure.py fills it. Prints `name value` lines.
"""

import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
import numpy as np

case, folder = sys.argv[1:3]


def table(name):
    return np.loadtxt(f"{folder}/{name}.csv", delimiter=",", dtype=np.float32)


def cpu():
    return time.process_time()


def leapfrogs_numpyro():
    """Leapfrogs of compiled trajectories; the noise precision is held at 9, as NumPyro's HMC has no Gibbs
    step for it, which costs the library here its own and nothing there."""
    import jax
    import jax.numpy as jnp
    from numpyro.infer.hmc import hmc

    train = table("train")
    x, y = jnp.array(train[:, :13]), jnp.array(train[:, 13])

    def function(z, x):
        w1, b1 = z[:650].reshape(13, 50) / np.sqrt(13), z[650:700]
        w2, b2 = z[700:750] / np.sqrt(50), z[750]
        return jax.nn.relu(x @ w1 + b1) @ w2 + b2

    def potential(z):
        return 0.5 * 9 * jnp.sum((function(z, x) - y) ** 2) + 0.5 * jnp.sum(z * z)

    # In NumPyro a trajectory has a length, not a number of steps, unless that is given.
    steps, warmup = 80, 150
    init, kernel = hmc(potential, algo="HMC")
    state = init(
        jnp.array(np.random.default_rng(1).normal(size=751).astype(np.float32)), num_warmup=warmup,
        step_size=0.01, num_steps=steps, adapt_mass_matrix=False, target_accept_prob=0.8)
    step = jax.jit(kernel)
    state = step(state)
    jax.block_until_ready(state.z)
    many = jax.jit(lambda s: jax.lax.fori_loop(0, 50, lambda _, s: kernel(s), s))
    state = jax.block_until_ready(many(state))
    start = cpu()
    count = 0
    for _ in range(4):
        state = jax.block_until_ready(many(state))
        count += 50 * steps
    print("numpyro_leapfrogs", count / (cpu() - start))


def leapfrogs_torch():
    import torch

    torch.set_num_threads(1)
    train = torch.tensor(table("train"))
    x, y = train[:, :13].contiguous(), train[:, 13].contiguous()
    z = (0.1 * torch.randn(751)).requires_grad_()

    def gradient(z):
        w1, b1 = z[:650].reshape(13, 50) / 13**0.5, z[650:700]
        f = torch.relu(x @ w1 + b1) @ (z[700:750] / 50**0.5) + z[750]
        u = 4.5 * ((f - y) ** 2).sum() + 0.5 * (z * z).sum()
        return torch.autograd.grad(u, z)[0]

    momentum, g = torch.randn(751), gradient(z)
    count, step = 3000, 1e-4
    for phase in range(2):
        start = cpu()
        for _ in range(count):
            with torch.no_grad():
                momentum -= 0.5 * step * g
                z += step * momentum
            g = gradient(z)
            with torch.no_grad():
                momentum -= 0.5 * step * g
    print("torch_leapfrogs", count / (cpu() - start))


def dropout_torch():
    """One fit of MC dropout as published: Adam 1e-3, batch 128, the epochs given; seconds of CPU."""
    import torch

    torch.set_num_threads(1)
    train = torch.tensor(table("train"))
    x, y = train[:, :-1].contiguous(), train[:, -1:].contiguous()
    width, rate, epochs = x.shape[1], 0.05, int(os.environ.get("EPOCHS", "100"))
    net = torch.nn.Sequential(
        torch.nn.Dropout(rate), torch.nn.Linear(width, 50), torch.nn.ReLU(), torch.nn.Dropout(rate),
        torch.nn.Linear(50, 1))
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    penalty = 1e-4 * (1 - rate) / (2 * len(x) * 0.1)
    steps = 0
    start = cpu()
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for first in range(0, len(x) - 127, 128):
            rows = order[first : first + 128]
            loss = ((net(x[rows]) - y[rows]) ** 2).mean()
            loss = loss + penalty * ((net[1].weight**2).sum() + (net[4].weight**2).sum())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            steps += 1
    seconds = cpu() - start
    print("torch_dropout_steps", steps / seconds)
    # Prediction: passes with fresh masks over the test rows.
    test = torch.tensor(table("test"))[:, :-1].contiguous()
    start = cpu()
    with torch.no_grad():
        for _ in range(1000):
            net(test)
    print("torch_dropout_passes", 1000 / (cpu() - start))


def protocol_torch():
    """A tenth of MC dropout's protocol on a split of concrete: as bnn-benchmark does it."""
    import torch

    torch.set_num_threads(1)
    train, test = torch.tensor(table("concrete-train")), torch.tensor(table("concrete-test"))
    kept = len(train) - len(train) // 5
    taus = torch.tensor([10 ** (i / 10) for i in range(-20, 61)])

    def fit(rows, rate, tau):
        x, y = rows[:, :-1].contiguous(), rows[:, -1:].contiguous()
        net = torch.nn.Sequential(
            torch.nn.Dropout(rate), torch.nn.Linear(x.shape[1], 50), torch.nn.ReLU(),
            torch.nn.Dropout(rate), torch.nn.Linear(50, 1))
        optimiser = torch.optim.Adam(net.parameters(), 1e-3)
        penalty = 1e-4 * (1 - rate) / (2 * len(x) * tau)
        for _ in range(400):
            order = torch.randperm(len(x))
            for first in range(0, len(x) - 127, 128):
                batch = order[first : first + 128]
                loss = ((net(x[batch]) - y[batch]) ** 2).mean()
                loss = loss + penalty * ((net[1].weight**2).sum() + (net[4].weight**2).sum())
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        return net

    def likelihood(net, rows, passes, tau):
        with torch.no_grad():
            draws = torch.stack([net(rows[:, :-1])[:, 0] for _ in range(passes)])
            logs = -0.5 * tau[:, None, None] * (draws - rows[:, -1]) ** 2
            mixed = torch.logsumexp(logs, 1) - np.log(passes)
            return (mixed + 0.5 * torch.log(tau / (2 * np.pi))[:, None]).mean(1)

    start = cpu()
    best = (-np.inf, 0, 0)
    for rate in (0.005, 0.01, 0.05, 0.1):
        scores = likelihood(fit(train[:kept], rate, 1.0), train[kept:], 200, taus)
        best = max(best, (float(scores.max()), rate, float(taus[int(scores.argmax())])))
    _, rate, tau = best
    likelihood(fit(train, rate, tau), test, 1000, torch.tensor([tau]))
    print("torch_dropout_protocols", 1 / (cpu() - start))


def sghmc_torch():
    """SGHMC's steps on 784-200-200-10 with batches of 128, eager."""
    import torch

    torch.set_num_threads(1)
    images = np.fromfile(f"{folder}/pictures.f32", dtype=np.float32).reshape(-1, 784)
    labels = np.fromfile(f"{folder}/labels.u8", dtype=np.uint8).astype(np.int64)
    x, y = torch.tensor(images), torch.tensor(labels)
    net = torch.nn.Sequential(
        torch.nn.Linear(784, 200), torch.nn.ReLU(), torch.nn.Linear(200, 200), torch.nn.ReLU(),
        torch.nn.Linear(200, 10))
    parameters = list(net.parameters())
    velocity = [torch.zeros_like(p) for p in parameters]
    rate, friction, decay, rows = 0.0313, 0.102, 1 / 0.1405**2, len(x)
    amplitude = (2 * friction * rate / rows) ** 0.5
    for phase in range(2):
        start, steps = cpu(), 0
        order = torch.randperm(rows)
        for first in range(0, rows - 127, 128):
            batch = order[first : first + 128]
            loss = torch.nn.functional.cross_entropy(net(x[batch]), y[batch])
            gradients = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                for p, v, g in zip(parameters, velocity, gradients):
                    v.mul_(1 - friction).add_(g, alpha=-rate).add_(p, alpha=-rate * decay / rows)
                    v.add_(torch.randn_like(v), alpha=amplitude)
                    p.add_(v)
            steps += 1
        seconds = cpu() - start
    print("torch_sghmc_steps", steps / seconds)


{
    "numpyro": leapfrogs_numpyro, "torch": leapfrogs_torch, "dropout": dropout_torch,
    "protocol": protocol_torch, "sghmc": sghmc_torch,
}[case]()
