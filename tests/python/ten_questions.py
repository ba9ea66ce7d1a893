"""Asks the ten questions of a file of a suite's frames, in polars, pandas and duckdb, and compares the answers.

usage: ten_questions.py QUESTIONS.md RESULTS/SUITE

Prints one line; exits with status 1 if a line fails or two libraries disagree, or if there are not ten questions.
"""

import re
import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow

FRAMES = ["", ".trials", ".samples", ".classes", ".curves", ".transfer"]
LIBRARIES = ["polars", "pandas", "duckdb"]


def value(of):
    """A value as all libraries have it: numbers to nine digits, None for what is missing."""
    if of is None or of != of:
        return None
    if isinstance(of, (bool, str)) or type(of).__name__ == "bool_":
        return str(of)
    return f"{float(of):.9g}"


def rows(table):
    return sorted((tuple(value(of) for of in row) for row in table), key=str)


def main(path, stem):
    with open(path, encoding="utf-8") as file:
        questions = re.split(r"^## ", file.read(), flags=re.M)[1:]
    names = [frame.lstrip(".") or "cells" for frame in FRAMES]
    paths = [f"{stem}{frame}.parquet" for frame in FRAMES]
    scopes = {
        "polars": {"pl": pl} | {name: pl.read_parquet(at) for name, at in zip(names, paths)},
        "pandas": {"pd": pd} | {name: pd.read_parquet(at) for name, at in zip(names, paths)},
    }
    for name, at in zip(names, paths):
        duckdb.sql(f"create view {name} as from '{at}'")
    assert len(questions) == 10, f"{len(questions)} questions"
    for question in questions:
        title = question.splitlines()[0]
        lines = dict(re.findall(r"^```(\w+)\n([^\n]+)\n```$", question, flags=re.M))
        assert list(lines) == LIBRARIES, f"{title}: {list(lines)}"
        answers = {
            "polars": eval(lines["polars"], scopes["polars"]).rows(),
            "duckdb": duckdb.sql(lines["duckdb"]).fetchall(),
        }
        found = eval(lines["pandas"], scopes["pandas"])
        if not isinstance(found.index, pd.RangeIndex) and found.index.names != [None]:
            found = found.reset_index()
        answers["pandas"] = list(found.itertuples(index=False, name=None))
        told = {library: rows(table) for library, table in answers.items()}
        for library in LIBRARIES[1:]:
            assert told[library] == told["polars"], f"{title}\n{library}: {told[library]}\npolars: {told['polars']}"
        assert told["polars"] or "flipped" in title, f"{title}: no answer"
    versions = ", ".join(f"{of.__name__} {of.__version__}" for of in (pl, pd, duckdb, pyarrow))
    print(f"10 questions have one answer each: {versions}")


main(*sys.argv[1:])
