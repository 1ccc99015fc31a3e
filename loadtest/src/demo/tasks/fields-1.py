"""Reads one line of comma-separated values."""


def fields(line: str) -> list[str]:
    """The fields of a line. A field in double quotes may hold commas, and a doubled quote stands for one."""
    found, field, quoted, i = [], "", False, 0
    while i < len(line):
        char = line[i]
        if quoted and char == '"' and line[i + 1 : i + 2] == '"':
            field += '"'
            i += 1
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            found.append(field)
            field = ""
        else:
            field += char
        i += 1
    found.append(field)
    return found
