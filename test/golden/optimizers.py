"""Numbers for test/optimizers/trajectories.slow.test.ts: twenty updates of a 2-4-3 network on fixed rows, all of them a batch, in float64.

    KERAS_BACKEND=torch python3 test/golden/optimizers.py > test/golden/optimizers.json        (PyTorch 2.13, Keras 3.15)

Each case is computed by the textbook's formula, and, where `torch` says how, by PyTorch's own optimizer with its own schedule; both must agree
to 1e-13. What the docstrings of lib/optimizers say of PyTorch and Keras is asserted at the end, each claim by running it.
Losses are those before each update, without the regulariser; theta is what stands after the last.
"""

import inspect
import json
import math

import keras
import numpy as np
import torch
from torch import optim
from torch.optim import lr_scheduler as rates

STEPS = 20
torch.set_default_dtype(torch.float64)
keras.config.set_floatx("float64")

# Multiples of 1/64: float32 holds them as they are.
random = np.random.default_rng(7)


def draw(*shape):
    return np.round(random.uniform(-1, 1, shape) * 64) / 64


x, labels = draw(12, 2) * 2, random.integers(0, 3, 12)
shapes = {"dense_1.weights": (2, 4), "dense_1.bias": (4,), "dense_2.weights": (4, 3), "dense_2.bias": (3,)}
start = np.concatenate([draw(*shape).ravel() for shape in shapes.values()])
rows, classes = torch.tensor(x), torch.tensor(labels)


def loss_of(w1, b1, w2, b2):
    return torch.nn.functional.cross_entropy(torch.tanh(rows @ w1 + b1) @ w2 + b2, classes)


def flat(tensors):
    return np.concatenate([t.detach().numpy().ravel() for t in tensors])


def parts_of(theta):
    """The arrays that a vector is made of."""
    parts = np.split(theta, np.cumsum([math.prod(q) for q in shapes.values()])[:-1])
    return [torch.tensor(p.reshape(q), requires_grad=True) for p, q in zip(parts, shapes.values())]


# ---- schedules: the rate of update t = 0, 1, 2, ...; beside each PyTorch's own ----


