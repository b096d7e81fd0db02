"""What a person sees of runs and measurements: one HTML page for each kind of result."""
