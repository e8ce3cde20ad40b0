//! Statistics of a district (upstreams §6.4).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    kinds::{self, Kind},
    parties::{Sign, SignValue, reading},
    person::{CHILDREN, EDUCATION, HOMEOWNER, View, shown},
    population::Electorate,
    selection::of_kind,
};

/// When the batch job ran.
const COMPUTED: &str = "2026-03-20T12:00:00.000Z";
const UNKNOWN: &str = "Unknown";

/// The statistics; `counted` is how many voters they count.
pub(crate) fn of(district: &Electorate, counted: u64, view: View) -> Value {
    let kinds = (0..).zip(kinds::all());
    let kinds = kinds.map(|(place, kind)| (kind, of_kind(district, place)));
    let kinds: Vec<_> = kinds.filter(|(_, count)| *count > 0).collect();
    let bucket = |label: fn(&Kind) -> &'static str| buckets(&kinds, counted, label);
    let mut all = json!({
        "age": bucket(|kind| match kind.age {
            None => UNKNOWN,
            Some(..=25) => "18-25",
            Some(26..=35) => "26-35",
            Some(36..=50) => "36-50",
            Some(_) => "51+",
        }),
        "homeowner": bucket(|kind| shown(&HOMEOWNER, kind.homeowner).unwrap_or(UNKNOWN)),
        "education": bucket(|kind| shown(&EDUCATION, kind.education).unwrap_or(UNKNOWN)),
        "presenceOfChildren": bucket(|kind| shown(&CHILDREN, kind.children).unwrap_or(UNKNOWN)),
        "estimatedIncomeRange": bucket(|kind| kind.income.map_or(UNKNOWN, income)),
    });
    if view.future
        && let Some(all) = all.as_object_mut()
    {
        let parties = buckets(&kinds, counted, |kind| {
            match kind.allegiance.sign_value(view.parties, Sign::Party) {
                SignValue::Text(text) => reading(text),
                SignValue::Canary => "CANARY-party",
                SignValue::Nothing => UNKNOWN,
            }
        });
        all.insert("party".to_owned(), parties.into());
    }
    let with_cell_phone = kinds.iter().filter(|(kind, _)| kind.cell_phone);
    json!({
        "districtId": district.id,
        "updatedAt": COMPUTED,
        "totalConstituents": counted,
        "totalConstituentsWithCellPhone": with_cell_phone.map(|(_, count)| count).sum::<u64>(),
        "buckets": all,
    })
}

/// Largest first.
fn buckets(
    kinds: &[(&Kind, u64)],
    total: u64,
    label: impl Fn(&Kind) -> &'static str,
) -> Vec<Value> {
    let mut counts = BTreeMap::<_, u64>::new();
    for (kind, count) in kinds {
        *counts.entry(label(kind)).or_default() += count;
    }
    let mut counts = Vec::from_iter(counts);
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let buckets = counts.into_iter().map(
        |(label, count)| json!({"label": label, "count": count, "percent": percent(count, total)}),
    );
    buckets.collect()
}

/// Hundredths, from 0 to 100.
fn percent(count: u64, total: u64) -> Value {
    let hundredths = (count * 20_000 + total) / (2 * total).max(1);
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.parse::<f64>().map_or(Value::Null, Value::from)
}

fn income(dollars: u32) -> &'static str {
    match dollars {
        ..15_000 => "$1k–$15k",
        15_000..25_000 => "$15k–$25k",
        25_000..35_000 => "$25k–$35k",
        35_000..50_000 => "$35k–$50k",
        50_000..75_000 => "$50k–$75k",
        75_000..100_000 => "$75k–$100k",
        100_000..125_000 => "$100k–$125k",
        125_000..150_000 => "$125k–$150k",
        150_000..200_000 => "$150k–$200k",
        200_000..250_000 => "$200k–$250k",
        _ => "$250k+",
    }
}