def rate(schedule, t):
    if isinstance(schedule, (int, float)):
        return schedule
    o = schedule["options"]
    lr, steps, low, warm = o["learningRate"], o.get("steps"), o.get("minimum", 0), o.get("warmup", 0)
    match schedule["name"]:
        case "inverseTime":
            return lr / (1 + o["decay"] * t)
        case "inverseSqrt":
            return lr / math.sqrt(t + 1)
        case "step":
            return lr * o["factor"] ** (t // o["every"])
        case "cosine":
            if t < warm:
                return lr * (t + 1) / warm
            return low + (lr - low) * (1 + math.cos(math.pi * min(1, (t - warm) / (steps - warm)))) / 2
        case "oneCycle":  # with pctStart steps a whole number
            peak = round(0.3 * steps) - 1
            low, high, part = (lr / 25, lr, t / peak) if t <= peak else (lr, lr / 25e4, (t - peak) / (steps - 1 - peak))
            return high + (low - high) * (1 + math.cos(math.pi * part)) / 2


def scheduler(optimizer, schedule):
    o = schedule["options"]
    match schedule["name"]:
        case "inverseTime":
            return rates.LambdaLR(optimizer, lambda t: 1 / (1 + o["decay"] * t))
        case "inverseSqrt":
            return rates.LambdaLR(optimizer, lambda t: (t + 1) ** -0.5)
        case "step":
            return rates.StepLR(optimizer, o["every"], o["factor"])
        case "cosine":
            rest = rates.CosineAnnealingLR(optimizer, o["steps"] - o.get("warmup", 0), o["minimum"])
            if "warmup" not in o:
                return rest
            up = rates.LinearLR(optimizer, 1 / o["warmup"], 1, o["warmup"] - 1)
            return rates.SequentialLR(optimizer, [up, rest], [o["warmup"]])
        case "oneCycle":
            return rates.OneCycleLR(optimizer, o["learningRate"], o["steps"], cycle_momentum=False)


# ---- trajectories ----


def formula(case, keras_form=False):
    """The lecture's formulas (2.2.1 to 2.2.6), or with Keras's places of epsilon and its first r."""
    name, o, losses = case["optimizer"], case["options"], []
    theta, v, s = start, 0, 0
    r = 0.1 if keras_form and name == "adagrad" else 0
    delta, a = o.get("delta"), o.get("momentum")
    for t in range(STEPS):
        parts = parts_of(theta)
        loss = loss_of(*parts)
        loss.backward()
        losses.append(loss.item())
        g = flat([p.grad for p in parts])
        g = g * min(1, case.get("clipNorm", np.inf) / np.linalg.norm(g))
        G = g + theta / case.get("C", np.inf)
        lr = rate(o["learningRate"], t)
        decay = lr * o.get("weightDecay", 0) * theta
        if name == "sgd":
            step = lr * G
        elif name in ("momentum", "nesterov"):
            v = a * v - lr * G
            step = -v if name == "momentum" else lr * G - a * v
        elif name in ("adagrad", "rmsprop"):
            r = r + G * G if name == "adagrad" else o["decay"] * r + (1 - o["decay"]) * G * G
            step = lr * G / (np.sqrt(r + delta) if keras_form else np.sqrt(r) + delta)
        else:
            s = o["beta1"] * s + (1 - o["beta1"]) * G
            r = o["beta2"] * r + (1 - o["beta2"]) * G * G
            mean, second = s / (1 - o["beta1"] ** (t + 1)), 1 - o["beta2"] ** (t + 1)
            root = (np.sqrt(r) + delta) / np.sqrt(second) if keras_form else np.sqrt(r / second) + delta
            step = lr * mean / root
        theta = theta - step - decay
    return np.array(losses), theta


def by_torch(make, schedule=None, clip=None):
    """PyTorch's own optimizer, with its own schedule and its own clipping."""
    theta, losses = parts_of(start), []
    optimizer = make(theta)
    follow = None if schedule is None or isinstance(schedule, (int, float)) else scheduler(optimizer, schedule)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(*theta)
        loss.backward()
        losses.append(loss.item())
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(theta, clip)
        optimizer.step()
        if follow is not None:
            follow.step()
    return np.array(losses), flat(theta)


def by_keras(optimizer, schedule):
    """Keras's own optimizer; its learning rate is set before each update."""
    theta, losses = [keras.Variable(p, dtype="float64") for p in parts_of(start)], []
    optimizer.build(theta)
    for t in range(STEPS):
        parts = [p.value.detach().clone().requires_grad_() for p in theta]
        loss = loss_of(*parts)
        loss.backward()
        losses.append(loss.item())
        optimizer.learning_rate = rate(schedule, t)
        optimizer.apply([p.grad for p in parts], theta)
    return np.array(losses), flat([p.value for p in theta])


def difference(a, b):
    return max(np.abs(a[0] - b[0]).max(), np.abs(a[1] - b[1]).max())


# ---- cases: an optimizer, its options, and those of fit; `torch`: the optimizer of PyTorch that is equal ----

cases = []


def case(name, options, torch=None, **fit):
    c = {"name": name, "optimizer": name.split(",")[0], "options": options, **fit}
    found = formula(c)
    if torch is not None:
        own = by_torch(torch, options["learningRate"])
        assert difference(own, found) < 1e-13, (name, difference(own, found))
        found = own
    source = "formula" if torch is None else "PyTorch"
    cases.append(c | {"from": source, "losses": found[0].tolist(), "theta": found[1].tolist()})
    return c


def schedule(name, **options):
    return {"name": name, "options": options}


root, halved = schedule("inverseSqrt", learningRate=1), schedule("step", learningRate=0.4, every=8, factor=0.5)
harmonic, cycle = schedule("inverseTime", learningRate=0.4, decay=0.25), schedule("oneCycle", learningRate=0.2, steps=20)
falling = schedule("cosine", learningRate=0.1, steps=20, minimum=0.01)
warm = schedule("cosine", learningRate=0.1, steps=20, warmup=4, minimum=0.01)
ended = schedule("cosine", learningRate=0.1, steps=16, warmup=4, minimum=0.01)

# PyTorch's weight_decay is our 1/C, and AdamW's our weightDecay. For plain stochastic gradient the two are one.
C, l2 = 8, {"weight_decay": 1 / 8}
decay = {"weightDecay": 1 / 8}

sgd = {"learningRate": 0.5}
case("sgd", sgd, lambda p: optim.SGD(p, 0.5))
case("sgd, theta/C", sgd, lambda p: optim.SGD(p, 0.5, **l2), C=C)
sgd_decay = case("sgd, decay", sgd | decay, lambda p: optim.SGD(p, 0.5, **l2))
sgd_clipped = case("sgd, clipped", sgd, clipNorm=0.25)
case("sgd, inverseSqrt", {"learningRate": root}, lambda p: optim.SGD(p, 1))
case("sgd, step", {"learningRate": halved}, lambda p: optim.SGD(p, 0.4))

momentum, a = {"learningRate": 0.2, "momentum": 0.8}, {"momentum": 0.8}
case("momentum", momentum, lambda p: optim.SGD(p, 0.2, **a))
case("momentum, theta/C", momentum, lambda p: optim.SGD(p, 0.2, **a, **l2), C=C)
momentum_decay = case("momentum, decay", momentum | decay)
momentum_halved = case("momentum, step", momentum | {"learningRate": halved})

n = a | {"nesterov": True}
case("nesterov", momentum, lambda p: optim.SGD(p, 0.2, **n))
case("nesterov, theta/C", momentum, lambda p: optim.SGD(p, 0.2, **n, **l2), C=C)
case("nesterov, decay", momentum | decay)
nesterov_halved = case("nesterov, step", momentum | {"learningRate": halved})

# A large delta, so that its place shows.
adagrad = {"learningRate": 0.2, "delta": 0.01}
adagrad_plain = case("adagrad", adagrad, lambda p: optim.Adagrad(p, 0.2, eps=0.01))
case("adagrad, theta/C", adagrad, lambda p: optim.Adagrad(p, 0.2, eps=0.01, **l2), C=C)
adagrad_decay = case("adagrad, decay", adagrad | decay)
adagrad_slowed = case("adagrad, inverseTime", adagrad | {"learningRate": harmonic}, lambda p: optim.Adagrad(p, 0.4, eps=0.01))

rmsprop = {"learningRate": 0.05, "decay": 0.8, "delta": 0.01}
rmsprop_plain = case("rmsprop", rmsprop, lambda p: optim.RMSprop(p, 0.05, 0.8, 0.01))
case("rmsprop, theta/C", rmsprop, lambda p: optim.RMSprop(p, 0.05, 0.8, 0.01, **l2), C=C)
rmsprop_decay = case("rmsprop, decay", rmsprop | decay)
case("rmsprop, cosine", rmsprop | {"learningRate": falling}, lambda p: optim.RMSprop(p, 0.1, 0.8, 0.01))

adam = {"learningRate": 0.1, "beta1": 0.8, "beta2": 0.95, "delta": 0.01}
b = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.01}
adam_plain = case("adam", adam, lambda p: optim.Adam(p, **b))
case("adam, theta/C", adam, lambda p: optim.Adam(p, **b, **l2), C=C)
case("adam, decay", adam | decay, lambda p: optim.AdamW(p, **b, **l2))
case("adam, oneCycle", adam | {"learningRate": cycle}, lambda p: optim.Adam(p, **b))

