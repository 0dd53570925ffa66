"""From an expert's raw scores to probabilities one can act on, and from several experts to one reading."""
