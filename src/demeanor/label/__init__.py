"""Labels of one's own: a task for several raters, a page to label on, agreement, and a table to learn from.

A task is a folder: `items.csv` (what is labelled, in the columns of a batch manifest), `task.json` (what is asked),
`labels.jsonl` (every label as it was given, only ever added to) and `order.json` (what to label first, if suggested).
"""
