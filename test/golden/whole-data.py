"""Numbers for test/train/whole-data.slow.test.ts: gradient descent and Newton-CG on a small network, in numpy and float64, written apart from steepest.

    python3 test/golden/whole-data.py > test/golden/whole-data.json

Convolutions are sums over windows of patches; J v and J'u are spelled out layer by layer. Data and weights come from the generator
s <- 16807 s mod 2^31 - 1, which the test repeats.
"""

import json

import numpy as np

seed = 1


def draw(*shape):
    """Numbers in (-1, 1)."""
    global seed
    values = []
    for _ in range(int(np.prod(shape))):
        seed = seed * 16807 % 2147483647
        values.append(2 * seed / 2147483647 - 1)
    return np.array(values).reshape(shape)


ROWS, CLASSES, C, SAMPLE = 30, 3, 6.0, 10
x = draw(ROWS, 9, 8, 2)
labels = np.array([int((v + 1) * 1.5) for v in draw(ROWS)])
targets = np.eye(CLASSES)[labels]
# Weights and biases of conv 3x3x4 pad 1, conv 3x3x5 pad 1 (relu and pool 2 after each; 9x8 -> 4x4 -> 2x2), dense 3.
theta = [draw(3, 3, 2, 4) * 0.5, draw(4) * 0.1, draw(3, 3, 4, 5) * 0.5, draw(5) * 0.1, draw(20, 3) * 0.5, draw(3) * 0.1]


def patches(z):
    z = np.pad(z, ((0, 0), (1, 1), (1, 1), (0, 0)))
    v = np.lib.stride_tricks.sliding_window_view(z, (3, 3), axis=(1, 2))
    return v.transpose(0, 1, 2, 4, 5, 3).reshape(*v.shape[:3], -1)


def unpatch(d, c):
    n, h, w, _ = d.shape
    d = d.reshape(n, h, w, 3, 3, c)
    z = np.zeros((n, h + 2, w + 2, c))
    for i in range(3):
        for j in range(3):
            z[:, i : i + h, j : j + w] += d[:, :, :, i, j]
    return z[:, 1:-1, 1:-1]


def windows(y):
    n, h, w, c = y.shape
    y = y[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c)
    return y.transpose(0, 1, 3, 5, 2, 4).reshape(n, h // 2, w // 2, c, 4)


def unwindow(d, argmax, h, w):
    n, p, q, c = d.shape
    v = np.zeros((n, p, q, c, 4))
    np.put_along_axis(v, argmax[..., None], d[..., None], -1)
    y = np.zeros((n, h, w, c))
    y[:, : 2 * p, : 2 * q] = v.reshape(n, p, q, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(n, 2 * p, 2 * q, c)
    return y


def forward(t, z):
    layers = []
    for w, b in ((t[0], t[1]), (t[2], t[3])):
        phi = patches(z)
        s = phi @ w.reshape(-1, w.shape[-1]) + b
        v = windows(np.maximum(s, 0))
        argmax = v.argmax(-1)
        layers.append((phi, s > 0, argmax, z.shape))
        z = np.take_along_axis(v, argmax[..., None], -1)[..., 0]
    flat = z.reshape(len(z), -1)
    return flat @ t[4] + t[5], (layers, flat)


def jacobian(t, state, v):
    layers, flat = state
    moved = None
    for (phi, on, argmax, _), w, dw, db in zip(layers, (t[0], t[2]), (v[0], v[2]), (v[1], v[3])):
        s = phi @ dw.reshape(-1, dw.shape[-1]) + db
        if moved is not None:
            s = s + patches(moved) @ w.reshape(-1, w.shape[-1])
        moved = np.take_along_axis(windows(s * on), argmax[..., None], -1)[..., 0]
    return flat @ v[4] + moved.reshape(flat.shape) @ t[4] + v[5]


def transposed(t, state, u):
    layers, flat = state
    g = [None] * 6
    g[4], g[5] = flat.T @ u, u.sum(0)
    d = u @ t[4].T
    for i in (1, 0):
        phi, on, argmax, (n, h, w, c) = layers[i]
        k = t[2 * i].shape[-1]
        ds = unwindow(d.reshape(argmax.shape), argmax, h, w) * on
        g[2 * i] = (phi.reshape(-1, phi.shape[-1]).T @ ds.reshape(-1, k)).reshape(t[2 * i].shape)
        g[2 * i + 1] = ds.sum((0, 1, 2))
        d = unpatch(ds @ t[2 * i].reshape(-1, k).T, c)
    return g


def dot(a, b):
    return sum(float((p * q).sum()) for p, q in zip(a, b))


def plus(a, factor, b):
    return [p + factor * q for p, q in zip(a, b)]


def objective(t):
    z, _ = forward(t, x)
    return float(((z - targets) ** 2).sum()) / ROWS + dot(t, t) / (2 * C)


def gradient(t):
    z, state = forward(t, x)
    return plus([p / C for p in t], 1 / ROWS, transposed(t, state, 2 * (z - targets)))


def backtrack(t, f, s, slope, nu):
    alpha = 1.0
    while not objective(plus(t, alpha, s)) - f <= nu * alpha * slope:
        alpha /= 2
    return alpha


def descend(t, iterations):
    records = []
    for _ in range(iterations):
        f, g = objective(t), gradient(t)
        alpha = backtrack(t, f, [-p for p in g], -dot(g, g), 0.1)
        t = plus(t, -alpha, g)
        records.append({"alpha": alpha, "objective": objective(t), "gradientNorm": dot(gradient(t), gradient(t)) ** 0.5})
    return records


def newton(t, iterations):
    damping = 1.0
    records = []
    for iteration in range(iterations):
        f, g = objective(t), gradient(t)
        rows = np.arange(SAMPLE) + iteration % 3 * SAMPLE
        _, state = forward(t, x[rows])
        steps = 0

        def matrix(v):
            return plus([p / C for p in v], 1 / SAMPLE, transposed(t, state, 2 * jacobian(t, state, v)))

        s, r = [0 * p for p in g], [-p for p in g]
        d, square = r, dot(r, r)
        while dot(r, r) > 0.01 * dot(g, g):
            q = plus(matrix(d), damping, d)
            steps += 1
            alpha = square / dot(d, q)
            s, r = plus(s, alpha, d), plus(r, -alpha, q)
            d, square = plus(r, dot(r, r) / square, d), dot(r, r)
        slope = dot(g, s)
        curvature = dot(s, matrix(s))
        alpha = backtrack(t, f, s, slope, 1e-4)
        t = plus(t, alpha, s)
        actred = objective(t) - f
        prered = alpha * slope + alpha**2 / 2 * curvature
        ratio = actred / prered
        damping *= 1.5 if ratio < 0.25 else 2 / 3 if ratio >= 0.75 else 1
        g = gradient(t)
        records.append(
            {
                "objective": objective(t),
                "gradientNorm": dot(g, g) ** 0.5,
                "alpha": alpha,
                "ratio": ratio,
                "lambda": damping,
                "cgSteps": steps,
                "actred": actred,
                "prered": prered,
            }
        )
    return records


start = {"objective": objective(theta), "gradientNorm": dot(gradient(theta), gradient(theta)) ** 0.5}
print(json.dumps({"start": start, "gradientDescent": descend(theta, 5), "newtonCg": newton(theta, 6)}, indent=1))
