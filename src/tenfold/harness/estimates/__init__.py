"""How well recipes do, and whether one is better: cross-validations, learning curves, their statistics."""
