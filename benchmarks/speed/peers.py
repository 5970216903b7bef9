"""The same network and training step in PyTorch and JAX."""

import os
from typing import Any

import numpy as np
from engines import BATCH, LEARNING_RATE, load_rows, seconds


class Torch:
    """PyTorch in eager mode with fused Adam."""

    def __init__(self, threads: int | None) -> None:
        import torch

        if threads:
            torch.set_num_threads(threads)

    def prepare(self, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any]) -> None:
        import torch

        train, validation = (
            [torch.from_numpy(np.array(part)) for part in load_rows(rows, n)] for n in ("train", "validation")
        )
        stack: list[Any] = []
        width = train[0].shape[1]
        for units in variant["hidden_units"]:
            stack += [torch.nn.Linear(width, units), torch.nn.ELU()]
            if variant.get("dropout"):
                stack.append(torch.nn.Dropout(variant["dropout"]))
            width = units
        network = torch.nn.Sequential(*stack, torch.nn.Linear(width, 1))
        optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, eps=1e-7, fused=True)

        def measure(logits: Any, labels: Any) -> tuple[Any, Any]:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
            return loss, ((logits > 0) == (labels > 0.5)).float().mean()

        def epoch() -> None:
            network.train()
            order = torch.randperm(len(train[1]))
            total = torch.zeros(2)
            for start in range(0, len(order) - BATCH + 1, BATCH):
                batch = order[start : start + BATCH]
                loss, accuracy = measure(network(train[0][batch])[:, 0], train[1][batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += torch.stack([loss.detach(), accuracy])
            network.eval()
            with torch.no_grad():
                [float(value) for value in (*total, *measure(network(validation[0])[:, 0], validation[1]))]

        self._epoch = epoch
        self.run(1)

    def run(self, epochs: int) -> float:
        return seconds(self._epoch, epochs)


class Jax:
    """JAX with optax: one jitted function per epoch that scans over the steps; masks from JAX's fastest generator."""

    def __init__(self, threads: int | None) -> None:
        if threads:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        os.environ["JAX_PLATFORMS"] = "cpu"

    def prepare(self, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any]) -> None:
        import jax
        import jax.numpy as jnp
        import optax

        (features, labels), (val_features, val_labels) = (
            [jnp.asarray(np.array(part)) for part in load_rows(rows, name)] for name in ("train", "validation")
        )
        widths = [features.shape[1], *variant["hidden_units"], 1]
        rate = variant.get("dropout", 0.0)
        glorot = jax.nn.initializers.glorot_uniform()
        keys = jax.random.split(jax.random.key(0), len(widths))
        weights = [
            (glorot(key, (n_in, n_out)), jnp.zeros(n_out))
            for key, n_in, n_out in zip(keys, widths, widths[1:], strict=False)
        ]
        adam = optax.adam(LEARNING_RATE, eps=1e-7)

        def forward(weights: Any, values: Any, key: Any) -> Any:
            for kernel, bias in weights[:-1]:
                values = jax.nn.elu(values @ kernel + bias)
                if rate and key is not None:
                    key, mask = jax.random.split(key)
                    values = jnp.where(jax.random.bernoulli(mask, 1 - rate, values.shape), values / (1 - rate), 0)
            return (values @ weights[-1][0] + weights[-1][1])[:, 0]

        def measure(logits: Any, labels: Any) -> tuple[Any, Any]:
            return optax.sigmoid_binary_cross_entropy(logits, labels).mean(), ((logits > 0) == (labels > 0.5)).mean()

        def loss(weights: Any, batch: Any, key: Any) -> tuple[Any, Any]:
            return measure(forward(weights, features[batch], key), labels[batch])

        @jax.jit
        def epoch(weights: Any, state: Any, number: Any) -> Any:
            shuffle, masks = jax.random.split(jax.random.key(number, impl="unsafe_rbg"))
            order = jax.random.permutation(shuffle, len(labels))
            batches = order[: len(labels) // BATCH * BATCH].reshape(-1, BATCH)

            def step(carry: Any, inputs: Any) -> Any:
                weights, state = carry
                (value, accuracy), gradient = jax.value_and_grad(loss, has_aux=True)(weights, *inputs)
                updates, state = adam.update(gradient, state, weights)
                return (optax.apply_updates(weights, updates), state), (value, accuracy)

            carry, found = jax.lax.scan(step, (weights, state), (batches, jax.random.split(masks, len(batches))))
            return *carry, jax.tree.map(jnp.mean, found), measure(forward(carry[0], val_features, None), val_labels)

        self._epoch, self._state, self._done = epoch, (weights, adam.init(weights)), 0
        self.run(1)

    def run(self, epochs: int) -> float:
        import jax

        def epoch() -> None:
            self._done += 1
            *state, _, measured = self._epoch(*self._state, self._done)
            self._state = state
            [float(value) for value in jax.tree.leaves(measured)]

        return seconds(epoch, epochs)
