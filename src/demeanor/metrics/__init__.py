"""Scores of predictions against labels in the field's conventions; formulas in docs/metrics.md."""
