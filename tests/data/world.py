#!/usr/bin/env python3
"""Writes the world of gen_legacy.py, one JSON object a line, for the stand-in of election-api.

Started with the same --seed, --positions and --districts as gen_legacy.py, it has the positions and
districts that the generated campaigns name:

    world.py --seed 1 > world.jsonl
    emulators --election-bind 127.0.0.1:4100 --world world.jsonl

Every ninth district has no turnout. The same arguments always give the same bytes.
"""
from __future__ import annotations

import argparse
import json
import sys

from gen_legacy import OFFICES, build_world


def line(**row: object) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--positions", type=int, default=30_000)
    arguments.add_argument("--districts", type=int, default=20_000)
    chosen = arguments.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    world = build_world(chosen.seed, chosen.positions, chosen.districts)
    for number, district in enumerate(world.districts):
        turnout = None if number % 9 == 8 else 500 + number * 37 % 90_000
        print(line(row="district", id=district.id, state=district.state, L2DistrictType=district.type,
                   L2DistrictName=district.name, turnout=turnout))
    for position in world.positions:
        print(line(row="position", id=position.id, brPositionId=position.br_id, brDatabaseId=position.db_id,
                   state=position.state, name=position.name, level=OFFICES[position.office][1],
                   districtId=position.district and position.district.id))


if __name__ == "__main__":
    main()
