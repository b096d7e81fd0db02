"""Any rendering of a digit leads to nearly the same 28 x 28, and an image of MNIST to itself."""

import numpy as np
import pytest

from tenfold.data.mnist import load_mnist
from tenfold.images import to_mnist


def test_mnist_passes_unchanged() -> None:
    images = load_mnist().train.images[:2000]
    for image in images:
        assert np.array_equal(to_mnist(image), image)


@pytest.mark.slow
def test_all_of_mnist_passes_unchanged() -> None:
    mnist = load_mnist()
    for image in np.concatenate([mnist.train.images, mnist.test.images]):
        assert np.array_equal(to_mnist(image), image)
