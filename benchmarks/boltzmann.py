"""What the Boltzmann machines of the book cost and reach, beside others, from one run.

``python benchmarks/boltzmann.py NAME`` measures and prints a table and writes it to
``code/deepbook/boltzmann/records/NAME.json``, which the pages show as recorded. A table is a
module ``boltzmann_NAME.py`` beside this one with ``TITLE``, ``PACKAGES`` (whose versions are
written down) and ``measure(quick) -> list of rows``, each a dict with the same keys. See README.md.
"""

import argparse
import importlib
import sys

from recording import content, write

TABLES = (
    *("speed", "likelihood", "large_likelihood", "ais", "quality", "deep", "fine_tuning"),
    *("recommender_likes", "recommender_stars"),
)


def main() -> int:
    """Measure one table, print it and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--quick", action="store_true", help="does it run? writes nothing down")
    options = parser.parse_args()
    table = importlib.import_module(f"boltzmann_{options.table}")
    rows = table.measure(options.quick)
    command = f"python benchmarks/boltzmann.py {options.table}"
    record = content(options.table, table.TITLE, rows, command, table.PACKAGES)
    from deepbook.records import Record

    print(Record(**record))
    if not options.quick:
        write("boltzmann", record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
