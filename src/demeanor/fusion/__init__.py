"""Models of the lab: one file each, named as `models` lists them."""
