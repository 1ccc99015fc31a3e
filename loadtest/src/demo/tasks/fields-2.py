"""Reads one line of comma-separated values."""

import csv


def fields(line: str) -> list[str]:
    """The fields of a line. A field in double quotes may hold commas, and a doubled quote stands for one."""
    return next(filter(None, csv.reader([line])), [""])
