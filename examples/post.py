"""A post of a picture and words: how much does each of them add?

python examples/post.py
"""

import demeanor

reader = demeanor.load()
post = reader.analyze(text="今天的天气真好", image="demo/sky.jpg")
words = reader.analyze("今天的天气真好")
print(f"words alone {words.overall.sentiment.score:+.2f}, with the picture {post.overall.sentiment.score:+.2f}")
for name, cue in post.cues.items():
    print(f"{name}: weight {cue.weight:.2f}, share of the score {cue.share:+.2f}")
print("measured on labelled posts" if post.overall.calibration == "verified" else "joined by a stated rule")
