"""The baseline net in Keras 3 on TensorFlow, as its documentation would have it written: the peer.

Runs in an environment of its own (pip install keras tensorflow-cpu pillow):

    python keras_baseline.py train FOLDER MODEL [--epochs 15]     FOLDER holds the four MNIST files, gzipped
    python keras_baseline.py predict MODEL PICTURE

Prints one JSON line with the seconds of each phase.
"""

import argparse
import gzip
import json
import os
import time

began = time.perf_counter()
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras  # noqa: E402
import numpy as np  # noqa: E402

imported = time.perf_counter()


def pixels(folder, name):
    with gzip.open(f"{folder}/{name}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    return images.astype("float32") / 255


def labels(folder, name):
    with gzip.open(f"{folder}/{name}-labels-idx1-ubyte.gz") as file:
        return keras.utils.to_categorical(np.frombuffer(file.read(), np.uint8, offset=8), 10)


def build():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPool2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPool2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


class Seconds(keras.callbacks.Callback):
    """How long each epoch took, its validation included."""

    def on_train_begin(self, logs=None):  # noqa: ARG002
        self.epochs, self.last = [], time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):  # noqa: ARG002
        now = time.perf_counter()
        self.epochs.append(now - self.last)
        self.last = now


def train(folder, path, epochs, seed):
    keras.utils.set_random_seed(seed)
    x, y = pixels(folder, "train"), labels(folder, "train")
    model, seconds = build(), Seconds()
    watching = [
        keras.callbacks.EarlyStopping("val_accuracy", patience=4, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(path, "val_accuracy", save_best_only=True),
        seconds,
    ]
    # the last 5,000 validate, so that an epoch has 55,000 images, as Tenfold's has
    model.fit(x, y, 128, epochs, validation_split=5 / 60, callbacks=watching, verbose=0)
    test, answers = pixels(folder, "t10k"), labels(folder, "t10k")
    best = keras.models.load_model(path)
    accuracy = best.evaluate(test, answers, verbose=0)[1]
    wall = time.perf_counter() - began
    began_many = time.perf_counter()
    best.predict(test, batch_size=256, verbose=0)
    per_second = len(test) / (time.perf_counter() - began_many)
    single = []
    for _ in range(20):
        began_one = time.perf_counter()
        best.predict(test[:1], verbose=0)
        single.append(time.perf_counter() - began_one)
    return {
        "wall": wall,
        "epoch_seconds": seconds.epochs,
        "accuracy": accuracy,
        "predict_per_second": per_second,
        "predict_one_ms": 1000 * sorted(single)[10],
    }


def predict(path, picture):
    from PIL import Image

    image = Image.open(picture).convert("L").resize((28, 28))
    pixels = np.asarray(image, "float32")[None, ..., None] / 255
    label = int(keras.models.load_model(path).predict(pixels, verbose=0).argmax())
    return {"label": label, "wall": time.perf_counter() - began}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("train")
    one.add_argument("folder")
    one.add_argument("model")
    one.add_argument("--epochs", type=int, default=15)
    one.add_argument("--seed", type=int, default=0)
    two = commands.add_parser("predict")
    two.add_argument("model")
    two.add_argument("picture")
    a = parser.parse_args()
    if a.command == "train":
        result = train(a.folder, a.model, a.epochs, a.seed)
    else:
        result = predict(a.model, a.picture)
    print(json.dumps({"import": imported - began, "keras": keras.__version__, **result}))


if __name__ == "__main__":
    main()
