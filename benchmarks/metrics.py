"""Speed of the cluster bootstrap: 2 000 resamples of 2 000 rows.

    python benchmarks/metrics.py

Prints the processor seconds of an interval of accuracy and of macro-F1 over seven classes.
"""

import functools
import time

import numpy as np

from demeanor.metrics import bootstrap, classification


def main() -> None:
    draw = np.random.default_rng(0)
    labels, predictions = draw.integers(0, 7, (2, 2000))
    clusters = draw.integers(0, 300, 2000)
    macro_f1 = functools.partial(classification.macro_f1, classes=range(7))
    for name, metric in (("accuracy", classification.accuracy), ("macro-F1", macro_f1)):
        before = time.process_time()
        bootstrap.interval(metric, labels, predictions, clusters=clusters)
        print(f"{name:10s}{time.process_time() - before:6.2f} s processor")


if __name__ == "__main__":
    main()
