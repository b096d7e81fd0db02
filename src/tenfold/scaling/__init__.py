"""The same work past one process and one machine: streams of pictures, and trainings on a cluster."""
