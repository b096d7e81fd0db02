"""What would do better: ablations and searches of a recipe's fields."""
