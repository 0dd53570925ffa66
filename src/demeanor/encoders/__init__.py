"""Samples to arrays: a file each; all run without torch."""
