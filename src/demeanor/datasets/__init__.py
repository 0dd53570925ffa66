"""Readers of data sets: a file each, named as the data set is."""
