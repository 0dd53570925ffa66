"""From samples to arrays: stored features, scales, windows, parts of the data. Runs without torch."""
