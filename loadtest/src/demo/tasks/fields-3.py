"""Reads one line of comma-separated values."""

import csv


def fields(line: str) -> list[str]:
    """The fields of a line. A field in double quotes may hold commas, and a doubled quote stands for one.

    Raises ValueError for a quote that is never closed.
    """
    try:
        return next(filter(None, csv.reader([line], strict=True)), [""])
    except csv.Error as error:
        column = line.rfind('"') + 1
        raise ValueError(f"the quote in column {column} is never closed") from error
