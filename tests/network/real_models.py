"""Exports small networks and tries both loaders on each: `python real_models.py FOLDER`.

Prints what it made as JSON: for each network the number of parameters that the serving signature
reads, and the loaders that give the answer of the network itself.
"""

# TensorFlow has no types.
# mypy: disable-error-code="misc, untyped-decorator, operator"
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

SIZE = 32
TILE = np.random.default_rng(0).random((1, SIZE, SIZE, 1), dtype=np.float32)


def unet() -> Any:
    image = keras.Input((SIZE, SIZE, 1))
    wide = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    wide = keras.layers.BatchNormalization()(wide)
    low = keras.layers.Dropout(0.5)(keras.layers.MaxPooling2D()(wide))
    low = keras.layers.LayerNormalization()(keras.layers.Conv2D(4, 3, padding="same")(low))
    up = keras.layers.UpSampling2D()(low)
    both = keras.layers.Concatenate()([wide, up])
    return keras.Model(image, keras.layers.Conv2D(2, 1, activation="softmax")(both))


class Plain(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.random.stateless_normal((3, 3, 1, 2), (1, 2)), name="kernel")
        self.bias = tf.Variable([0.1, -0.1], name="bias")
        self.unused = tf.Variable(tf.zeros(7), name="unused")

    def logits(self, image: Any) -> Any:
        return tf.nn.conv2d(image, self.kernel, 1, "SAME") + self.bias

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32)])
    def __call__(self, image: Any) -> Any:
        return {"answer": tf.nn.softmax(self.logits(image))}


class Branching(Plain):
    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32)])
    def __call__(self, image: Any) -> Any:
        logits = self.logits(image)
        bright = tf.reduce_mean(image) > 0.5
        soft = tf.cond(bright, lambda: tf.nn.softmax(logits), lambda: tf.nn.softmax(-logits))
        return {"answer": soft}


class Pair(Plain):
    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32)])
    def __call__(self, image: Any) -> Any:
        p = tf.sigmoid(self.logits(image)[..., :1])
        return {"answer": tf.concat([p, 1 - p], axis=-1)}


class Noisy(Plain):
    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32)])
    def __call__(self, image: Any) -> Any:
        fixed = tf.random.stateless_uniform((1, SIZE, SIZE, 1), seed=(1, 2))
        noise = tf.random.normal((1, SIZE, SIZE, 1))
        return {"answer": self.logits(image + noise + fixed)}


class Training(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = unet()
        self.kept = [each.value for each in self.model.variables]

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32)])
    def __call__(self, image: Any) -> Any:
        return {"answer": self.model(image, training=True)}


def session_graph(folder: str) -> Any:
    """A TensorFlow 1 graph: one reference variable, one resource variable."""
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.float32, (None, SIZE, SIZE, 1), name="image")
        kernel = v1.get_variable("kernel", (3, 3, 1, 2), use_resource=False)
        bias = v1.get_variable("bias", (2,), use_resource=True)
        answer = tf.nn.softmax(tf.nn.conv2d(image, kernel, 1, "SAME") + bias)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, folder, {"image": image}, {"answer": answer})
        return session.run(answer, {image: TILE})


def export(folder: Path) -> dict[str, Any]:
    """Write all networks; their answers, None for those that answer differently every time."""
    keras.utils.set_random_seed(1)
    model = unet()
    answers: dict[str, Any] = {"keras_export": model(TILE).numpy()}
    model.export(str(folder / "keras_export"), verbose=False)
    answers["keras_save"] = answers["keras_export"]
    tf.saved_model.save(model, str(folder / "keras_save"))
    kinds = {"module": Plain, "branching": Branching, "pair": Pair, "noisy": Noisy}
    for name, kind in {**kinds, "training": Training}.items():
        module = kind()
        answer = module(tf.constant(TILE))["answer"].numpy()
        answers[name] = None if name in ("noisy", "training") else answer
        tf.saved_model.save(module, str(folder / name), signatures=module.__call__)
    answers["session_graph"] = session_graph(str(folder / "session_graph"))
    return answers


def by_object(folder: str) -> Any:
    call = tf.saved_model.load(folder).signatures["serving_default"]
    (key,) = call.structured_input_signature[1]
    (answer,) = call(**{key: tf.constant(TILE)}).values()
    return answer.numpy()


def by_session(folder: str) -> Any:
    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        signature = v1.saved_model.loader.load(session, ["serve"], folder).signature_def
        serving = signature["serving_default"]
        (given,), (asked,) = serving.inputs.values(), serving.outputs.values()
        return session.run(asked.name, {given.name: TILE})


def works(loader: Any, folder: Path, expected: Any) -> bool:
    try:
        answer = loader(str(folder))
    except Exception:  # noqa: BLE001 - whatever keeps it from answering
        return False
    return expected is None or bool(np.allclose(answer, expected, atol=1e-5))


def main() -> None:
    folder = Path(sys.argv[1])
    report = {}
    for name, expected in export(folder).items():
        loaders = {"session": by_session, "object": by_object}
        report[name] = [
            which for which, loader in loaders.items() if works(loader, folder / name, expected)
        ]
    json.dump({"parameters": unet().count_params(), "loaders": report}, sys.stdout)


if __name__ == "__main__":
    main()
