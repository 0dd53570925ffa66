"""Why a review is read as it is: the words that count, and what would have to go for another reading.

python examples/explain.py
"""

import demeanor

reader = demeanor.load()
review = reader.analyze("The room was cold and the bed was hard. But the breakfast was wonderful!")
why = review.explain()
for sentence in why.said:
    print(sentence["en"])
for segment in why.segments:
    if segment.words:
        ranked = sorted(segment.words.parts, key=lambda word: -abs(word.share))
        print(segment.segment, [(word.text, round(word.share, 2)) for word in ranked[:3]])
for change in why.counterfactuals:
    print(f"without {', '.join(change.texts)}: {change.before.label} → {change.after.label}")
