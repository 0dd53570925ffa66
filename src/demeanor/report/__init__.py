"""The analysis JSON as people want it: page, table, subtitles, spreadsheet, figure."""
