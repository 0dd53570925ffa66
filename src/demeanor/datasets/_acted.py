"""What corpora of acted emotion share: classes as seven emotions and three polarities, clips in three forms."""

from __future__ import annotations

FORMS = ("audio", "audio_video", "video")
"""Sound alone, film with sound, silent film."""

POLARITY = {
    "joy": "positive", "neutral": "neutral", "anger": "negative", "disgust": "negative", "fear": "negative",
    "sadness": "negative",
}  # fmt: skip
"""Polarity of an emotion; surprise has none of its own."""
