"""Media in, one fused, timed and calibrated reading out."""
