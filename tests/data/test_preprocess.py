import numpy as np
import pytest

from tenfold.data.preprocess import add_channel, one_hot, preprocess, to_float
from tenfold.errors import ShapeError


def test_every_pixel_value_is_divided_by_255_exactly() -> None:
    values = np.arange(256, dtype=np.uint8)
    expected = np.array([np.float32(value) / np.float32(255) for value in range(256)], np.float32)
    assert to_float(values).dtype == np.float32
    assert np.array_equal(to_float(values), expected)
    assert to_float(values)[[0, 255]].tolist() == [0, 1]


def test_preprocess_gives_what_a_network_takes_and_leaves_its_input_alone() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    before = images.copy()
    images.flags.writeable = False
    batch = preprocess(images)
    assert batch.shape == (3, 1, 28, 28)
    assert batch.dtype == np.float32
    assert np.array_equal(np.rint(batch[:, 0] * 255), before)


def test_one_hot_rows_are_the_rows_of_the_identity() -> None:
    labels = np.array([3, 0, 9, 3], np.uint8)
    assert np.array_equal(one_hot(labels), np.eye(10, dtype=np.float32)[labels])
    assert one_hot(labels).dtype == np.float32
    assert one_hot(np.array([25]), classes=26)[0, 25] == 1
    assert one_hot(np.array([], np.uint8)).shape == (0, 10)


@pytest.mark.parametrize("labels", [[10], [-1], [[1]], [1.0]])
def test_labels_that_are_no_classes_are_refused(labels: list[object]) -> None:
    with pytest.raises(ShapeError, match="Labels must be"):
        one_hot(np.array(labels))


def test_floats_are_refused_as_they_may_have_been_divided_before() -> None:
    with pytest.raises(ShapeError, match="uint8"):
        to_float(np.zeros((1, 28, 28)))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(28, 28), (1, 1, 28, 28)])
def test_a_channel_is_added_to_a_stack_of_images_only(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"\[n, height, width\]"):
        add_channel(np.zeros(shape))
