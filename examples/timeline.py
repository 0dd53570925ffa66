"""A clip from second to second: what is said, and what each cue says of it. Writes timeline.csv and timeline.html.

python examples/timeline.py [CLIP]
"""

import sys

import demeanor

clip = demeanor.analyze(sys.argv[1] if len(sys.argv) > 1 else "demo/clip.mp4")
for segment in clip.segments:
    cues = ", ".join(f"{name} {cue.sentiment.label}" for name, cue in segment.cues.items())
    times = f"{segment.start:5.1f} to {segment.end:5.1f} s"
    print(f"{times}  {segment.reading.sentiment.score:+.2f}  {segment.text}  ({cues})")
print("over all:", clip.overall.sentiment.label, "- missing:", ", ".join(clip.missing) or "nothing")
for warning in clip.warnings:
    print("note:", warning)
clip.save("timeline.csv")
clip.save("timeline.html")
