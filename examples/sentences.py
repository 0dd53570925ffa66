"""Which of several sentences is the gladdest? Any language that the words expert knows, side by side.

python examples/sentences.py
"""

import demeanor

SENTENCES = [
    "The parcel came on time and nothing was broken.",
    "Nobody picks up the phone, ever.",
    "这家店的服务员特别热情。",
    "等了半天也没人理我。",
]

reader = demeanor.load()
readings = {sentence: reader.analyze(sentence).overall for sentence in SENTENCES}
for sentence, reading in sorted(readings.items(), key=lambda item: -item[1].sentiment.score):
    emotion = max(reading.emotions, key=reading.emotions.get)
    print(f"{reading.sentiment.score:+.2f}  {reading.sentiment.label:<8}  {emotion:<8}  {sentence}")
