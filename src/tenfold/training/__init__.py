"""Training digit classifiers: networks, recipes, distortions, callbacks and the loop. Needs the extra
`train`."""
