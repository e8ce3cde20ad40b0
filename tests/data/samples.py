#!/usr/bin/env python3
"""Writes SQL that adds the sample campaigns of the old service's public seed data, each with a user.

Run it after gen_legacy.py, whose ids are fixed: these rows take theirs from the sequences. Run
again, it adds nothing.
"""
import json
import pathlib

SAMPLES = pathlib.Path(__file__).with_name("sample_campaigns.json")


def literal(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "'" + text.replace("'", "''") + "'"


def main() -> None:
    print("BEGIN;")
    for number, sample in enumerate(json.loads(SAMPLES.read_text(encoding="utf-8")), start=1):
        print(
            'WITH owner AS (INSERT INTO "user" (updated_at, email, name, roles) '
            f"VALUES (now(), 'sample-{number}@example.org', 'Sample {number}', '{{candidate}}') "
            "ON CONFLICT DO NOTHING RETURNING id) "
            "INSERT INTO campaign "
            "(updated_at, slug, user_id, is_active, is_demo, did_win, data, details) "
            f"SELECT now(), 'sample-{number}', id, {literal(sample['isActive'])}, "
            f"{literal(sample['isDemo'])}, {literal(sample['didWin'])}, "
            f"{literal(sample['data'])}, {literal(sample['details'])} FROM owner;"
        )
    print("COMMIT;")


if __name__ == "__main__":
    main()
