"""Runs put side by side: records, scores of a release, leaderboards."""
