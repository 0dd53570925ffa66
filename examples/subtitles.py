"""Subtitles with sentiment, from a transcript that is there already: speech is not recognised again.

python examples/subtitles.py
"""

from pathlib import Path

import demeanor

Path("given.srt").write_text(
    "1\n00:00:00,500 --> 00:00:05,400\nWhat a lovely morning! Our team has won.\n\n"
    "2\n00:00:06,200 --> 00:00:11,300\nBut today they lost my suitcase again.\n"
)
clip = demeanor.load().analyze("demo/clip.mp4", transcript="given.srt", cues="words,voice")
clip.save("read.srt")
print(Path("read.srt").read_text(encoding="utf-8"))