adamw = adam | {"weightDecay": 0.25}
adamw_plain = case("adamw", adamw, lambda p: optim.AdamW(p, **b, weight_decay=0.25))
case("adamw, cosine with warm-up", adamw | {"learningRate": warm}, lambda p: optim.AdamW(p, **b, weight_decay=0.25))
case("adamw, everything", adamw | {"learningRate": ended}, C=C, clipNorm=0.25)


# ---- what the docstrings say of PyTorch and Keras ----


def same(one, other, most=1e-13):
    assert difference(one, other) < most, difference(one, other)


def differ(one, other, least=1e-3):
    assert difference(one, other) > least, difference(one, other)


# Momentum: PyTorch's v has no rate in it, so a new rate counts for past gradients too. Keras's form is ours.
others = {}
for name, c, options in [("momentum", momentum_halved, a), ("nesterov", nesterov_halved, n)]:
    own = by_torch(lambda p: optim.SGD(p, 0.4, **options), halved)
    assert np.abs(own[0] - formula(c)[0])[:9].max() < 1e-13  # the rate changes at update 8
    differ(own, formula(c), 0.01)
    same(by_keras(keras.optimizers.SGD(0.4, **options), halved), formula(c))
    others[f"{name}, step, of PyTorch"] = {"losses": own[0].tolist(), "theta": own[1].tolist()}

