"""One file per cue: the expert that turns prepared input into calibrated evidence."""
