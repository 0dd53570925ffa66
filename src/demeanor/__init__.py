"""Reads sentiment and emotion from text, image, audio and video, in any combination: offline, timed, calibrated."""

__version__ = "0.1.0"