# PyTorch's clipping adds 1e-6 to the length; Keras's global_clipnorm is ours (its factor a float32), its clipnorm is of each array.
differ(by_torch(lambda p: optim.SGD(p, 0.5), None, 0.25), formula(sgd_clipped), 1e-7)
same(by_keras(keras.optimizers.SGD(0.5, global_clipnorm=0.25), 0.5), formula(sgd_clipped), 2e-8)
differ(by_keras(keras.optimizers.SGD(0.5, clipnorm=0.25), 0.5), formula(sgd_clipped))

# AdaGrad and RMSProp: Keras has delta inside the root; its AdaGrad starts at r = 0.1. PyTorch's lr_decay of AdaGrad is inverseTime.
own = by_keras(keras.optimizers.Adagrad(0.2, epsilon=0.01), 0.2)
same(own, formula(adagrad_plain, keras_form=True))
differ(own, formula(adagrad_plain))
own = by_keras(keras.optimizers.RMSprop(0.05, 0.8, epsilon=0.01), 0.05)
same(own, formula(rmsprop_plain, keras_form=True))
differ(own, formula(rmsprop_plain))
same(by_torch(lambda p: optim.Adagrad(p, 0.4, lr_decay=0.25, eps=0.01)), formula(adagrad_slowed))

# Adam: Keras adds delta to the root that is not corrected yet.
own = by_keras(keras.optimizers.Adam(0.1, 0.8, 0.95, 0.01), 0.1)
same(own, formula(adam_plain, keras_form=True))
differ(own, formula(adam_plain))

# Keras's weight_decay is our weightDecay, in all optimizers.
k = keras.optimizers
same(by_keras(k.SGD(0.5, weight_decay=1 / 8), 0.5), formula(sgd_decay))
same(by_keras(k.SGD(0.2, 0.8, weight_decay=1 / 8), 0.2), formula(momentum_decay))
same(by_keras(k.Adagrad(0.2, epsilon=0.01, weight_decay=1 / 8), 0.2), formula(adagrad_decay, keras_form=True))
same(by_keras(k.RMSprop(0.05, 0.8, epsilon=0.01, weight_decay=1 / 8), 0.05), formula(rmsprop_decay, keras_form=True))
same(by_keras(k.Adam(0.1, 0.8, 0.95, 0.01, weight_decay=0.25), 0.1), formula(adamw_plain, keras_form=True))
same(by_keras(k.AdamW(0.1, 0.25, 0.8, 0.95, 0.01), 0.1), formula(adamw_plain, keras_form=True))


def defaults(of, **expected):
    known = inspect.signature(of).parameters
    assert {key: known[key].default for key in expected} == expected, of


defaults(optim.Adagrad, lr=0.01, eps=1e-10, initial_accumulator_value=0, lr_decay=0)
defaults(k.Adagrad, learning_rate=0.001, epsilon=1e-7, initial_accumulator_value=0.1)
defaults(optim.RMSprop, lr=0.01, alpha=0.99, eps=1e-8, momentum=0, centered=False)
defaults(k.RMSprop, learning_rate=0.001, rho=0.9, epsilon=1e-7, momentum=0.0, centered=False)
defaults(optim.Adam, lr=0.001, betas=(0.9, 0.999), eps=1e-8)
defaults(k.Adam, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7)
defaults(optim.AdamW, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
defaults(k.AdamW, learning_rate=0.001, weight_decay=0.004, epsilon=1e-7)

weights = [{"name": name, "values": p.flatten().tolist()} for name, p in zip(shapes, parts_of(start))]
problem = {"x": x.tolist(), "y": labels.tolist(), "weights": weights}
lines = lambda items: ",\n".join("  " + json.dumps(item) for item in items)
print(f'{{\n "problem": {json.dumps(problem)},\n "cases": [\n{lines(cases)}\n ],\n "others": {json.dumps(others)}\n}}')
