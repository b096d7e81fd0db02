"""The harness: estimating, comparing and showing what a model does."""
