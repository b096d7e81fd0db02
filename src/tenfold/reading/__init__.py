"""Reading digits with a finished model: numpy and ONNX Runtime, no torch."""

from tenfold.reading.reader import Failure, Prediction, Reader

__all__ = ["Failure", "Prediction", "Reader"]
